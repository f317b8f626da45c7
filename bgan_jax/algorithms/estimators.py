r"""Estimators of the generator's gradient from scored samples: each one a function of the same sums.

Every score-function estimator has the form

.. math:: \hat g_n = \sum_m c_{mn} \nabla_\theta \log g_\theta(x_{mn} \mid z_n)

and ``log g`` is linear in the sample's statistics ``t(x)``, so all that the backward pass needs of the M samples is
:math:`\sum_m c_{mn} t(x_{mn})` and :math:`\sum_m c_{mn}`. An estimator is its coefficients c; what it returns are those
two sums. They are constants: the stop-gradient of Algorithm 1 is in ``importance_sums.summarize``.

Where every position of a sentence has an F of its own, those in ``PER_POSITION`` read ``[N]`` as ``[N, L]``: each
position has its own coefficients, normalised over its own M symbols.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp

from bgan_jax.algorithms.importance_sums import ScoredSamples, per_latent
from bgan_jax.conditionals import Conditional
from bgan_jax.losses import log_partition


class CoefficientSums(NamedTuple):
    r"""The two sums over the samples that a latent's gradient needs.

    Attributes:
      statistics: :math:`\sum_m c_{mn} t(x_{mn})`, ``[N, ...]``.
      total: :math:`\sum_m c_{mn}`, ``[N]``, or ``[N, L]`` with coefficients for every position.
    """

    statistics: jax.Array
    total: jax.Array


class Context(NamedTuple):
    r"""Inputs of an estimator beside the samples of its own latents. Built by keyword; not an argument of ``jit``.

    Attributes:
      num_samples: M, how many samples each latent has, or ``None`` where the mean over them is exact. Static.
      log_partition_average: the running average of :math:`\log \hat\alpha`, in nats, scalar.
      axis_name: the device axis, ``None`` on one device. Static.
      baseline: what a network expects of each latent, in nats, ``[N]``; ``None`` where none is learned.

    Example:
      >>> context = Context(num_samples=2, log_partition_average=jnp.zeros(()), axis_name=None)
      >>> context.baseline is None
      True
    """

    num_samples: int | None
    log_partition_average: jax.Array
    axis_name: str | None
    baseline: jax.Array | None = None


Estimator = Callable[[ScoredSamples, Context], CoefficientSums]


def boundary_seeking(scored: ScoredSamples, context: Context) -> CoefficientSums:
    r"""Computes per-latent importance weights with the control variate 1/M: :math:`c_{mn} = \tilde w_{mn} - \frac1M`.

    The estimator of Algorithm 1 of Hjelm et al. 2018 (https://arxiv.org/abs/1702.08431). Subtracting 1/M does not
    change its mean, since ``E_g[grad log g] = 0``, and lowers its variance; with M = 1 it is exactly zero.

    Example:
      >>> from bgan_jax.algorithms.importance_sums import summarize
      >>> scored = summarize(jnp.log(jnp.array([[1.0], [3.0]])), jnp.array([[[0.0]], [[1.0]]]))
      >>> context = Context(num_samples=2, log_partition_average=jnp.zeros(()), axis_name=None)
      >>> boundary_seeking(scored, context).statistics  # the samples are 0 and 1, their weights 1/4 and 3/4
      Array([[0.25]], dtype=float32)
    """
    del context
    return CoefficientSums(
        statistics=scored.weighted_statistics - scored.mean_statistics, total=jnp.zeros_like(scored.log_partition)
    )


def boundary_seeking_plain(scored: ScoredSamples, context: Context) -> CoefficientSums:
    r"""Computes per-latent importance weights as the paper prints them: :math:`c_{mn} = \tilde w_{mn}`.

    Example:
      >>> from bgan_jax.algorithms.importance_sums import summarize
      >>> scored = summarize(jnp.log(jnp.array([[1.0], [3.0]])), jnp.array([[[0.0]], [[1.0]]]))
      >>> context = Context(num_samples=2, log_partition_average=jnp.zeros(()), axis_name=None)
      >>> boundary_seeking_plain(scored, context).statistics
      Array([[0.75]], dtype=float32)
    """
    del context
    return CoefficientSums(statistics=scored.weighted_statistics, total=jnp.ones_like(scored.log_partition))


def boundary_seeking_marginal(scored: ScoredSamples, context: Context) -> CoefficientSums:
    r"""Computes weights normalised over the whole batch, each less the mean of its latent's others.

    .. math::

       c_{mn} = \frac{1}{M \hat\beta} \Big(w_{mn} - \frac{1}{M-1} \sum_{m' \ne m} w_{m'n}\Big)
              = \frac{M}{M-1} \Big(\tilde w_{mn} - \frac1M\Big) \frac{\hat\alpha_n}{\hat\beta}

    :math:`\hat\beta` is the mean weight over all samples of all latents (and devices), so latents whose samples look
    more like data count more. It points along the gradient of the marginal KL(p~ || q), with a higher variance.

    Example:
      >>> from bgan_jax.algorithms.importance_sums import summarize
      >>> scored = summarize(jnp.log(jnp.array([[1.0], [3.0]])), jnp.array([[[0.0]], [[1.0]]]))
      >>> context = Context(num_samples=2, log_partition_average=jnp.zeros(()), axis_name=None)
      >>> boundary_seeking_marginal(scored, context).statistics  # of one latent: M / (M - 1) times boundary_seeking
      Array([[0.5]], dtype=float32)
    """
    # log_partition of the per-latent log-means is the log-mean over everything, since every latent has M samples.
    log_beta = log_partition(scored.log_partition, axis=0, axis_name=context.axis_name)
    scale = _leave_one_out(context.num_samples) * jnp.exp(scored.log_partition - log_beta)
    return CoefficientSums(
        statistics=per_latent(scale, scored.mean_statistics) * (scored.weighted_statistics - scored.mean_statistics),
        total=jnp.zeros_like(scored.log_partition),
    )


def boundary_seeking_marginal_plain(scored: ScoredSamples, context: Context) -> CoefficientSums:
    r"""Computes weights normalised over the batch, as printed: :math:`c_{mn} = \tilde w_{mn} \hat\alpha_n / \hat\beta`.

    The first policy gradient of Hjelm et al. 2018. Biased for the gradient of the marginal KL(p~ || q) by a term that
    falls with the number of latents alone.

    Example:
      >>> from bgan_jax.algorithms.importance_sums import summarize
      >>> weights = jnp.array([[1.0, 2.0], [3.0, 2.0]])  # two samples of two latents
      >>> scored = summarize(jnp.log(weights), jnp.array([[[0.0], [0.0]], [[1.0], [1.0]]]))
      >>> context = Context(num_samples=2, log_partition_average=jnp.zeros(()), axis_name=None)
      >>> boundary_seeking_marginal_plain(scored, context).statistics[:, 0]  # 3 and 2 over twice the mean weight
      Array([0.75, 0.5 ], dtype=float32)
    """
    scale = jnp.exp(scored.log_partition - log_partition(scored.log_partition, axis=0, axis_name=context.axis_name))
    return CoefficientSums(
        statistics=per_latent(scale, scored.weighted_statistics) * scored.weighted_statistics, total=scale
    )


def reinforce(scored: ScoredSamples, context: Context) -> CoefficientSums:
    r"""Computes REINFORCE's coefficients with the leave-one-out baseline.

    .. math:: c_{mn} = \frac1M \Big(F_{mn} - \frac1{M-1}\sum_{m' \ne m} F_{m'n}\Big)

    The reward is the log-weight F, so this descends KL(g(x|z) || p~(x|z)). The baseline is independent of the sample
    that it is subtracted from: unbiased, and free.

    Example:
      >>> from bgan_jax.algorithms.importance_sums import summarize
      >>> scored = summarize(jnp.array([[1.0], [3.0]]), jnp.array([[[0.0]], [[1.0]]]))
      >>> context = Context(num_samples=2, log_partition_average=jnp.zeros(()), axis_name=None)
      >>> reinforce(scored, context).statistics  # (3 - 1) / 2
      Array([[1.]], dtype=float32)
    """
    centred = reinforce_given_baseline(scored, baseline=scored.log_ratio_mean)
    scale = _leave_one_out(context.num_samples)
    return CoefficientSums(statistics=scale * centred.statistics, total=jnp.zeros_like(centred.total))


def reinforce_moving_average(scored: ScoredSamples, context: Context) -> CoefficientSums:
    r"""Computes REINFORCE's coefficients with the running log-partition as baseline, as the authors do.

    :math:`c_{mn} = \frac1M (F_{mn} - \overline{\log Z} - 1)`.

    Example:
      >>> from bgan_jax.algorithms.importance_sums import summarize
      >>> scored = summarize(jnp.array([[1.0], [3.0]]), jnp.array([[[0.0]], [[1.0]]]))
      >>> context = Context(num_samples=2, log_partition_average=jnp.array(0.5), axis_name=None)
      >>> reinforce_moving_average(scored, context).statistics  # (3 - 0.5 - 1) / 2
      Array([[0.75]], dtype=float32)
    """
    baseline = jnp.broadcast_to(context.log_partition_average + 1.0, scored.log_ratio_mean.shape)
    return reinforce_given_baseline(scored, baseline=baseline)


def reinforce_no_baseline(scored: ScoredSamples, context: Context) -> CoefficientSums:
    r"""Computes REINFORCE's coefficients without a baseline: :math:`c_{mn} = \frac1M F_{mn}`.

    Example:
      >>> from bgan_jax.algorithms.importance_sums import summarize
      >>> scored = summarize(jnp.array([[1.0], [3.0]]), jnp.array([[[0.0]], [[1.0]]]))
      >>> context = Context(num_samples=2, log_partition_average=jnp.zeros(()), axis_name=None)
      >>> reinforce_no_baseline(scored, context).statistics
      Array([[1.5]], dtype=float32)
    """
    del context
    return reinforce_given_baseline(scored, baseline=jnp.zeros_like(scored.log_ratio_mean))


def reinforce_learned_baseline(scored: ScoredSamples, context: Context) -> CoefficientSums:
    r"""Computes REINFORCE's coefficients with a learned baseline: :math:`c_{mn} = \frac1M (F_{mn} - b(z_n))`.

    ``algorithms/learned_baseline.py`` trains b. It must not depend on the samples.

    Raises:
      ValueError: the context has no baseline.

    Example:
      >>> from bgan_jax.algorithms.importance_sums import summarize
      >>> scored = summarize(jnp.array([[1.0], [3.0]]), jnp.array([[[0.0]], [[1.0]]]))
      >>> zero, two = jnp.zeros(()), jnp.array([2.0])
      >>> context = Context(num_samples=2, log_partition_average=zero, axis_name=None, baseline=two)
      >>> reinforce_learned_baseline(scored, context).statistics  # (3 - 2) / 2
      Array([[0.5]], dtype=float32)
    """
    if context.baseline is None:
        raise ValueError("reinforce_learned_baseline needs networks that have a baseline: with_baseline(networks, ...)")
    return reinforce_given_baseline(scored, baseline=context.baseline)


def reinforce_given_baseline(scored: ScoredSamples, *, baseline: jax.Array) -> CoefficientSums:
    r"""Computes REINFORCE's coefficients with a given baseline per latent: :math:`c_{mn} = \frac1M (F_{mn} - b_n)`.

    Args:
      scored: the summary of the samples.
      baseline: b, in nats, ``[N]`` (``[N, L]`` with an F per position). Unbiased if it does not depend on the samples.

    Returns:
      The coefficient_sums.

    Example:
      >>> from bgan_jax.algorithms.importance_sums import summarize
      >>> scored = summarize(jnp.array([[1.0], [3.0]]), jnp.array([[[0.0]], [[1.0]]]))
      >>> reinforce_given_baseline(scored, baseline=jnp.array([1.0]))
      CoefficientSums(statistics=Array([[1.]], dtype=float32), total=Array([1.], dtype=float32))
    """
    return CoefficientSums(
        statistics=scored.log_ratio_statistics - per_latent(baseline, scored.mean_statistics) * scored.mean_statistics,
        total=scored.log_ratio_mean - baseline,
    )


def _leave_one_out(num_samples: int | None) -> float:
    """Returns M / (M - 1): a sample less the mean of the others, in units of it less the mean of all; 1 at M = ∞."""
    return 1.0 if num_samples is None else num_samples / (num_samples - 1)


ESTIMATORS: dict[str, Estimator] = {
    "boundary_seeking": boundary_seeking,
    "boundary_seeking_plain": boundary_seeking_plain,
    "boundary_seeking_marginal": boundary_seeking_marginal,
    "boundary_seeking_marginal_plain": boundary_seeking_marginal_plain,
    "reinforce": reinforce,
    "reinforce_moving_average": reinforce_moving_average,
    "reinforce_learned_baseline": reinforce_learned_baseline,
    "reinforce_no_baseline": reinforce_no_baseline,
}


#: Names of the estimators whose coefficients may belong to single positions of a sentence.
PER_POSITION = ("boundary_seeking", "boundary_seeking_plain", "reinforce", "reinforce_no_baseline")


def generator_loss(logits: jax.Array, coefficient_sums: CoefficientSums, *, conditional: Conditional) -> jax.Array:
    r"""Computes the scalar whose gradient is the estimator's.

    .. math:: -\frac1N \sum_n \sum_m c_{mn} \log g(x_{mn} \mid z_n)

    Args:
      logits: the generator's output, ``[N, ...]``. Differentiated.
      coefficient_sums: the estimator's two sums. Constants.
      conditional: the generator's conditional family. Static.

    Returns:
      Scalar, in nats. With coefficients for every position, the sum of the positions' losses.
    """
    num_latents, statistics, total = logits.shape[0], coefficient_sums.statistics, coefficient_sums.total
    if total.ndim > 1:
        # A position with coefficients of its own is an example of length one.
        logits, statistics = (array.reshape(-1, 1, *array.shape[2:]) for array in (logits, statistics))
        total = total.reshape(-1)
    inner_product = conditional.inner_product(statistics, logits)
    return -jnp.sum(inner_product - total * conditional.log_normalizer(logits)) / num_latents
