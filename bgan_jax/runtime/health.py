r"""Warns when a run's metrics or samples show that it no longer learns.

Every lasting symptom is logged once. No symptom stops a run; numbers that are not finite do, in ``runtime/loop.py``.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping

import numpy as np

logger = logging.getLogger("bgan_jax")

#: Number of consecutive reports that must show a symptom before it is logged: even a healthy run shows some at first.
PATIENCE = 3
#: Number of steps over which it must last as well, however often a run reports.
PATIENCE_STEPS = 50
#: Number of consecutive pictures that must show a collapse.
PICTURE_PATIENCE = 2
#: Number of steps over which they must show it: the latents of every generator explain almost nothing at first.
PICTURE_PATIENCE_STEPS = 200
#: Share of the samples' variance below which the latents count as ignored.
COLLAPSED_SHARE = 0.01
#: Distance between the mean logits of data and samples, in nats, at which the loss's slope in either has fallen to
#: float32's rounding, 2^-24 of its largest: nothing is learned from them. At a smaller distance a discriminator without
#: errors is not a symptom: at 15 to 20 nats errors return within some hundred steps, and the weights are as good as
#: before.
SATURATED_DISTANCE = 2 * 24 * math.log(2.0)
WEIGHT_SYMPTOMS = ("one_weight", "equal_weights", "saturated")


def weight_symptoms(metrics: Mapping[str, float], *, num_samples: int) -> dict[str, str]:
    r"""Finds symptoms in the importance weights and in the discriminator.

    The effective sample size of M weights lies in [1, M], and :math:`M / \mathrm{ESS} - 1` is the squared coefficient
    of variation of the weights.

    Args:
      metrics: means over the steps since the last report; a metric that is absent shows no symptom.
      num_samples: M.

    Returns:
      A sentence for every symptom that was found, by its name in ``WEIGHT_SYMPTOMS``.

    Example:
      >>> sorted(weight_symptoms({"effective_sample_size": 1.01}, num_samples=10))
      ['one_weight']
      >>> weight_symptoms({"effective_sample_size": 7.0}, num_samples=10)
      {}
    """
    found = {}
    size = metrics.get("effective_sample_size")
    if size is not None and size - 1.0 < 0.02 * (num_samples - 1):
        found["one_weight"] = (
            f"the effective sample size is {size:.2f} of {num_samples}: one sample per latent has all the weight, and "
            "the generator's gradient is noise; a smaller --learning_rate_disc, more --penalty or more --num_samples "
            "help"
        )
    if size is not None and num_samples / size - 1.0 < 1e-4:
        found["equal_weights"] = (
            f"the effective sample size is {size:.4f} of {num_samples}: all weights are equal, so they carry no "
            "signal; either the discriminator does not learn (see --learning_rate_disc, --penalty), or all samples of "
            "a latent are the same"
        )
    names = ("real_accuracy", "fake_accuracy", "real_logit", "fake_logit")
    if all(name in metrics for name in names):
        real_accuracy, fake_accuracy, real_logit, fake_logit = (metrics[name] for name in names)
        if min(real_accuracy, fake_accuracy) > 0.995 and real_logit - fake_logit > SATURATED_DISTANCE:
            found["saturated"] = (
                f"the discriminator is saturated: it separates data (F = {real_logit:+.1f}) from samples "
                f"(F = {fake_logit:+.1f}) without error, and its gradient has vanished; a smaller --learning_rate_disc "
                "or more --penalty help"
            )
    return found


def latent_share(probs: np.ndarray) -> float:
    r"""Computes the share of the samples' variance that the latents explain: 0 for a generator that ignores them.

    .. math:: \sum_d \mathrm{Var}_z\, E[x_d \mid z] \,/\, \sum_d \mathrm{Var}\, x_d

    Args:
      probs: :math:`E[x \mid z]` of several latents, ``[n, ...]``, probabilities of a 1 (or of every symbol).

    Returns:
      A number in [0, 1]; 0 also for a generator that makes one sample only.

    Example:
      >>> latent_share(np.full((4, 3), 0.3)), latent_share(np.array([[0.0], [1.0]]))
      (0.0, 1.0)
    """
    probs = np.asarray(probs, np.float64)
    mean = probs.mean(axis=0)
    total = np.sum(mean * (1.0 - mean))
    return float(np.sum(probs.var(axis=0)) / total) if total > 1e-6 * mean.size else 0.0


class HealthMonitor:
    """Checks the metrics and the samples of one seed during a run, and logs every lasting symptom once."""

    def __init__(self, *, num_samples: int, label: str = "") -> None:
        """Makes a monitor that has seen nothing.

        Args:
          num_samples: M.
          label: what its messages begin with, such as "seed 3"; empty in a run of one seed.
        """
        self._num_samples, self._prefix = num_samples, f"{label}: " if label else ""
        self._reports_with = dict.fromkeys(WEIGHT_SYMPTOMS, 0)
        self._last_step_without = dict.fromkeys(WEIGHT_SYMPTOMS, 0)
        self._pictures_with_collapse = self._last_picture_without = 0
        self._logged: set[str] = set()

    def check_metrics(self, step: int, metrics: Mapping[str, float]) -> None:
        """Checks the metrics of a report, averaged over the steps up to ``step``."""
        found = weight_symptoms(metrics, num_samples=self._num_samples)
        for name in WEIGHT_SYMPTOMS:
            if name not in found or self._last_step_without[name] > step:  # a restored run repeats steps
                self._reports_with[name], self._last_step_without[name] = 0, step
        for name, sentence in found.items():
            self._reports_with[name] += 1
            if self._reports_with[name] >= PATIENCE and step - self._last_step_without[name] >= PATIENCE_STEPS:
                self._log_once(name, sentence)

    def check_samples(self, step: int, probs: np.ndarray) -> None:
        """Checks the probabilities that the samples of a picture after ``step`` steps were drawn from, ``[n, ...]``."""
        share = latent_share(probs)
        if share >= COLLAPSED_SHARE or self._last_picture_without > step:  # a restored run repeats steps
            self._pictures_with_collapse, self._last_picture_without = 0, step
        self._pictures_with_collapse += share < COLLAPSED_SHARE
        lasting = step - self._last_picture_without >= PICTURE_PATIENCE_STEPS
        if self._pictures_with_collapse >= PICTURE_PATIENCE and lasting:
            self._log_once(
                "collapsed",
                f"the generator has collapsed: its latents explain {100 * share:.2f} % of its samples' variance, so "
                "all samples come from one distribution; a smaller --learning_rate_gen or another --seed help",
            )

    def _log_once(self, name: str, sentence: str) -> None:
        if name not in self._logged:
            self._logged.add(name)
            logger.warning("health: %s%s", self._prefix, sentence)
