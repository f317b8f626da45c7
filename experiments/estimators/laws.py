"""The laws that the measurements must obey."""

from __future__ import annotations

from collections.abc import Sequence

from experiments.estimators.gradients import ESTIMATED_LOSSES
from experiments.estimators.measurement import Row
from experiments.estimators.runs import Run

# Coordinates number some ten thousand in a run, so the largest of them is four standard errors out by chance.
WORST_COORDINATE = 6.0
NORM_RATIO = 5.0


def broken_laws(rows: Sequence[Row]) -> list[str]:
    """Lists the estimators whose measured mean is not their exact mean at the same M.

    With weights per latent that mean has a bias that falls like 1/M, the same for the centred and the plain form;
    REINFORCE has no bias with any baseline.

    Args:
      rows: from ``measure``.

    Returns:
      A message for every violation.
    """
    broken = []
    for row in rows:
        if row.law is None or row.law_worst is None:
            continue
        where = f"{row.estimator} at M = {row.num_samples} on {row.target}"
        ratio, error = row.law.norm_ratio
        if abs(ratio - 1.0) > NORM_RATIO * error:
            broken.append(f"{where}: the mean is {ratio:.3f} ± {error:.3f} of its exact value")
        if row.law_worst > WORST_COORDINATE:
            broken.append(
                f"{where}: a coordinate of the mean is {row.law_worst:.1f} standard errors off its exact value"
            )
    return broken


def unconverged(runs: Sequence[Run], *, attainable: Sequence[str]) -> list[str]:
    """Lists the runs that do not converge to the known answer.

    Against the optimal discriminator a run must end where descent along its own exact gradient ends, to within a
    twentieth of the way; where the target is attainable that is at KL = 0, and a trained discriminator must come
    three quarters of the way there.

    Args:
      runs: of all targets.
      attainable: names of targets inside the generator's family.

    Returns:
      A message for every violation.
    """
    exact = {(run.target, run.name): float(run.curves.kl[:, -1].mean()) for run in runs if run.discriminator == "exact"}
    broken = []
    for run in runs:
        first, last = float(run.curves.kl[:, 0].mean()), float(run.curves.kl[:, -1].mean())
        if run.discriminator == "optimal":
            known, share = exact[run.target, ESTIMATED_LOSSES[run.name][0]], 0.05
        elif run.discriminator == "exact":
            known, share = 0.0, 0.05
        else:
            known, share = 0.0, 0.25
        if run.discriminator != "optimal" and run.target not in attainable:
            continue
        # An end below the exact descent's is legal; not a number is a violation.
        if not last < known + share * (first - known):
            broken.append(
                f"{run.name} with the {run.discriminator} discriminator on {run.target}: KL(p||q) went from "
                f"{first:.4f} to {last:.4f}, the known answer is {known:.4f}"
            )
    return broken
