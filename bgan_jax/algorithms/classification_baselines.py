r"""Other ways to train the classifier of ``classification.py``, as steps with the same state and the same data.

==================  ===========================================  ====================================================
step                the classifier is trained                    source
==================  ===========================================  ====================================================
cross_entropy_step  towards the given label                      maximum likelihood
critic_step         through a critic that sees (image, softmax)  Wasserstein, clipped; Arjovsky et al. 2017, 1701.07875
==================  ===========================================  ====================================================

Numbers are arXiv's. The critic is fed probabilities as they are; nothing is drawn.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp

from bgan_jax import losses
from bgan_jax.algorithms.classification import (
    ClassificationState,
    LabelledBatch,
    batch_metrics,
    classify,
)
from bgan_jax.algorithms.game import Game
from bgan_jax.algorithms.passes import GeneratorPass
from bgan_jax.algorithms.settings import check_updates
from bgan_jax.algorithms.updates import Metrics, update_discriminator, update_generator


@dataclasses.dataclass(frozen=True)
class CrossEntropySettings:
    """The settings of cross-entropy; static.

    Attributes:
      average_decay: decay per update of the classifier's moving average; 0 makes the average the newest classifier.
    """

    average_decay: float = 0.0


@dataclasses.dataclass(frozen=True)
class CriticSettings:
    """The settings of the Wasserstein critic; everything here is static.

    Attributes:
      clip: the largest absolute value of any of the critic's parameters, positive.
      disc_steps: critic updates per step, each on fresh data.
      average_decay: decay per update of the classifier's moving average; 0 makes the average the newest classifier.
    """

    clip: float = 0.01
    disc_steps: int = 5
    average_decay: float = 0.0

    def __post_init__(self) -> None:
        """Checks every value.

        Raises:
          ValueError: a value is out of its range; the message names it, and what is legal.
        """
        if not self.clip > 0.0:
            raise ValueError(f"clip is {self.clip}; it must be positive, or nothing bounds the critic")
        check_updates(disc_steps=self.disc_steps)


def cross_entropy_step(
    state: ClassificationState,
    real: LabelledBatch,
    example_index: jax.Array,
    *,
    game: Game[CrossEntropySettings],
    axis_name: str | None = None,
) -> tuple[ClassificationState, Metrics]:
    """Takes one step of maximum likelihood on the last of the batches; the discriminator stays as it is.

    Args:
      state: the run's state, the same on every device.
      real: this device's share of the data.
      example_index: where that share lies in the global batch, ``[N]``, integer.
      game: networks, optimizers, :class:`CrossEntropySettings`. Static.
      axis_name: the device axis, ``None`` on one device. Static.

    Returns:
      The next state, and scalar metrics averaged over the devices.
    """
    images, labels = real.images[-1], real.labels[-1]
    predicted = classify(state, state.key, images, example_index, game=game)
    slope = jax.grad(lambda logits: batch_metrics(logits, labels)["cross_entropy"])(predicted.logits)
    state, metrics = _update_classifier(state, labels, predicted, slope, game=game, axis_name=axis_name)
    return state.replace(step=state.step + 1), metrics


def critic_step(
    state: ClassificationState,
    real: LabelledBatch,
    example_index: jax.Array,
    *,
    game: Game[CriticSettings],
    axis_name: str | None = None,
) -> tuple[ClassificationState, Metrics]:
    """Takes one step of the Wasserstein game: clipped critic updates, then a classifier update through the critic.

    Args:
      state: the run's state, the same on every device.
      real: this device's share of the data.
      example_index: where that share lies in the global batch, ``[N]``, integer.
      game: networks, optimizers, :class:`CriticSettings`. Static.
      axis_name: the device axis, ``None`` on one device. Static.

    Returns:
      The next state, and scalar metrics averaged over the devices.
    """
    apply = game.networks.disc.apply
    for i in range(game.settings.disc_steps):
        images = real.images[i]
        predicted = classify(state, state.key, images, example_index, game=game)
        state, critic_metrics = _train_critic(state, images, real.labels[i], predicted, game=game, axis_name=axis_name)
    variables = {"params": state.params.disc, **state.model_state.disc}

    def loss(logits: jax.Array) -> jax.Array:
        potential, _ = apply(variables, (images, game.conditional.mean(logits)), train=True)
        return jnp.mean(losses.wasserstein_generator_loss(potential))

    slope = jax.grad(loss)(predicted.logits)
    state, metrics = _update_classifier(state, real.labels[-1], predicted, slope, game=game, axis_name=axis_name)
    return state.replace(step=state.step + 1), {**critic_metrics, **metrics}


def _train_critic(
    state: ClassificationState,
    images: jax.Array,
    labels: jax.Array,
    predicted: GeneratorPass,
    *,
    game: Game[CriticSettings],
    axis_name: str | None,
) -> tuple[ClassificationState, Metrics]:
    """Takes one update of the critic on labels and probabilities; then every parameter is clipped."""
    pairs = jnp.stack([game.conditional.statistics(labels), game.conditional.mean(predicted.logits)])

    def loss_fn(params: Any) -> tuple[jax.Array, Any]:
        potential, model_state = game.networks.disc.apply(
            {"params": params, **state.model_state.disc}, (images, pairs), train=True
        )
        return losses.wasserstein_critic_loss(real_logits=potential[0], fake_logits=potential[1]), model_state

    (loss, model_state), gradient = jax.value_and_grad(loss_fn, has_aux=True)(state.params.disc)
    return update_discriminator(
        state,
        gradient,
        model_state,
        {"critic": -loss},
        optimizers=game.optimizers,
        axis_name=axis_name,
        flat=game.flat_mean,
        clip=game.settings.clip,
    )


def _update_classifier(
    state: ClassificationState,
    labels: jax.Array,
    predicted: GeneratorPass,
    slope: jax.Array,
    *,
    game: Game[Any],
    axis_name: str | None,
) -> tuple[ClassificationState, Metrics]:
    """Takes one update of the classifier, given a loss's gradient with respect to its logits."""
    state, metrics, _ = update_generator(
        state,
        predicted.vjp(slope),
        predicted.model_state,
        batch_metrics(predicted.logits, labels),
        optimizers=game.optimizers,
        axis_name=axis_name,
        flat=game.flat_mean,
        average_decay=game.settings.average_decay,
    )
    return state, metrics
