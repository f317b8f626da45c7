r"""REINFORCE's learned baseline: b(z), trained to expect the reward of a latent's samples.

.. math:: \min_b \; E_{z \sim h} \, E_{x \sim g(\cdot \mid z)} [(F(x) - b(z))^2], \qquad b^*(z) = E_g[F(x) \mid z]

It is subtracted from rewards that it was not fitted to yet, so the gradient stays unbiased however wrong it is (Mnih
and Gregor 2014, https://arxiv.org/abs/1402.0030).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from bgan_jax.algorithms.importance_sums import ScoredSamples
from bgan_jax.algorithms.optimizer_step import optimizer_step
from bgan_jax.networks import Networks
from bgan_jax.networks.baseline import latent_baseline

#: Estimators that want one.
LEARNS_BASELINE = ("reinforce_learned_baseline",)


def with_baseline(networks: Networks, *, estimator: str) -> Networks:
    """Returns the networks with a baseline beside the two players, where the estimator learns one; else unchanged.

    Example:
      >>> from bgan_jax.networks import build_networks
      >>> networks = build_networks("mlp", example_shape=(4,))
      >>> with_baseline(networks, estimator="reinforce") is networks
      True
    """
    if estimator not in LEARNS_BASELINE:
        return networks
    return networks._replace(baseline=latent_baseline(networks.latent_dim))


def init_baseline(key: jax.Array, *, networks: Networks) -> dict[str, Any]:
    """Makes parameters and optimiser state of the networks' baseline; an empty mapping where there is none."""
    if networks.baseline is None:
        return {}
    params = networks.baseline.init(key)["params"]
    return {"params": params, "opt_state": _optimizer(1.0).init(params)}


class Regression(NamedTuple):
    """The baseline of a batch of latents, and its gradient; neither where none is learned.

    Attributes:
      values: b, before its update, in nats, ``[N]``, or ``None``.
      gradient: of the loss with respect to its parameters.
      metrics: ``baseline_loss``, the mean of (F - b)² over latents and samples.
    """

    values: jax.Array | None
    gradient: Any
    metrics: dict[str, jax.Array]


def regress(
    state: dict[str, Any], latents: jax.Array | None, scored: ScoredSamples, *, networks: Networks
) -> Regression:
    """Evaluates the networks' baseline, and differentiates its squared error.

    Args:
      state: from :func:`init_baseline`.
      latents: ``[N, d]``.
      scored: the summary of each latent's samples. Constants.
      networks: both players, and the baseline if any. Static.

    Returns:
      :class:`Regression`.
    """
    baseline = networks.baseline
    if baseline is None:
        return Regression(values=None, gradient={}, metrics={})

    def squared_error(params: Any) -> tuple[jax.Array, jax.Array]:
        values, _ = baseline.apply({"params": params}, latents, train=True)
        # E_m[(F - b)²] from the two moments of F that the summary has.
        each = scored.log_ratio_square_mean - 2.0 * values * scored.log_ratio_mean + jnp.square(values)
        return jnp.mean(each), values

    (loss, values), gradient = jax.value_and_grad(squared_error, has_aux=True)(state["params"])
    return Regression(values=values, gradient=gradient, metrics={"baseline_loss": loss})


def update_baseline(state: dict[str, Any], gradient: Any, *, learning_rate: float) -> dict[str, Any]:
    """Takes one step of Adam with the baseline; returns an empty mapping where there is none."""
    if not state:
        return {}
    params, opt_state = optimizer_step(_optimizer(learning_rate), gradient, state["opt_state"], state["params"])
    return {"params": params, "opt_state": opt_state}


def _optimizer(learning_rate: float) -> optax.GradientTransformation:
    return optax.adam(learning_rate)
