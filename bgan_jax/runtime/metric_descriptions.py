"""What a run writes down about itself, by name: what each quantity is called, and what to look for in its curve."""

from __future__ import annotations

from typing import NamedTuple


class Quantity(NamedTuple):
    """One number per step, for a person who has not read the paper.

    Attributes:
      title: what it is called, with its unit. A title that ends in M is of the run's own number of samples.
      in_short: how to read it, in a line under the title of a small picture; may be empty.
      explanation: the same in full sentences.
    """

    title: str
    in_short: str
    explanation: str


#: In the order in which they are shown.
QUANTITIES: dict[str, Quantity] = {
    "bound": Quantity(
        "Bound on the divergence (nats)",
        "falls to its least value as samples near the data",
        "How far apart the discriminator can prove samples and data to be. It jumps up while the discriminator learns, "
        "then should drift down as the samples near the data; 0 (with gan, -1.386) means it cannot tell them apart. It "
        "is a lower bound by this discriminator, so a low curve is good news only while the discriminator still "
        "learns.",
    ),
    "critic": Quantity(
        "The critic's objective",
        "data against samples",
        "Data against samples; falls towards 0 as the two near each other.",
    ),
    "effective_sample_size": Quantity(
        "Effective sample size, of M",
        "1: one sample takes all; M: no signal",
        "How many of the M samples of a latent the weights really use. M: all weights are equal and carry no signal. "
        "1: one sample takes all the weight, and the generator's gradient is noise. In between is where learning "
        "happens; early in training it is low, and it rises as the generator improves.",
    ),
    "log_partition": Quantity(
        "Log-partition (nats)",
        "0: e^F is a normalised density ratio",
        "The logarithm of the mean weight. 0 when e^F is a density ratio that sums to 1, as the theory has it; far "
        "below 0, the discriminator gives the samples little credit.",
    ),
    "real_logit": Quantity(
        "Mean F on data (nats)",
        "",
        "F is the estimated log density ratio: above 0 says 'data'.",
    ),
    "fake_logit": Quantity(
        "Mean F on samples (nats)",
        "",
        "Below 0 says 'made by the generator'. Both means near 0 is the boundary that the method is named after.",
    ),
    "sample_logit": Quantity(
        "Mean F on the generator's own batch (nats)",
        "",
        "The same, on the samples that the generator learns from.",
    ),
    "sample_logit_square": Quantity(
        "Mean F squared",
        "",
        "What boundary seeking minimises on continuous data: 0 is the boundary.",
    ),
    "real_accuracy": Quantity(
        "Share of data recognised",
        "F above the boundary, 0 for most objectives",
        "0.5 is a coin; 1 together with the samples' share at 1 means that the discriminator has won, and guides no "
        "more.",
    ),
    "fake_accuracy": Quantity(
        "Share of samples recognised",
        "F below the boundary, 0 for most objectives",
        "As above, for the generator's samples.",
    ),
    "gen_loss": Quantity(
        "The generator's loss",
        "",
        "Its scale depends on the objective; only its trend within one run means something.",
    ),
    "temperature": Quantity(
        "Temperature of the relaxation",
        "",
        "Relaxed samples near the corners of the simplex as it falls, and their gradients get noisier.",
    ),
    "baseline_loss": Quantity(
        "Squared error of the learned baseline",
        "",
        "How far the reward is from what the baseline expects: what remains is noise that it cannot take away.",
    ),
    "penalty": Quantity(
        "Penalty on the discriminator's slope",
        "",
        "Before its coefficient. Large: F is steep, and small changes of a picture move the weights a lot.",
    ),
    "gen_gradient_norm": Quantity(
        "Norm of the generator's gradient",
        "",
        "Spikes are unstable steps; a flat 0 means no signal.",
    ),
    "disc_gradient_norm": Quantity(
        "Norm of the discriminator's gradient",
        "",
        "Spikes are unstable steps.",
    ),
    "steps_per_second": Quantity(
        "Steps per second",
        "",
        "The first point includes compilation; dips are pictures and checkpoints.",
    ),
}
