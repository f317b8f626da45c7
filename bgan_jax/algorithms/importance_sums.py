r"""Scores the M samples of every latent with the discriminator, and keeps only what the generator's update needs.

The weights need a forward pass of the discriminator over M x N samples and nothing else. The pass runs in chunks of M
with a running log-sum-exp and running weighted sums, so memory is set by the chunk: M = 1,000 costs no more of it than
M = 20. Samples are drawn where they are scored and never stored.

A discriminator of text may give one F per sentence or one per position. What has an F of its own has a weight of its
own: every shape below that reads ``[N]`` is then ``[N, L]``, and the weights sum to 1 over M for each (n, position).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp

from bgan_jax.algorithms.linear_part import LinearPart
from bgan_jax.conditionals import Conditional, sample_statistics

# Scores beyond this, in nats, are taken as this: no weight can tell them apart anyway.
MAX_LOGIT = 1e6


class ScoredSamples(NamedTuple):
    r"""The sums over the M scored samples of each latent, with ``w = e^F`` and ``t(x)`` the sample's statistics.

    Attributes:
      log_partition: :math:`\log \hat\alpha_n = \log \frac1M \sum_m w_{mn}`, in nats, ``[N]`` (``[N, L]`` where every
        position has its own F).
      effective_sample_size: :math:`(\sum_m w)^2 / \sum_m w^2`, in [1, M], ``[N]``.
      weighted_statistics: :math:`\sum_m \tilde w_{mn} t(x_{mn})`, the weighted mean sample, ``[N, ...]``.
      mean_statistics: :math:`\frac1M \sum_m t(x_{mn})`, the mean sample, ``[N, ...]``.
      log_ratio_mean: mean of F over the samples, ``[N]``.
      log_ratio_square_mean: mean of F^2 over the samples, ``[N]``.
      log_ratio_statistics: :math:`\frac1M \sum_m F(x_{mn}) t(x_{mn})`, ``[N, ...]``; what REINFORCE needs.
      linear_statistics: :math:`\frac1M \sum_m l_{mn} t(x_{mn})` with the linear part l of F, ``[N, ...]``; what a
        control variate needs. ``None`` where the samples were scored without it.
      linear: the slopes that l is made of; ``None`` likewise.
    """

    log_partition: jax.Array
    effective_sample_size: jax.Array
    weighted_statistics: jax.Array
    mean_statistics: jax.Array
    log_ratio_mean: jax.Array
    log_ratio_square_mean: jax.Array
    log_ratio_statistics: jax.Array
    linear_statistics: jax.Array | None = None
    linear: LinearPart | None = None


class ImportanceSums(NamedTuple):
    """Sums over the samples scored so far, weights scaled by ``e^-peak`` so that no exponential overflows."""

    peak: jax.Array
    weight_sum: jax.Array
    weight_square_sum: jax.Array
    weighted_statistics: jax.Array
    statistics_sum: jax.Array
    log_ratio_sum: jax.Array
    log_ratio_square_sum: jax.Array
    log_ratio_statistics: jax.Array
    linear_statistics: jax.Array | None = None


def per_latent(values: jax.Array, like: jax.Array) -> jax.Array:
    """Appends axes to ``[N]``, ``[M, N]`` or a value per position, so that it multiplies an array of more dims."""
    return values.reshape(values.shape + (1,) * (like.ndim - values.ndim))


def _sums_of(fake_logits: jax.Array, statistics: jax.Array, linear: LinearPart | None) -> ImportanceSums:
    # The compiler may compute F twice, once for the peak and once for the weights, with different rounding. Up to a
    # million nats the two differ by less than 0.1; far beyond, by enough to make every weight 0 or infinite.
    fake_logits = jnp.clip(fake_logits, -MAX_LOGIT, MAX_LOGIT)
    peak = jnp.max(fake_logits, axis=0)
    weights = jnp.exp(fake_logits - peak[None])
    # All sums over M in one pass, as a matrix product per latent: as three reductions, the compiler's code for CPUs
    # reads the samples three times and draws them again each time.
    linear_logits = [] if linear is None else [linear.logits(statistics, ndim=fake_logits.ndim)]
    factors = jnp.stack([weights, jnp.ones_like(weights), fake_logits, *linear_logits])
    latents = fake_logits.shape[1:]
    sums = jnp.einsum(
        "kmn,mnf->knf",
        factors.reshape(len(factors), len(fake_logits), -1),
        statistics.reshape(len(fake_logits), math.prod(latents), -1),
        precision=jax.lax.Precision.HIGHEST,
    ).reshape(len(factors), *statistics.shape[1:])
    return ImportanceSums(
        peak=peak,
        weight_sum=jnp.sum(weights, axis=0),
        weight_square_sum=jnp.sum(jnp.square(weights), axis=0),
        weighted_statistics=sums[0],
        statistics_sum=sums[1],
        log_ratio_sum=jnp.sum(fake_logits, axis=0),
        log_ratio_square_sum=jnp.sum(jnp.square(fake_logits), axis=0),
        log_ratio_statistics=sums[2],
        linear_statistics=None if linear is None else sums[3],
    )


def _merge(a: ImportanceSums, b: ImportanceSums) -> ImportanceSums:
    peak = jnp.maximum(a.peak, b.peak)
    scale_a, scale_b = jnp.exp(a.peak - peak), jnp.exp(b.peak - peak)
    return ImportanceSums(
        peak=peak,
        weight_sum=scale_a * a.weight_sum + scale_b * b.weight_sum,
        weight_square_sum=scale_a**2 * a.weight_square_sum + scale_b**2 * b.weight_square_sum,
        weighted_statistics=per_latent(scale_a, a.weighted_statistics) * a.weighted_statistics
        + per_latent(scale_b, b.weighted_statistics) * b.weighted_statistics,
        statistics_sum=a.statistics_sum + b.statistics_sum,
        log_ratio_sum=a.log_ratio_sum + b.log_ratio_sum,
        log_ratio_square_sum=a.log_ratio_square_sum + b.log_ratio_square_sum,
        log_ratio_statistics=a.log_ratio_statistics + b.log_ratio_statistics,
        linear_statistics=jax.tree.map(jnp.add, a.linear_statistics, b.linear_statistics),
    )


def _finish(running: ImportanceSums, num_samples: int, linear: LinearPart | None) -> ScoredSamples:
    return ScoredSamples(
        log_partition=running.peak + jnp.log(running.weight_sum / num_samples),
        effective_sample_size=jnp.square(running.weight_sum) / running.weight_square_sum,
        weighted_statistics=running.weighted_statistics / per_latent(running.weight_sum, running.weighted_statistics),
        mean_statistics=running.statistics_sum / num_samples,
        log_ratio_mean=running.log_ratio_sum / num_samples,
        log_ratio_square_mean=running.log_ratio_square_sum / num_samples,
        log_ratio_statistics=running.log_ratio_statistics / num_samples,
        linear_statistics=jax.tree.map(lambda total: total / num_samples, running.linear_statistics),
        linear=linear,
    )


def summed_statistics(
    conditional: Conditional, statistics: jax.Array, *, sample_index: jax.Array, num_samples: int
) -> jax.Array:
    """Returns what is summed over the samples: their statistics, or unit vectors where ``log g`` is not linear in them.

    Args:
      conditional: the generator's conditional family. Static.
      statistics: of the samples, ``[m, N, ...]``.
      sample_index: which of the M samples they are, ``[m]``, integer.
      num_samples: M. Static.

    Returns:
      ``[m, N, ...]``; unit vectors ``[m, N, M]`` for ``sample_by_sample.logits_gradient``.
    """
    if conditional.linear:
        return statistics
    unit = jax.nn.one_hot(sample_index, num_samples, dtype=jnp.float32)
    return jnp.broadcast_to(unit[:, None], (*statistics.shape[:2], num_samples))


def importance_sums(
    fake_logits: jax.Array, statistics: jax.Array, *, linear: LinearPart | None = None
) -> ImportanceSums:
    """Computes the sums over samples that are in memory with their scores; see :func:`summarize` for the arguments."""
    fake_logits, statistics = jax.lax.stop_gradient((fake_logits, statistics))
    _check_scores(fake_logits, statistics)
    return _sums_of(fake_logits, statistics, linear)


def summarize(fake_logits: jax.Array, statistics: jax.Array, *, linear: LinearPart | None = None) -> ScoredSamples:
    """Summarises samples that are all in memory with their scores.

    Args:
      fake_logits: F of every sample, ``[M, N]``; or of every position of it, ``[M, N, L]``.
      statistics: every sample's sufficient statistics, ``[M, N, ...]``; ``[M, N, L, ...]`` with an F per position.
      linear: the linear part of F; ``None`` where no control variate needs it.

    Returns:
      :class:`ScoredSamples`. Constants: no gradient flows into any argument.
    """
    return _finish(importance_sums(fake_logits, statistics, linear=linear), fake_logits.shape[0], linear)


def _check_scores(fake_logits: jax.Array, statistics: jax.Array) -> None:
    if fake_logits.ndim not in (2, 3) or statistics.shape[: fake_logits.ndim] != fake_logits.shape:
        raise ValueError(
            f"F must be one number per sample {statistics.shape[:2]}, or one per position {statistics.shape[:3]}; "
            f"found {fake_logits.shape}"
        )


def score_samples(
    log_ratio_fn: Callable[[jax.Array], jax.Array],
    conditional: Conditional,
    keys: jax.Array,
    logits: jax.Array,
    *,
    num_samples: int,
    sample_chunk: int,
    num_scored: int = 0,
    sums: ImportanceSums | None = None,
    linear: LinearPart | None = None,
) -> ScoredSamples:
    """Draws M samples of every latent's conditional, scores them, and sums them up, ``sample_chunk`` at a time.

    The result is the same for every chunk size up to rounding: sample (m, n) depends on its key and indices only. So
    samples that have been scored already need not be scored again.

    Args:
      log_ratio_fn: the discriminator with its parameters inside, ``[B, ...] -> [B]``, or ``[B, L]`` with an F per
        position; forward only.
      conditional: the generator's conditional family. Static.
      keys: one key per latent, ``[N]``.
      logits: the generator's output, ``[N, ...]``.
      num_samples: M. Static.
      sample_chunk: how many of the M samples are in memory at once; divides M. Static.
      num_scored: how many samples of every latent, the first ones, are in ``sums`` already. Static.
      sums: of those, from :func:`importance_sums`; ``None`` where there are none.
      linear: the linear part of F; ``None`` where no control variate needs it. Given for ``sums`` too, or for neither.

    Returns:
      :class:`ScoredSamples`.

    Raises:
      ValueError: ``sample_chunk`` does not divide ``num_samples``; F is neither per sample nor per position; or there
        are sums of no sample, or of more than M.
    """
    if num_samples % sample_chunk:
        raise ValueError(f"sample_chunk={sample_chunk} does not divide num_samples={num_samples}")
    if not 0 <= num_scored <= num_samples or (num_scored > 0) != (sums is not None):
        raise ValueError(f"num_scored={num_scored} of {num_samples} samples, {'no' if sums is None else 'with'} sums")

    def chunk_sums_of(first: jax.Array | int, size: int) -> ImportanceSums:
        index = first + jnp.arange(size)
        statistics = sample_statistics(conditional, keys, logits, sample_index=index)
        flat_logits = log_ratio_fn(statistics.reshape((-1, *statistics.shape[2:])))
        fake_logits = flat_logits.reshape((*statistics.shape[:2], *flat_logits.shape[1:]))
        _check_scores(fake_logits, statistics)
        if fake_logits.ndim > 2 and not conditional.linear:
            raise ValueError(
                f"{conditional.name} has no linear statistics, so it takes one F per example, not per position"
            )
        summed = summed_statistics(conditional, statistics, sample_index=index, num_samples=num_samples)
        return _sums_of(fake_logits, summed, linear)

    logits = jax.lax.stop_gradient(logits)
    # The first chunk takes what does not fill one; with as many more as there are, a loop's body serves them all.
    num_chunks = -(-(num_samples - num_scored) // sample_chunk)
    loop_start = num_samples - max(num_chunks - 1, 0) * sample_chunk
    if num_chunks:
        first_sums = chunk_sums_of(num_scored, loop_start - num_scored)
        sums = first_sums if sums is None else _merge(sums, first_sums)
    if sums is None:
        raise ValueError(f"num_samples={num_samples} must be at least 1")
    if num_chunks > 1:
        sums = jax.lax.fori_loop(
            0,
            num_chunks - 1,
            lambda i, so_far: _merge(so_far, chunk_sums_of(loop_start + i * sample_chunk, sample_chunk)),
            sums,
        )
    return _finish(sums, num_samples, linear)
