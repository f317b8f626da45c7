r"""The health of a run in words: what its metrics say when training has stopped to make sense.

A symptom that lasts is told once. None of them stops a run; non-finite numbers do, in ``runtime/loop.py``.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping

import numpy as np

logger = logging.getLogger("bgan_jax")

#: A symptom is told after so many reports in a row that show it (two pictures for a collapse): the first steps of a
#: healthy run look ill.
PATIENCE = 3
#: And after so many steps at least, however often a run reports.
PATIENCE_STEPS = 50
#: Distance of the mean logits of data and samples, in nats, at which the loss's slope in either has fallen to float32's
#: rounding, 2^-24 of its largest: nothing is learnt from them. Short of that a discriminator without errors is no
#: symptom: at 15 to 20 nats errors come back within some hundred steps, and the weights are as good as ever.
SATURATED_DISTANCE = 2 * 24 * math.log(2.0)
WEIGHT_SYMPTOMS = ("one_weight", "equal_weights", "saturated")


def weight_symptoms(metrics: Mapping[str, float], *, num_samples: int) -> dict[str, str]:
    r"""What is wrong with the weights and the discriminator behind them.

    The effective sample size of M weights lies in [1, M], and :math:`M / \mathrm{ESS} - 1` is the squared coefficient
    of variation of the weights.

    Args:
      metrics: means over the steps since the last report; those that are absent show nothing.
      num_samples: M.

    Returns:
      A sentence for every symptom, by the symptom's name.

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
            "signal; either the discriminator does not learn (see --learning_rate_disc, --penalty), or all of a "
            "latent's samples are the same"
        )
    names = ("real_accuracy", "fake_accuracy", "real_logit", "fake_logit")
    if all(name in metrics for name in names):
        real_accuracy, fake_accuracy, real_logit, fake_logit = (metrics[name] for name in names)
        if min(real_accuracy, fake_accuracy) > 0.995 and real_logit - fake_logit > SATURATED_DISTANCE:
            found["saturated"] = (
                f"the discriminator is saturated: it tells data (F = {real_logit:+.1f}) from samples "
                f"(F = {fake_logit:+.1f}) without error and so surely that it learns no more; a smaller "
                "--learning_rate_disc or more --penalty help"
            )
    return found


def latent_share(probs: np.ndarray) -> float:
    r"""Which share of the samples' variance the latents decide: 0 for a generator that ignores them.

    .. math:: \sum_d \mathrm{Var}_z\, E[x_d \mid z] \,/\, \sum_d \mathrm{Var}\, x_d

    Args:
      probs: :math:`E[x \mid z]` of several latents, ``[n, ...]``, probabilities of a 1 (or of every symbol).

    Returns:
      A number in [0, 1]; 0 also for a generator that makes one and the same sample only.

    Example:
      >>> latent_share(np.full((4, 3), 0.3)), latent_share(np.array([[0.0], [1.0]]))
      (0.0, 1.0)
    """
    probs = np.asarray(probs, np.float64)
    mean = probs.mean(axis=0)
    total = np.sum(mean * (1.0 - mean))
    return float(np.sum(probs.var(axis=0)) / total) if total > 1e-6 * mean.size else 0.0


class Watch:
    """Looks at a run as it goes, and tells every lasting symptom once, with what it is ``of`` in front."""

    def __init__(self, *, num_samples: int, of: str = "") -> None:
        self._num_samples, self._of = num_samples, f"{of}: " if of else ""
        self._lasting: dict[str, int] = {}
        self._well_at: dict[str, int] = {}
        self._told: set[str] = set()

    def see_metrics(self, step: int, metrics: Mapping[str, float]) -> None:
        """Looks at the metrics of a report, averaged over the steps up to ``step``."""
        found = weight_symptoms(metrics, num_samples=self._num_samples)
        for name in WEIGHT_SYMPTOMS:
            if name not in found or self._well_at.get(name, 0) > step:  # a run may go back
                self._lasting[name], self._well_at[name] = 0, step
        for name, sentence in found.items():
            self._lasting[name] = self._lasting.get(name, 0) + 1
            if self._lasting[name] >= PATIENCE and step - self._well_at.get(name, 0) >= PATIENCE_STEPS:
                self._tell(name, sentence)

    def see_samples(self, probs: np.ndarray) -> None:
        """Looks at the probabilities that a picture's samples were drawn from, ``[n, ...]``."""
        share = latent_share(probs)
        self._lasting["collapsed"] = self._lasting.get("collapsed", 0) + 1 if share < 0.01 else 0
        if self._lasting["collapsed"] >= 2:
            self._tell(
                "collapsed",
                f"the generator has collapsed: its latents decide {100 * share:.2f} % of its samples' variance, so all "
                "samples come from one distribution; a smaller --learning_rate_gen or another --seed help",
            )

    def _tell(self, name: str, sentence: str) -> None:
        if name not in self._told:
            self._told.add(name)
            logger.warning("health: %s%s", self._of, sentence)
