r"""Exact expectations of the self-normalised estimators for every number of samples, and so their exact bias.

The mean of a ratio of random sums has no closed form, but a Laplace transform makes it a single integral. Since
:math:`1/W = \int_0^\infty e^{-sW} ds`,

.. math:: E\Big[\sum_m \tilde w_m t(x_m)\Big] = M \int_0^\infty \psi(s)\, \phi(s)^{M-1} ds, \qquad
          \phi(s) = E_g[e^{-sw}], \quad \psi(s) = E_g[w\, t(x)\, e^{-sw}]

with M independent samples. On an enumerable space phi and psi are finite sums, and in :math:`u = \log s` the trapezoid
rule converges geometrically. As M grows the mean tends to :math:`E_{\tilde p}[t]`, with a bias of
:math:`-\frac1M E_{\tilde p}[\frac{w}{\alpha} (t - E_{\tilde p} t)]` to first order.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

# The integrand is analytic in a strip of half-width pi/2 around real u, so the error is about exp(-pi^2 / 0.2).
NODE_SPACING = 0.2
NODES_AT_ONCE = 32
# Below s = e^-25 / M the integrand is negligible: the truncation error is of relative size e^-25.
LOWER_MARGIN = 25.0
UPPER_MARGIN = 4.0


class FiniteSampleMeans(NamedTuple):
    """Expected gradients with respect to a table of logits, one row per latent, for K values of M.

    Attributes:
      per_latent: with weights normalised over the samples of each latent, centred or not, ``[K, Z, D]``.
      marginal: with weights normalised over the whole batch, ``[K, Z, D]``.
      marginal_centered: the same, each weight minus the mean of its latent's others, ``[K, Z, D]``; zero for M = 1. At
        finite N it differs from ``marginal``: the normaliser depends on all samples.
    """

    per_latent: np.ndarray
    marginal: np.ndarray
    marginal_centered: np.ndarray


def finite_sample_means(
    conditional_log_probs: ArrayLike,
    *,
    log_ratio: ArrayLike,
    latent_log_probs: ArrayLike,
    statistics: ArrayLike,
    num_samples: Sequence[int],
    num_latents: int,
) -> FiniteSampleMeans:
    r"""Computes the expectations of the importance-weighted estimators with M samples of each of N latents.

    The generator is a table of logits, a row per latent, so the gradient of ``-log g(x|z)`` in row z is
    :math:`E_g[t|z] - t(x)`, and the expected gradient is h(z) times the mean weighted sum of that.

    Args:
      conditional_log_probs: log g(x|z) of every state, in nats, ``[Z, S]``.
      log_ratio: F of every state, finite, in nats, ``[S]``.
      latent_log_probs: log h(z), ``[Z]``.
      statistics: t(x) of every state, flattened, ``[S, D]``.
      num_samples: K values of M, each at least 1.
      num_latents: N, the number of latents of a batch.

    Returns:
      The three expected gradients, float64.

    Raises:
      ValueError: an M or N is below 1, or F is not finite.

    Example:
      >>> log_g, log_ratio = np.log([[0.5, 0.5]]), np.log([0.5, 1.5])
      >>> means = finite_sample_means(
      ...     log_g, log_ratio=log_ratio, latent_log_probs=[0.0], statistics=[[0.0], [1.0]], num_samples=[1, 2, 1000],
      ...     num_latents=1)
      >>> means.per_latent[:, 0, 0].round(4).tolist()
      [0.0, -0.125, -0.2498]
    """
    log_g, log_ratio = np.asarray(conditional_log_probs, np.float64), np.asarray(log_ratio, np.float64)
    latent_probs, statistics = np.exp(np.asarray(latent_log_probs, np.float64)), np.asarray(statistics, np.float64)
    if min(*num_samples, num_latents) < 1:
        raise ValueError(f"num_samples and num_latents must be positive, got {list(num_samples)} and {num_latents}")
    if not np.all(np.isfinite(log_ratio)):
        raise ValueError("log_ratio must be finite for every state; clip it where the target is zero")
    probs = np.exp(log_g)
    probs /= probs.sum(axis=1, keepdims=True)
    # The scale of the weights cancels; mean one over the batch puts the integral in the range of the nodes.
    log_weights = log_ratio - np.log(latent_probs @ (probs @ np.exp(log_ratio)))
    weights = np.exp(log_weights)
    lower = -np.log(max(num_samples) * num_latents * len(latent_probs)) - LOWER_MARGIN
    upper = -log_weights.min() + UPPER_MARGIN
    nodes = np.exp(np.arange(lower, upper, NODE_SPACING))

    # For each latent, E[e^-sw], E[w e^-sw], and E[(t - E t) e^-sw], E[w (t - E t) e^-sw] at every node.
    transforms = []
    for g in probs:
        centred = statistics - g @ statistics
        columns = g[:, None] * np.concatenate(
            [np.ones_like(weights)[:, None], weights[:, None], centred, weights[:, None] * centred], axis=1
        )
        moments = np.concatenate(
            [
                np.exp(-nodes[start : start + NODES_AT_ONCE, None] * weights) @ columns
                for start in range(0, len(nodes), NODES_AT_ONCE)
            ]
        )
        transforms.append((moments[:, 0], moments[:, 1], *np.split(moments[:, 2:], 2, axis=1)))
    phi, chi, tau, psi = (np.stack(field) for field in zip(*transforms, strict=True))
    log_phi = np.log(np.maximum(phi, 1e-300))
    # ds = s du.
    steps = NODE_SPACING * nodes

    def integral(integrand: np.ndarray, log_factor: np.ndarray) -> np.ndarray:
        return np.einsum("u,zud,zu->zd", steps, integrand, np.exp(log_factor))

    row_weights = latent_probs[:, None]
    rows = []
    for m in num_samples:
        others = np.exp(m * log_phi)
        log_other_latents = (num_latents - 1) * np.log(np.maximum(latent_probs @ others, 1e-300))[None]
        own = integral(psi, (m - 1) * log_phi + log_other_latents)
        # A sample's weight minus the mean weight of the M - 1 others; for M = 1 there are none, and the result is zero.
        companions = integral(chi[:, :, None] * tau, (m - 2) * log_phi + log_other_latents) if m > 1 else own
        rows.append(
            (
                -row_weights * m * integral(psi, (m - 1) * log_phi),
                -row_weights * num_latents * m * own,
                -row_weights * num_latents * m * (own - companions),
            )
        )
    return FiniteSampleMeans(*(np.stack(field) for field in zip(*rows, strict=True)))


def marginal_standard_deviation(
    conditional_log_probs: ArrayLike,
    *,
    log_ratio: ArrayLike,
    latent_log_probs: ArrayLike,
    statistics: ArrayLike,
    num_samples: int,
    num_latents: int,
) -> np.ndarray:
    r"""Computes the standard deviation of the estimator normalised over the whole batch, to first order in 1/N.

    The estimator is a ratio of means, so by the delta method its variance is that of the mean over latents of

    .. math:: R_n = \frac1M \sum_m \frac{w_{mn}}{\beta} (y_{mn} - \gamma), \qquad
              y_{mn} = 1[z_n = z] (E_g[t \mid z] - t(x_{mn})), \quad \gamma = E\Big[\frac w\beta y\Big]

    for each row z and coordinate of t. It includes states that are too rare to be drawn. A standard deviation estimated
    from samples does not, and with heavy-tailed weights it can be far too small.

    Args:
      conditional_log_probs: log g(x|z) of every state, in nats, ``[Z, S]``.
      log_ratio: F of every state, finite, in nats, ``[S]``.
      latent_log_probs: log h(z), ``[Z]``.
      statistics: t(x) of every state, flattened, ``[S, D]``.
      num_samples: M.
      num_latents: N.

    Returns:
      Standard deviation of one gradient, float64, ``[Z, D]``.

    Example:
      >>> log_g, log_ratio = np.log([[0.5, 0.5]]), np.log([0.5, 1.5])
      >>> marginal_standard_deviation(
      ...     log_g, log_ratio=log_ratio, latent_log_probs=[0.0], statistics=[[0.0], [1.0]], num_samples=4,
      ...     num_latents=25).round(4).tolist()
      [[0.0375]]
    """
    probs, statistics = np.exp(np.asarray(conditional_log_probs, np.float64)), np.asarray(statistics, np.float64)
    latent_probs, log_ratio = np.exp(np.asarray(latent_log_probs, np.float64)), np.asarray(log_ratio, np.float64)
    probs /= probs.sum(axis=1, keepdims=True)
    weights = np.exp(log_ratio - np.log(latent_probs @ (probs @ np.exp(log_ratio))))
    # E_g[w] and E_g[w^2] of every row.
    first, second = probs @ weights, probs @ np.square(weights)
    variance = np.empty((len(probs), statistics.shape[1]))
    for z, (g, h) in enumerate(zip(probs, latent_probs, strict=True)):
        pull = g @ statistics - statistics
        gradient = h * ((g * weights) @ pull)
        own = pull - gradient
        single = h * ((g * np.square(weights)) @ np.square(own))
        paired = h * np.square((g * weights) @ own)
        # Latents of other rows have y = 0, and contribute through the normaliser alone.
        others = np.arange(len(probs)) != z
        single += np.square(gradient) * (latent_probs[others] @ second[others])
        paired += np.square(gradient) * (latent_probs[others] @ np.square(first[others]))
        variance[z] = single / num_samples + (1 - 1 / num_samples) * paired
    return np.sqrt(variance / num_latents)
