"""What a run writes down about itself, by name: what each quantity is called, and what to look for in its curve."""

from __future__ import annotations

from typing import NamedTuple


class MetricDescription(NamedTuple):
    """One number per step, for a person who has not read the paper.

    Attributes:
      title: what it is called, with its unit. A title that ends in M is of the run's own number of samples.
      subtitle: how to read it, in a line under the title of a small picture; may be empty.
      explanation: the same in full sentences.
    """

    title: str
    subtitle: str
    explanation: str


#: In the order in which they are shown.
METRICS: dict[str, MetricDescription] = {
    "bound": MetricDescription(
        "Bound on the divergence (nats)",
        "falls to its least value as samples near the data",
        "How far apart the discriminator can prove samples and data to be. It jumps up while the discriminator learns, "
        "then should drift down as the samples near the data; 0 (with gan, -1.386) means it cannot tell them apart. It "
        "is a lower bound by this discriminator, so a low curve is good news only while the discriminator still "
        "learns.",
    ),
    "critic": MetricDescription(
        "The critic's objective",
        "data against samples",
        "Data against samples; falls towards 0 as the two near each other.",
    ),
    "effective_sample_size": MetricDescription(
        "Effective sample size, of M",
        "1: one sample takes all; M: no signal",
        "How many of the M samples of a latent the weights really use. M: all weights are equal and carry no signal. "
        "1: one sample takes all the weight, and the generator's gradient is noise. In between is where learning "
        "happens; early in training it is low, and it rises as the generator improves.",
    ),
    "log_partition": MetricDescription(
        "Log-partition (nats)",
        "0: e^F is a normalised density ratio",
        "The logarithm of the mean weight. 0 when e^F is a density ratio that sums to 1, as the theory has it; far "
        "below 0, the discriminator gives the samples little credit.",
    ),
    "real_logit": MetricDescription(
        "Mean F on data (nats)",
        "",
        "F is the estimated log density ratio: above 0 says 'data'.",
    ),
    "fake_logit": MetricDescription(
        "Mean F on samples (nats)",
        "",
        "Below 0 says 'made by the generator'. Both means near 0 is the boundary that the method is named after.",
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
        "0.5 is a coin; 1 together with the samples' share at 1 means that the discriminator has won, and guides no "
        "more.",
    ),
    "fake_accuracy": MetricDescription(
        "Share of samples recognised",
        "F below the boundary, 0 for most objectives",
        "As above, for the generator's samples.",
    ),
    "gen_loss": MetricDescription(
        "The generator's loss",
        "",
        "Its scale depends on the objective; only its trend within one run means something.",
    ),
    "temperature": MetricDescription(
        "Temperature of the relaxation",
        "",
        "Relaxed samples near the corners of the simplex as it falls, and their gradients get noisier.",
    ),
    "baseline_loss": MetricDescription(
        "Squared error of the learned baseline",
        "",
        "How far the reward is from what the baseline expects: what remains is noise that it cannot take away.",
    ),
    "penalty": MetricDescription(
        "Penalty on the discriminator's slope",
        "",
        "Before its coefficient. Large: F is steep, and small changes of a picture move the weights a lot.",
    ),
    "gen_gradient_norm": MetricDescription(
        "Norm of the generator's gradient",
        "",
        "Spikes are unstable steps; a flat 0 means no signal.",
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
