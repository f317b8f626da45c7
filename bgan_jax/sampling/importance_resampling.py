r"""Importance resampling of the generator's samples with the discriminator's weights.

F is an estimate of log p/q, so samples of q that are kept in proportion to :math:`e^F` are closer to p than q is: they
follow p if F is exact and there are many candidates. Nothing is trained; the cost is K candidates for each sample. This
is sampling-importance-resampling (Rubin 1988) with the weights of the generator's loss.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from bgan_jax.conditionals import Conditional
from bgan_jax.losses import effective_sample_size
from bgan_jax.networks import Networks
from bgan_jax.sampling.sampler import Sampler, Samples

#: ``score(x)``: F of samples, in nats, ``[n]``; x as in ``Samples``.
Scorer = Callable[[np.ndarray], np.ndarray]


class Resampled(NamedTuple):
    """Resampled samples and statistics of their weights.

    Attributes:
      samples: the ``n`` kept samples, independent of one another.
      effective_sample_size: that of the K weights from which each sample was chosen, in [1, K], ``[n]``.
      logit_gain: mean F of the kept samples minus that of all candidates, in nats.
    """

    samples: Samples
    effective_sample_size: np.ndarray
    logit_gain: float


def make_scorer(
    networks: Networks, conditional: Conditional | None, variables: Any, *, batch_size: int = 250
) -> Scorer:
    """Creates a function that computes a trained discriminator's F of samples.

    Args:
      networks: both players; only the discriminator is used, with its running statistics.
      conditional: the conditional family, for its statistics; ``None`` for continuous data.
      variables: the discriminator's variables, ``{"params": ..., **model_state}``.
      batch_size: samples per call of the network.

    Returns:
      The scorer. It raises ``ValueError`` for a discriminator with one F per position.
    """

    @jax.jit
    def score_batch(variables: Any, x: jax.Array) -> jax.Array:
        points = x if conditional is None else conditional.statistics(x)
        return networks.disc.apply(variables, points, train=False)[0]

    def score(x: np.ndarray) -> np.ndarray:
        logits = []
        for start in range(0, len(x), batch_size):
            batch = x[start : start + batch_size]
            filled = np.concatenate([batch, np.repeat(batch[-1:], batch_size - len(batch), axis=0)])
            logits.append(np.asarray(score_batch(variables, jnp.asarray(filled)))[: len(batch)])
            if logits[-1].ndim != 1:
                raise ValueError(
                    f"resampling needs one F per sample, and this discriminator gives {logits[-1].shape[1:]} of them"
                )
        return np.concatenate(logits)

    return score


def resample(key: jax.Array, sample: Sampler, score: Scorer, n: int, *, candidates: int) -> Resampled:
    r"""Draws K candidates for each sample and keeps one, with probability :math:`e^{F_k} / \sum_j e^{F_j}`.

    Every kept sample has its own candidates, so that the kept samples are independent and a candidate is never kept
    twice. The distribution of a kept sample tends to :math:`q e^F / E_q e^F` as K grows, with an error of order 1/K.

    Args:
      key: PRNG key.
      sample: the generator's sampler.
      score: computes F of samples, from :func:`make_scorer`.
      n: number of samples to keep.
      candidates: K, at least 1; with 1 the samples are the generator's own.

    Returns:
      :class:`Resampled`.

    Raises:
      ValueError: there are fewer candidates than 1.

    Example:
      >>> coin = lambda key, n: Samples(x=np.asarray(jax.random.bernoulli(key, 0.5, (n,))), probs=None)
      >>> kept = resample(jax.random.key(0), coin, lambda x: 80.0 * x, 4, candidates=32)
      >>> kept.samples.x.tolist()
      [True, True, True, True]
    """
    if candidates < 1:
        raise ValueError(f"candidates={candidates} must be at least 1")
    sample_key, choice_key = jax.random.split(key)
    drawn = sample(sample_key, n * candidates)
    logits = jnp.asarray(score(drawn.x), jnp.float32).reshape(n, candidates)
    chosen = np.asarray(jax.random.categorical(choice_key, logits, axis=-1))
    kept = np.arange(n) * candidates + chosen
    probs = None if drawn.probs is None else drawn.probs[kept]
    gain = float(jnp.mean(logits[jnp.arange(n), chosen]) - jnp.mean(logits))
    return Resampled(
        samples=Samples(x=drawn.x[kept], probs=probs),
        effective_sample_size=np.asarray(effective_sample_size(logits, axis=1)),
        logit_gain=gain,
    )
