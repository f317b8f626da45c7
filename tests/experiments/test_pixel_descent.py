"""Descent on pixels: its law on a discriminator that is known."""

import jax
import jax.numpy as jnp
import numpy as np

from bgan_jax.networks import Networks, Player
from bgan_jax.training.continuous_step import ContinuousGame, ContinuousSettings
from bgan_jax.training.state import adam_pair, init_state
from experiments import pixel_descent


def linear_game(objective):
    """F = sum of the pixels: its slope is 1 at every pixel, so a descent can be followed by hand."""
    disc = Player(
        init=lambda key: {"params": {"scale": jnp.ones(())}},
        apply=lambda variables, images, *, train: (variables["params"]["scale"] * images.sum(axis=(1, 2, 3)), {}),
    )
    networks = Networks(
        name="linear", gen=disc, disc=disc, disc_double_backward=disc, example_shape=(2, 2, 1), latent_dim=1,
        latent_prior="normal", output="pixels",
    )  # fmt: skip
    optimizers = adam_pair(learning_rate_gen=0.0, learning_rate_disc=0.0)
    settings = ContinuousSettings(objective=objective, penalty=0.0)
    game = ContinuousGame(networks=networks, optimizers=optimizers, settings=settings)
    return game, init_state(jax.random.key(0), networks=networks, optimizers=optimizers)


def followed(objective, start, *, rate, steps):
    game, state = linear_game(objective)
    return pixel_descent.descend(state, start, game=game, rate=rate, steps=steps, batch_size=2)


def test_boundary_seeking_stops_at_the_boundary_where_the_proxy_goes_on():
    start = np.random.default_rng(0).uniform(-0.6, -0.1, (4, 2, 2, 1)).astype(np.float32)
    # d F^2 = 2 F, over four pixels of slope 1: F shrinks by the factor 1 - 8 rate at every step.
    logits, drift, pictures = followed("boundary_seeking", start, rate=0.05, steps=40)
    np.testing.assert_allclose(logits[1], 0.6 * logits[0], rtol=1e-5)
    np.testing.assert_allclose(logits[-1], 0.0, atol=1e-6)
    # The shortest way to F = 0 is equally far at every pixel: |F| / 4 at each, so a distance of |F| / 2.
    np.testing.assert_allclose(drift[-1], -logits[0] / 2, rtol=1e-5)
    np.testing.assert_array_equal(pictures[0], start)
    logits, drift_of_proxy, pictures = followed("non_saturating", start, rate=0.05, steps=200)
    assert (logits[-1] > 2.0).all() and (np.diff(logits, axis=0) >= 0.0).all()
    assert (drift_of_proxy[-1] > drift[-1]).all()
    assert pictures.max() <= 1.0 and pictures[-1].mean() > 0.7


def test_pictures_are_kept_at_the_moments():
    moments = pixel_descent.moments_of(7)
    _, drift, pictures = followed("minimax", np.full((2, 2, 2, 1), -0.5, np.float32), rate=0.01, steps=7)
    assert moments[0] == 0 and moments[-1] == 7 and len(pictures) == len(moments)
    np.testing.assert_allclose(
        np.linalg.norm((pictures - pictures[0]).reshape(len(moments), 2, 4), axis=-1), drift[moments], rtol=1e-5
    )
