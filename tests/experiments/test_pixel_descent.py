"""Descent on pixels: its law on a discriminator that is known, a tiny run from flags to figures, what is refused."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from bgan_jax.algorithms.continuous import ContinuousGame, ContinuousSettings
from bgan_jax.algorithms.state import adam_pair, init_state
from bgan_jax.networks import Networks, Player
from experiments.harness.cli import flags
from experiments.pixel_descent import command as pixel_descent
from experiments.pixel_descent.descent import descend, moments_of
from tests.experiments.refusals import assert_refused, flag_of
from tests.tiny_pixels import tiny_networks


def linear_game(objective):
    """F = sum of the pixels: its slope is 1 at every pixel, so a descent can be followed by hand."""
    disc = Player(
        init=lambda key: {"params": {"scale": jnp.ones(())}},
        apply=lambda variables, images, *, train: (variables["params"]["scale"] * images.sum(axis=(1, 2, 3)), {}),
    )
    networks = Networks(
        name="linear", gen=disc, disc=disc, example_shape=(2, 2, 1), latent_dim=1,
        latent_prior="normal", output="pixels",
    )  # fmt: skip
    optimizers = adam_pair(learning_rate_gen=0.0, learning_rate_disc=0.0)
    settings = ContinuousSettings(objective=objective, penalty=0.0)
    game = ContinuousGame(networks=networks, optimizers=optimizers, settings=settings)
    return game, init_state(jax.random.key(0), networks=networks, optimizers=optimizers)


def followed(objective, start, *, rate, steps):
    game, state = linear_game(objective)
    return descend(state, start, game=game, rate=rate, steps=steps, batch_size=2)


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
    moments = moments_of(7)
    _, drift, pictures = followed("minimax", np.full((2, 2, 2, 1), -0.5, np.float32), rate=0.01, steps=7)
    assert moments[0] == 0 and moments[-1] == 7 and len(pictures) == len(moments)
    np.testing.assert_allclose(
        np.linalg.norm((pictures - pictures[0]).reshape(len(moments), 2, 4), axis=-1), drift[moments], rtol=1e-5
    )


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("descent") / "run"
    arguments = [
        f"--workdir={folder}", f"--cache_dir={folder}-cache", "--smoke", "--batch_size=8", "--judged_samples=16",
        "--compilation_cache=false",
    ]  # fmt: skip
    with tiny_networks("dcgan32_cortex"):
        result = pixel_descent.main(flags.parse(pixel_descent.Config, arguments, smoke=pixel_descent.SMOKE))
    return folder, result


def test_what_a_run_leaves_behind(finished):
    folder, result = finished
    for name in ("descent-0.1.png", "paths.png"):
        assert Image.open(folder / name).size[0] > 300
    assert json.loads((folder / "result.json").read_text()) == result
    minimax, boundary = result["descents"]
    assert minimax["frechet"][0] == boundary["frechet"][0] and minimax["mean_logit"][0] == boundary["mean_logit"][0]
    assert minimax["moments"] == [0, 1, 2, 3] and minimax["drift"][0] == 0.0 < minimax["drift"][-1]
    assert minimax["mean_logit"][-1] > minimax["mean_logit"][0]
    assert abs(boundary["mean_logit"][-1]) <= abs(boundary["mean_logit"][0])
    assert "| boundary_seeking | 0.1 |" in (folder / "result.md").read_text()


def test_the_generator_rested_while_the_discriminator_learned(finished):
    folder, _ = finished
    metrics = [json.loads(line) for line in (folder / "discriminator" / "metrics.jsonl").read_text().splitlines()]
    assert [line["step"] for line in metrics] == [1, 2]
    assert "disc_gradient_norm" in metrics[0] and "gen_gradient_norm" not in metrics[0]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--descent_objectives=hinge"], ["'hinge'", "boundary_seeking"]),
        (["--descent_objectives="], ["--descent_objectives is empty"]),
        (["--objective=wasserstein"], ["--objective=wasserstein", "non_saturating"]),
        (["--descent_rates=0"], ["--descent_rates=0"]),
        (["--descent_rates=quick"], ["--descent_rates=quick"]),
        (["--judged_samples=100"], ["--judged_samples=100", "--batch_size=64"]),
        (["--workdir="], ["--workdir"]),
    ],
    ids=flag_of,
)
def test_bad_flags(tmp_path, capsys, arguments, words):
    arguments = ["--compilation_cache=false", *arguments]
    assert_refused(pixel_descent, arguments, words=words, folder=tmp_path / "run", capsys=capsys)
