import jax
import jax.numpy as jnp
import numpy as np
import pytest

from bgan_jax.algorithms.regularisation import annealed, penalty_term
from bgan_jax.algorithms.settings import DiscriminatorSettings
from bgan_jax.algorithms.updates import clipped
from bgan_jax.losses import PENALTIES

SLOPE = jnp.array([3.0, 4.0])


@pytest.mark.parametrize(
    # The loss of a plane F = 3x + 4y, whose gradient has norm 5 everywhere; the weights of jensen_shannon sum to 1/2 at
    # F = 0, where both terms are evaluated.
    ("name", "expected"),
    [
        ("gradient_norm", 0.5 * (25 / 4 + 25 / 4)),
        ("unweighted", 0.5 * 50),
        ("r1", 0.5 * 25),
        ("wgan_gp", 16.0),
    ],
)
@pytest.mark.parametrize("batch_independent", [False, True])
def test_what_each_adds_to_the_loss(name, expected, batch_independent):
    """Real and fake points pass as one batch, or, where a point's F depends on its batch, one after the other."""
    points = jnp.array([[4.0, -3.0], [-4.0, 3.0], [0.0, 0.0]])  # F is 0 on all of them
    sizes = []

    def log_ratio_fn(points):
        sizes.append(len(points))
        return points @ SLOPE

    term, penalty = penalty_term(
        log_ratio_fn,
        jax.random.split(jax.random.key(0), 3),
        real=points,
        fake=points[::-1],
        step=jnp.int32(10),
        settings=DiscriminatorSettings(penalty=2.0, penalty_form=name, penalty_half_life=10),
        batch_independent=batch_independent,
    )
    assert float(term) == pytest.approx(expected, rel=1e-5)  # the coefficient has halved to 1
    assert float(PENALTIES[name].factor * penalty) == pytest.approx(expected, rel=1e-5)
    both = name in ("gradient_norm", "unweighted")
    assert sizes == ([6] if both and batch_independent else [3, 3] if both else [3])


def test_a_penalty_of_coefficient_zero_is_not_computed():
    settings = DiscriminatorSettings(penalty=0.0)
    term, penalty = penalty_term(None, None, real=None, fake=None, step=None, settings=settings, batch_independent=True)
    assert float(term) == float(penalty) == 0.0


def test_annealing_follows_the_published_schedule():
    """A decay to a hundredth over the run, as Roth et al. have it, is a half-life of 0.15 runs."""
    steps = np.array([0, 250, 500, 1000])
    values = [float(annealed(2.0, jnp.int32(step), half_life=1000 / np.log2(100))) for step in steps]
    np.testing.assert_allclose(values, 2.0 * 0.01 ** (steps / 1000), rtol=1e-5)


def test_no_half_life_is_exactly_constant():
    assert float(annealed(0.3, jnp.int32(12345), half_life=None)) == np.float32(0.3)


def test_clipping():
    params = {"a": jnp.array([-2.0, 0.1]), "b": jnp.array([[5.0]])}
    assert clipped(params, limit=0.0) is params
    np.testing.assert_allclose(clipped(params, limit=0.5)["a"], [-0.5, 0.1], rtol=1e-6)
    np.testing.assert_allclose(clipped(params, limit=0.5)["b"], [[0.5]])
