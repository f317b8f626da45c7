import jax
import jax.numpy as jnp
import numpy as np
import pytest

from bgan_jax import losses
from bgan_jax.conditionals import example_keys, product_bernoulli, sample_conditionals
from bgan_jax.training.scoring import default_sample_chunk, score_samples, summarize

CONDITIONAL = product_bernoulli()
KEYS = example_keys(jax.random.key(0), jnp.arange(3))
LOGITS = jax.random.normal(jax.random.key(1), (3, 4, 4, 1))


def statistic_fn(points):
    return 3.0 * jnp.sum(jnp.sin(points * jnp.arange(16.0).reshape(1, 4, 4, 1)), axis=(1, 2, 3))


def scored(chunk, *, fn=statistic_fn, m=12):
    return score_samples(fn, CONDITIONAL, KEYS, LOGITS, num_samples=m, sample_chunk=chunk)


@pytest.mark.parametrize("chunk", [1, 3, 4, 6])
def test_the_chunk_size_does_not_matter(chunk):
    for name, whole, chunked in zip(scored(12)._fields, scored(12), scored(chunk), strict=True):
        np.testing.assert_allclose(chunked, whole, rtol=2e-5, atol=1e-5, err_msg=name)


def test_the_summary_is_what_the_losses_say():
    x = sample_conditionals(CONDITIONAL, KEYS, LOGITS, sample_index=jnp.arange(12))
    points = CONDITIONAL.statistics(x)
    fake_logits = statistic_fn(points.reshape(-1, 4, 4, 1)).reshape(12, 3)
    weights = losses.normalized_importance_weights(fake_logits)
    result = scored(4)
    np.testing.assert_allclose(result.log_partition, losses.log_partition(fake_logits), rtol=1e-5)
    np.testing.assert_allclose(result.effective_sample_size, losses.effective_sample_size(fake_logits), rtol=1e-5)
    np.testing.assert_allclose(
        result.weighted_statistics, jnp.einsum("mn,mn...->n...", weights, points), rtol=1e-5, atol=1e-6
    )
    np.testing.assert_allclose(result.mean_statistics, points.mean(0), rtol=1e-6)
    np.testing.assert_allclose(result.logit_mean, fake_logits.mean(0), rtol=1e-5)
    np.testing.assert_allclose(result.logit_square_mean, jnp.square(fake_logits).mean(0), rtol=1e-5)
    np.testing.assert_allclose(
        result.logit_statistics, jnp.einsum("mn,mn...->n...", fake_logits, points) / 12, rtol=1e-5, atol=1e-5
    )


def test_huge_scores_stay_finite_and_a_constant_changes_no_weight():
    low, high = scored(3), scored(3, fn=lambda points: statistic_fn(points) + 1e4)
    np.testing.assert_allclose(high.weighted_statistics, low.weighted_statistics, atol=2e-3)
    assert all(bool(jnp.isfinite(leaf).all()) for leaf in high)
    extreme = scored(3, fn=lambda points: 1e30 * statistic_fn(points))
    assert bool(jnp.isfinite(extreme.weighted_statistics).all())
    assert bool(((extreme.effective_sample_size > 0.999) & (extreme.effective_sample_size < 12.001)).all())


def test_no_gradient_flows_through_the_samples():
    def total(fake_logits, statistics):
        return sum(jnp.sum(leaf) for leaf in summarize(fake_logits, statistics))

    slopes = jax.grad(total, argnums=(0, 1))(jnp.ones((4, 3)), jnp.ones((4, 3, 2)))
    assert all(float(jnp.abs(slope).max()) == 0.0 for slope in slopes)


def test_peak_memory_follows_the_chunk_and_not_m():
    def temporary_bytes(m):
        wide = jnp.zeros((8, 28, 28, 1))
        keys = example_keys(jax.random.key(0), jnp.arange(8))
        compiled = (
            jax.jit(
                lambda logits: score_samples(
                    lambda points: points.sum((1, 2, 3)), CONDITIONAL, keys, logits, num_samples=m, sample_chunk=20
                )
            )
            .lower(wide)
            .compile()
        )
        return compiled.memory_analysis().temp_size_in_bytes

    assert temporary_bytes(1000) <= 1.2 * temporary_bytes(40)


def test_chunks():
    assert [default_sample_chunk(m) for m in (2, 10, 20, 21, 1000, 23)] == [2, 10, 20, 7, 20, 1]
    with pytest.raises(ValueError, match="sample_chunk=5 does not divide num_samples=12"):
        scored(5)
