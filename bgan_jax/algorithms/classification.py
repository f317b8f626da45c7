r"""Adversarial classification: one training step in which the classifier is the generator of labels, :math:`g(y|x)`.

The discriminator sees (image, label) and cannot tell data's pairs from the classifier's where
:math:`g(y|x) = p(y|x)`:

.. math:: V = E_{p(x, y)}[\nu(F(x, y))] - E_{p(x)} E_{g(y|x)}[f^*(\nu(F(x, y)))], \qquad F^* = \log\frac{p(y|x)}{g(y|x)}

The image plays the role of the latent of Algorithm 1 of Hjelm et al. 2018 (https://arxiv.org/abs/1702.08431): weights
are normalised for each image over the M labels drawn for it. A label has few values, so the expectation over it can
also be taken exactly, and then the target is :math:`\tilde p(y|x) = w(x, y) g(y|x) / \alpha(x)`: a label learned by the
discriminator, soft, instead of the given one. The image's part of the discriminator is computed once, however many
labels it is evaluated for. Other ways to train the same classifier are in ``classification_baselines.py``.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from bgan_jax import losses
from bgan_jax.algorithms.estimators import (
    ESTIMATORS,
    CoefficientSums,
    Context,
    generator_loss,
    reinforce_given_baseline,
)
from bgan_jax.algorithms.game import Game
from bgan_jax.algorithms.importance_sums import ScoredSamples, summarize
from bgan_jax.algorithms.label_expectation import every_label, expected_lower_bound, summarize_exactly
from bgan_jax.algorithms.learned_baseline import LEARNS_BASELINE
from bgan_jax.algorithms.passes import GeneratorPass, run_generator
from bgan_jax.algorithms.regularisation import penalty_term
from bgan_jax.algorithms.settings import DiscriminatorSettings
from bgan_jax.algorithms.state import Pair, TrainState, init_state
from bgan_jax.algorithms.updates import Metrics, moving_average, update_discriminator, update_generator
from bgan_jax.conditionals import Conditional, example_keys, product_categorical, sample_statistics
from bgan_jax.conditionals.keys import penalty_keys
from bgan_jax.networks import ClassifierNetworks

#: REINFORCE with the moving average of the reward F as its baseline, the paper's choice here, as recalled. It needs an
#: average that only :class:`ClassificationState` keeps, so it is not one of the estimators that all steps share.
REWARD_AVERAGE = "reinforce_reward_average"
CLASSIFICATION_ESTIMATORS = (*(name for name in ESTIMATORS if name not in LEARNS_BASELINE), REWARD_AVERAGE)
PENALTY_INPUTS = ("image", "label", "both")


class LabelledBatch(NamedTuple):
    """Images in [-1, 1], ``[disc_steps, N, height, width, channels]``, and labels, ``[disc_steps, N]``, integers."""

    images: jax.Array
    labels: jax.Array


class ClassificationState(TrainState):
    """The state of a run, and the moving average of the mean reward F over the classifier's labels, in nats, scalar."""

    reward_average: jax.Array


@dataclasses.dataclass(frozen=True)
class ClassificationSettings(DiscriminatorSettings):
    """The settings of an adversarial classification; everything here is static and shapes the compiled program.

    Attributes:
      num_samples: M, labels drawn for each image, at least 2; ``None`` takes every expectation over labels exactly.
      estimator: name of the classifier's estimator, one of ``CLASSIFICATION_ESTIMATORS``.
      penalty_inputs: what F is differentiated by: ``"image"``, ``"label"`` or ``"both"``. The image is the default: a
        training set has one label for each image, which a discriminator can memorise; a slope that is small in the
        image makes similar images share their labels, while a small slope in the label only shrinks F.
      average_decay: decay per update of the classifier's moving average; 0 makes the average the newest classifier.
      reward_decay: decay per step of the moving averages of the reward and of the log-partition.
    """

    num_samples: int | None = 20
    estimator: str = "boundary_seeking"
    penalty_inputs: str = "image"
    average_decay: float = 0.0
    reward_decay: float = 0.99

    def __post_init__(self) -> None:
        """Checks every value.

        Raises:
          ValueError: a value is out of its range; the message names it, and what is legal.
        """
        super().__post_init__()
        if self.num_samples is not None and self.num_samples < 2:
            raise ValueError(
                f"num_samples is {self.num_samples}; it must be at least 2, since a single sample has weight 1 "
                "whatever the discriminator says, or None for the exact expectation"
            )
        if self.num_samples is None and self.estimator == "reinforce":
            raise ValueError(
                "num_samples=None leaves no sample out, so there is no estimator='reinforce'; "
                "'reinforce_no_baseline' is exact too"
            )
        for name, legal in (("estimator", CLASSIFICATION_ESTIMATORS), ("penalty_inputs", PENALTY_INPUTS)):
            if getattr(self, name) not in legal:
                raise ValueError(f"unknown {name} {getattr(self, name)!r}; legal: {', '.join(legal)}")


ClassificationGame = Game[ClassificationSettings]


def label_conditional(networks: ClassifierNetworks, *, platform: str = "cpu") -> Conditional:
    """Returns g(y|x): one categorical variable, the label; labels are drawn as is fast on a platform."""
    return product_categorical(networks.num_classes, event_ndims=1, draws_one_hot=platform != "cpu")


def init_classification_state(key: jax.Array, *, networks: ClassifierNetworks, optimizers: Pair) -> ClassificationState:
    """Makes the state before the first step. Jit it: that is several times faster than running it op by op.

    Args:
      key: the run's root key. Traced.
      networks: both players. Static.
      optimizers: a ``optax.GradientTransformation`` for each player. Static.

    Returns:
      The state at step 0.
    """
    state = init_state(key, networks=networks, optimizers=optimizers)  # type: ignore[arg-type]
    return ClassificationState(
        **{field.name: getattr(state, field.name) for field in dataclasses.fields(state)}, reward_average=jnp.zeros(())
    )


def classification_step(
    state: ClassificationState,
    real: LabelledBatch,
    example_index: jax.Array,
    *,
    game: ClassificationGame,
    axis_name: str | None = None,
) -> tuple[ClassificationState, Metrics]:
    """Takes one step: discriminator updates, then a classifier update on the labels drawn for the last of them.

    Args:
      state: the run's state, the same on every device.
      real: this device's share of the data.
      example_index: where that share lies in the global batch, ``[N]``, integer. Randomness follows these indices, so
        the step is the same on any number of devices.
      game: networks, conditional, optimizers, :class:`ClassificationSettings`. Static.
      axis_name: the device axis, ``None`` on one device. Static.

    Returns:
      The next state, and scalar metrics averaged over the devices.
    """
    step_key = jax.random.fold_in(state.key, state.step)
    for i in range(game.settings.disc_steps):
        fakes = classify(state, jax.random.fold_in(step_key, i), real.images[i], example_index, game=game)
        # The weights are those of the discriminator as it is before its update: its own forward pass has scored them.
        state, scored, disc_metrics = train_discriminator(
            state, real.images[i], real.labels[i], fakes, game=game, axis_name=axis_name
        )
    state, gen_metrics = train_classifier(state, real.labels[-1], fakes, scored, game=game, axis_name=axis_name)
    return state.replace(step=state.step + 1), {**disc_metrics, **gen_metrics}


def classify(
    state: TrainState, key: jax.Array, images: jax.Array, example_index: jax.Array, *, game: Game[Any]
) -> GeneratorPass:
    """Runs the classifier on images ``[N, ...]``, with a key for the labels of each by its global index."""
    return run_generator(state, images, example_keys(key, example_index), gen=game.networks.gen)


def train_discriminator(
    state: ClassificationState,
    images: jax.Array,
    labels: jax.Array,
    fakes: GeneratorPass,
    *,
    game: ClassificationGame,
    axis_name: str | None,
) -> tuple[ClassificationState, ScoredSamples, Metrics]:
    """Ascends the bound on the images with their own labels and with the classifier's, less the penalty."""
    conditional, networks, settings = game.conditional, game.networks, game.settings
    logits = jax.lax.stop_gradient(fakes.logits)
    drawn = sample_statistics(
        conditional, fakes.sample_keys, logits, sample_index=jnp.arange(settings.num_samples or 1)
    )
    given = conditional.statistics(labels)
    scored = every_label(images.shape[0], num_classes=networks.num_classes) if settings.num_samples is None else drawn

    def loss_fn(params: Any) -> tuple[jax.Array, tuple[Metrics, jax.Array, Any]]:
        variables = {"params": params, **state.model_state.disc}
        # The image's part of the discriminator is computed once for the given label and all others.
        log_ratios, model_state = networks.disc.apply(
            variables, (images, jnp.concatenate([given[None], scored])), train=True
        )
        real_logits, fake_logits = log_ratios[0], log_ratios[1:]
        if settings.num_samples is None:
            bound = expected_lower_bound(
                real_logits=real_logits, fake_logits=fake_logits, logits=logits, divergence=settings.divergence
            )
        else:
            bound = losses.variational_lower_bound(
                real_logits=real_logits, fake_logits=fake_logits, divergence=settings.divergence
            )
        scaled_penalty, penalty = penalty_term(
            pair_log_ratio(
                lambda pair: networks.disc.apply_twice(variables, pair, train=True)[0],
                image_shape=images.shape[1:],
                inputs=settings.penalty_inputs,
            ),
            penalty_keys(fakes.sample_keys, num_samples=settings.num_samples or 1),
            real=flat_pairs(images, given),
            fake=flat_pairs(images, drawn[0]),
            step=state.step,
            settings=settings,
            batch_independent=networks.disc.batch_independent,
        )
        metrics = {
            "bound": bound,
            "penalty": penalty,
            "real_logit": jnp.mean(real_logits),
            "real_accuracy": jnp.mean(real_logits > 0.0, dtype=jnp.float32),
        }
        return -bound + scaled_penalty, (metrics, fake_logits, model_state)

    gradient, (metrics, fake_logits, model_state) = jax.grad(loss_fn, has_aux=True)(state.params.disc)
    state, metrics = update_discriminator(
        state, gradient, model_state, metrics, optimizers=game.optimizers, axis_name=axis_name, flat=game.flat_mean
    )
    if settings.num_samples is None:
        return state, summarize_exactly(fake_logits, logits), metrics
    return state, summarize(fake_logits, scored), metrics


def train_classifier(
    state: ClassificationState,
    labels: jax.Array,
    fakes: GeneratorPass,
    scored: ScoredSamples,
    *,
    game: ClassificationGame,
    axis_name: str | None,
) -> tuple[ClassificationState, Metrics]:
    """Fits the classifier to its own weighted labels. The given labels are only used for metrics."""
    settings = game.settings
    coefficient_sums = _coefficient_sums(scored, state, settings=settings, axis_name=axis_name)
    gradient = fakes.vjp(jax.grad(generator_loss)(fakes.logits, coefficient_sums, conditional=game.conditional))
    metrics = {
        "log_partition": jnp.mean(scored.log_partition),
        "effective_sample_size": jnp.mean(scored.effective_sample_size),
        "fake_logit": jnp.mean(scored.log_ratio_mean),
        **batch_metrics(fakes.logits, labels),
    }
    state, metrics, _ = update_generator(
        state,
        gradient,
        fakes.model_state,
        metrics,
        optimizers=game.optimizers,
        axis_name=axis_name,
        flat=game.flat_mean,
        average_decay=settings.average_decay,
    )
    log_partition, reward = (metrics[name] for name in ("log_partition", "fake_logit"))
    return state.replace(
        log_partition_average=moving_average(state.log_partition_average, log_partition, decay=settings.reward_decay),
        reward_average=moving_average(state.reward_average, reward, decay=settings.reward_decay),
    ), metrics


def _coefficient_sums(
    scored: ScoredSamples, state: ClassificationState, *, settings: ClassificationSettings, axis_name: str | None
) -> CoefficientSums:
    if settings.estimator == REWARD_AVERAGE:
        baseline = jnp.broadcast_to(state.reward_average, scored.log_ratio_mean.shape)
        return reinforce_given_baseline(scored, baseline=baseline)
    context = Context(
        num_samples=settings.num_samples, log_partition_average=state.log_partition_average, axis_name=axis_name
    )
    return ESTIMATORS[settings.estimator](scored, context)


def batch_metrics(logits: jax.Array, labels: jax.Array) -> Metrics:
    """Computes error (a fraction) and cross-entropy (nats) of the classifier on a training batch, scalars."""
    own = jnp.take_along_axis(jax.nn.log_softmax(logits), labels[:, None].astype(jnp.int32), axis=1)
    wrong = jnp.argmax(logits, axis=1) != labels
    return {"error": jnp.mean(wrong, dtype=jnp.float32), "cross_entropy": -jnp.mean(own)}


def flat_pairs(images: jax.Array, labels: jax.Array) -> jax.Array:
    """Joins images ``[N, ...]`` and one-hot labels ``[N, K]`` to points ``[N, D + K]``, as penalties take them."""
    return jnp.concatenate([images.reshape(images.shape[0], -1), labels], axis=1)


def pair_log_ratio(
    log_ratio_fn: Callable[[tuple[jax.Array, jax.Array]], jax.Array], *, image_shape: tuple[int, ...], inputs: str
) -> Callable[[jax.Array], jax.Array]:
    """Returns F as a function of :func:`flat_pairs`, constant in the part of the pair that the penalty leaves out.

    Args:
      log_ratio_fn: F of (images, labels), ``[N]``.
      image_shape: shape of one image. Static.
      inputs: one of ``PENALTY_INPUTS``. Static.

    Returns:
      ``[N, D + K] -> [N]``.
    """

    def function(points: jax.Array) -> jax.Array:
        num_classes = points.shape[1] - math.prod(image_shape)
        images, labels = points[:, :-num_classes].reshape(-1, *image_shape), points[:, -num_classes:]
        if inputs == "image":
            labels = jax.lax.stop_gradient(labels)
        elif inputs == "label":
            images = jax.lax.stop_gradient(images)
        return log_ratio_fn((images, labels))

    return function
