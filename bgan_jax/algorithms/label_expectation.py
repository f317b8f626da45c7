r"""Exact expectations over the labels of an image: a label has few values, so F of all of them can be computed.

What sampling estimates in ``classification.py``, without its noise: a control for every estimator there.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp

from bgan_jax import losses
from bgan_jax.algorithms.importance_sums import MAX_LOGIT, ScoredSamples


def every_label(num_examples: int, *, num_classes: int) -> jax.Array:
    """Returns all labels of every image, one-hot, ``[num_classes, num_examples, num_classes]``."""
    return jnp.broadcast_to(jnp.eye(num_classes)[:, None], (num_classes, num_examples, num_classes))


def summarize_exactly(fake_logits: jax.Array, logits: jax.Array) -> ScoredSamples:
    r"""Computes the sums over infinitely many labels of each image, from F of every label.

    With it ``boundary_seeking`` has the exact gradient towards :math:`\tilde p(y|x) = w(x, y) g(y|x) / \alpha(x)`, and
    ``reinforce_no_baseline`` that of the reversed divergence.

    Args:
      fake_logits: F of every label, ``[num_classes, N]``.
      logits: the classifier's, ``[N, num_classes]``.

    Returns:
      :class:`ScoredSamples`; its effective sample size is what ``num_classes`` samples would have on the large scale,
      between 0 and their number. Constants: no gradient flows into either argument.

    Example:
      >>> scored = summarize_exactly(jnp.log(jnp.array([[3.0], [1.0]])), jnp.zeros((1, 2)))
      >>> scored.weighted_statistics.round(4).tolist(), round(float(scored.log_partition[0]), 4)
      ([[0.75, 0.25]], 0.6931)
    """
    fake_logits, logits = jax.lax.stop_gradient((fake_logits.T, logits))
    fake_logits = jnp.clip(fake_logits, -MAX_LOGIT, MAX_LOGIT)
    log_probs, probs = jax.nn.log_softmax(logits), jax.nn.softmax(logits)
    log_weighted = fake_logits + log_probs
    log_partition = jax.nn.logsumexp(log_weighted, axis=1)
    log_square = jax.nn.logsumexp(2.0 * fake_logits + log_probs, axis=1)
    return ScoredSamples(
        log_partition=log_partition,
        effective_sample_size=logits.shape[1] * jnp.exp(2.0 * log_partition - log_square),
        weighted_statistics=jax.nn.softmax(log_weighted, axis=1),
        mean_statistics=probs,
        log_ratio_mean=jnp.sum(probs * fake_logits, axis=1),
        log_ratio_square_mean=jnp.sum(probs * jnp.square(fake_logits), axis=1),
        log_ratio_statistics=probs * fake_logits,
    )


def expected_lower_bound(
    *, real_logits: jax.Array, fake_logits: jax.Array, logits: jax.Array, divergence: str | losses.FDivergence
) -> jax.Array:
    r"""Computes the variational lower bound with the exact expectation over labels.

    .. math:: V = \frac1N \sum_n \Big( \nu(F(x_n, y_n)) - \sum_y g(y|x_n) f^*(\nu(F(x_n, y))) \Big)

    Args:
      real_logits: F of the images with their own labels, ``[N]``. Differentiated.
      fake_logits: F of the images with every label, ``[num_classes, N]``. Differentiated.
      logits: the classifier's, ``[N, num_classes]``. Constants.
      divergence: a name of ``DIVERGENCES``, or an ``FDivergence``. Static.

    Returns:
      The bound, a scalar.

    Example:
      >>> logits = jnp.log(jnp.array([[0.25, 0.75]]))
      >>> ratio = jnp.log(jnp.array([[2.0], [2.0 / 3.0]]))  # of p = (0.5, 0.5)
      >>> float(expected_lower_bound(real_logits=ratio[:, 0], fake_logits=ratio, logits=logits, divergence="kl"))
      0.1438
    """
    record = losses.as_divergence(divergence)
    probs = jax.lax.stop_gradient(jax.nn.softmax(logits)).T
    # A label that is never drawn counts nothing, also where F is so large that its term is infinite.
    terms = jnp.where(probs > 0.0, probs * record.conjugate_of_activation(fake_logits), 0.0)
    return jnp.mean(record.activation(real_logits)) - jnp.mean(jnp.sum(terms, axis=0))
