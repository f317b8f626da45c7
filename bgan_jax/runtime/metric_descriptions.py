"""Describes the metrics of a run: what each is called, and how to read its curve."""

from __future__ import annotations

from typing import NamedTuple


class MetricDescription(NamedTuple):
    """The description of one metric, for a reader who has not read the paper.

    Attributes:
      title: its name, with its unit. A title that ends in "of M" refers to the run's number of samples.
      subtitle: how to read it, in a line under the title of a small plot; may be empty.
      explanation: how to read it, in full sentences.
    """

    title: str
    subtitle: str
    explanation: str


#: In the order in which they are shown.
METRICS: dict[str, MetricDescription] = {
    "bound": MetricDescription(
        "Bound on the divergence (nats)",
        "falls to its minimum as samples approach the data",
        "How far apart the discriminator can prove samples and data to be. It jumps up while the discriminator learns, "
        "then should decrease slowly as the samples approach the data; 0 (with gan, -1.386) means that the "
        "discriminator cannot tell them apart. It is a lower bound by this discriminator, so a low curve is good news "
        "only while the discriminator still learns.",
    ),
    "critic": MetricDescription(
        "The critic's objective",
        "data against samples",
        "The critic's value of data minus that of samples; falls towards 0 as samples approach the data.",
    ),
    "effective_sample_size": MetricDescription(
        "Effective sample size, of M",
        "1: one sample has all the weight; M: no signal",
        "How many of the M samples of a latent share the weight. M: all weights are equal and carry no signal. 1: one "
        "sample has all the weight, and the generator's gradient is noise. The generator learns in between; early in "
        "training the value is low, and it rises as the generator improves.",
    ),
    "log_partition": MetricDescription(
        "Log-partition (nats)",
        "0: e^F is a normalised density ratio",
        "The logarithm of the mean weight. It is 0 when e^F is a density ratio that sums to 1, as in the theory; far "
        "below 0, the discriminator gives the samples little weight.",
    ),
    "linear_correlation": MetricDescription(
        "Correlation of F with its linear part",
        "1: the control variate removes all noise",
        "How well a linear function of the samples predicts their F. Its part of the generator's gradient is known "
        "exactly. The nearer to 1, the more of the gradient's noise the control variate removes.",
    ),
    "control_coefficient": MetricDescription(
        "Coefficient of the control variate",
        "0: it changes nothing",
        "What the control variate is multiplied by, so that the variance is smallest. It is fitted over each batch.",
    ),
    "real_logit": MetricDescription(
        "Mean F on data (nats)",
        "",
        "F is the estimated log density ratio: above 0 it favours 'data'.",
    ),
    "fake_logit": MetricDescription(
        "Mean F on samples (nats)",
        "",
        "Below 0 it favours 'made by the generator'. Both means near 0 is the boundary that the method is named after.",
    ),
    "sample_logit": MetricDescription(
        "Mean F on the generator's own batch (nats)",
        "",
        "The same, on the samples that the generator learns from.",
    ),
    "sample_logit_square": MetricDescription(
        "Mean F squared",
        "",
        "What boundary seeking minimises on continuous data: 0 is the boundary.",
    ),
    "real_accuracy": MetricDescription(
        "Share of data recognised",
        "F above the boundary, 0 for most objectives",
        "0.5 is chance. If this share and that of the samples are both 1, the discriminator makes no errors, and its "
        "gradient no longer guides the generator.",
    ),
    "fake_accuracy": MetricDescription(
        "Share of samples recognised",
        "F below the boundary, 0 for most objectives",
        "As above, for the generator's samples.",
    ),
    "gen_loss": MetricDescription(
        "The generator's loss",
        "",
        "Its scale depends on the objective; only its trend within one run is meaningful.",
    ),
    "temperature": MetricDescription(
        "Temperature of the relaxation",
        "",
        "As it falls, relaxed samples approach the corners of the simplex, and their gradients get noisier.",
    ),
    "baseline_loss": MetricDescription(
        "Squared error of the learned baseline",
        "",
        "How far the reward is from what the baseline predicts: this part of the noise remains in the gradient.",
    ),
    "penalty": MetricDescription(
        "Penalty on the discriminator's slope",
        "",
        "Before its coefficient. If it is large, F is steep, and small changes of a sample change the weights a lot.",
    ),
    "gen_gradient_norm": MetricDescription(
        "Norm of the generator's gradient",
        "",
        "Spikes are unstable steps; a constant 0 means no signal.",
    ),
    "disc_gradient_norm": MetricDescription(
        "Norm of the discriminator's gradient",
        "",
        "Spikes are unstable steps.",
    ),
    "steps_per_second": MetricDescription(
        "Steps per second",
        "",
        "The first point includes compilation; dips are pictures and checkpoints.",
    ),
}
