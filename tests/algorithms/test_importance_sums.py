import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from bgan_jax import losses
from bgan_jax.algorithms.importance_sums import importance_sums, score_samples, summarize
from bgan_jax.conditionals import example_keys, product_bernoulli, product_categorical, sample_conditionals

CONDITIONAL = product_bernoulli()
KEYS = example_keys(jax.random.key(0), jnp.arange(3))
LOGITS = jax.random.normal(jax.random.key(1), (3, 4, 4, 1))


def log_ratio_fn(points):
    return 3.0 * jnp.sum(jnp.sin(points * jnp.arange(16.0).reshape(1, 4, 4, 1)), axis=(1, 2, 3))


def scored(chunk, *, fn=log_ratio_fn, m=12):
    return score_samples(fn, CONDITIONAL, KEYS, LOGITS, num_samples=m, sample_chunk=chunk)


@pytest.mark.parametrize("chunk", [1, 3, 4, 6])
def test_the_chunk_size_does_not_matter(chunk):
    chex.assert_trees_all_close(scored(chunk), scored(12), rtol=2e-5, atol=1e-5)


def rest_scored(num_scored, chunk):
    x = CONDITIONAL.statistics(
        sample_conditionals(CONDITIONAL, KEYS, LOGITS, sample_index=jnp.arange(max(num_scored, 1)))
    )
    fake_logits = log_ratio_fn(x.reshape(-1, *x.shape[2:])).reshape(x.shape[:2])
    return score_samples(
        log_ratio_fn, CONDITIONAL, KEYS, LOGITS, num_samples=12, sample_chunk=chunk, num_scored=num_scored,
        sums=importance_sums(fake_logits, x),
    )  # fmt: skip


@pytest.mark.parametrize(("num_scored", "chunk"), [(1, 1), (1, 4), (5, 3), (5, 12), (11, 6), (12, 4)])
def test_samples_that_were_scored_before_need_not_be_scored_again(num_scored, chunk):
    chex.assert_trees_all_close(rest_scored(num_scored, chunk), scored(12), rtol=2e-5, atol=1e-5)


@pytest.mark.parametrize("num_scored", [0, 13])
def test_sums_of_no_sample_or_of_too_many_are_refused(num_scored):
    with pytest.raises(ValueError, match=f"num_scored={num_scored} of 12 samples, with sums"):
        rest_scored(num_scored, 4)


def test_the_summary_is_what_the_losses_say():
    x = sample_conditionals(CONDITIONAL, KEYS, LOGITS, sample_index=jnp.arange(12))
    points = CONDITIONAL.statistics(x)
    fake_logits = log_ratio_fn(points.reshape(-1, 4, 4, 1)).reshape(12, 3)
    weights = losses.normalized_importance_weights(fake_logits)
    result = scored(4)
    np.testing.assert_allclose(result.log_partition, losses.log_partition(fake_logits), rtol=1e-5)
    np.testing.assert_allclose(result.effective_sample_size, losses.effective_sample_size(fake_logits), rtol=1e-5)
    np.testing.assert_allclose(
        result.weighted_statistics, jnp.einsum("mn,mn...->n...", weights, points), rtol=1e-5, atol=1e-6
    )
    np.testing.assert_allclose(result.mean_statistics, points.mean(0), rtol=1e-6)
    np.testing.assert_allclose(result.log_ratio_mean, fake_logits.mean(0), rtol=1e-5)
    np.testing.assert_allclose(result.log_ratio_square_mean, jnp.square(fake_logits).mean(0), rtol=1e-5)
    np.testing.assert_allclose(
        result.log_ratio_statistics, jnp.einsum("mn,mn...->n...", fake_logits, points) / 12, rtol=1e-5, atol=1e-5
    )


def test_huge_scores_stay_finite_and_a_constant_changes_no_weight():
    low, high = scored(3), scored(3, fn=lambda points: log_ratio_fn(points) + 1e4)
    np.testing.assert_allclose(high.weighted_statistics, low.weighted_statistics, atol=2e-3)
    assert all(bool(jnp.isfinite(leaf).all()) for leaf in jax.tree.leaves(high))
    extreme = scored(3, fn=lambda points: 1e30 * log_ratio_fn(points))
    assert bool(jnp.isfinite(extreme.weighted_statistics).all())
    assert bool(((extreme.effective_sample_size > 0.999) & (extreme.effective_sample_size < 12.001)).all())


def test_no_gradient_flows_through_the_samples():
    def total(fake_logits, statistics):
        return sum(jnp.sum(leaf) for leaf in jax.tree.leaves(summarize(fake_logits, statistics)))

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
    with pytest.raises(ValueError, match="sample_chunk=5 does not divide num_samples=12"):
        scored(5)


SYMBOLS = product_categorical(5, event_ndims=1)
TEXT_LOGITS = jax.random.normal(jax.random.key(2), (3, 6, 5))


def position_log_ratio_fn(points):
    """One F per position, which sees its neighbour as well."""
    own = points @ jnp.sin(3.0 * jnp.arange(5.0))
    return 2.0 * own + jnp.roll(own, 1, axis=1) * jnp.arange(6.0)[None]


def scored_text(chunk, *, fn=position_log_ratio_fn, logits=TEXT_LOGITS, m=12):
    return score_samples(fn, SYMBOLS, KEYS, logits, num_samples=m, sample_chunk=chunk)


@pytest.mark.parametrize("chunk", [1, 4, 6])
def test_the_chunk_size_does_not_matter_to_positions(chunk):
    chex.assert_trees_all_close(scored_text(chunk), scored_text(12), rtol=2e-5, atol=2e-5)


def test_weights_of_every_position_sum_to_one_over_the_samples():
    result = scored_text(4)
    assert result.log_partition.shape == result.effective_sample_size.shape == (3, 6)
    # The statistics of a symbol are one-hot, so their weighted sum over symbols is the sum of the weights.
    np.testing.assert_allclose(result.weighted_statistics.sum(axis=-1), 1.0, rtol=1e-5)
    assert bool(((result.effective_sample_size >= 0.999) & (result.effective_sample_size <= 12.001)).all())


def test_each_position_is_weighted_as_if_it_were_alone():
    x = sample_conditionals(SYMBOLS, KEYS, TEXT_LOGITS, sample_index=jnp.arange(12))
    points = SYMBOLS.statistics(x)
    fake_logits = position_log_ratio_fn(points.reshape(-1, 6, 5)).reshape(12, 3, 6)
    together = scored_text(4)
    for position in range(6):
        alone = summarize(fake_logits[:, :, position], points[:, :, position])
        of_position = jax.tree.map(lambda values: values[:, position], together)  # noqa: B023 (called at once)
        chex.assert_trees_all_close(of_position, alone, rtol=2e-5, atol=2e-5)


def test_sentences_of_one_position_are_weighted_as_sentences():
    short = TEXT_LOGITS[:, :1]
    per_position = scored_text(3, fn=lambda points: 2.0 * points[..., 0], logits=short)
    per_sentence = scored_text(3, fn=lambda points: 2.0 * points[:, 0, 0], logits=short)
    of_sentence = jax.tree.map(lambda a, b: a.reshape(b.shape), per_position, per_sentence)
    chex.assert_trees_all_close(of_sentence, per_sentence, rtol=1e-6)


def test_one_score_for_all_positions_gives_the_weights_of_sentences():
    def sentence_fn(points):
        return position_log_ratio_fn(points).sum(axis=1)

    def spread_fn(points):
        return jnp.broadcast_to(sentence_fn(points)[:, None], points.shape[:2])

    per_position, per_sentence = scored_text(4, fn=spread_fn), scored_text(4, fn=sentence_fn)
    np.testing.assert_allclose(per_position.weighted_statistics, per_sentence.weighted_statistics, atol=1e-5)
    np.testing.assert_allclose(
        per_position.log_partition, per_sentence.log_partition[:, None] * jnp.ones((1, 6)), rtol=1e-5
    )


@pytest.mark.parametrize("shape", [(), (5,), (6, 5), (6, 5, 2)], ids=str)
def test_scores_that_belong_to_nothing_are_refused(shape):
    with pytest.raises(ValueError, match=r"one number per sample \(12, 3\), or one per position \(12, 3, 6\)"):
        summarize(jnp.zeros((12, *shape) if shape else (12,)), jnp.zeros((12, 3, 6, 5)))
