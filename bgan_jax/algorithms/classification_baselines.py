r"""Other ways to train the classifier of ``classification_step.py``, as steps with the same state and the same data.

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
import optax

from bgan_jax import losses
from bgan_jax.algorithms.classification import (
    ClassificationGame,
    ClassificationState,
    LabelledBatch,
    Metrics,
    batch_metrics,
    classify,
)
from bgan_jax.algorithms.regularisation import clipped
from bgan_jax.algorithms.updates import Generated, mean_over_devices, update_discriminator, update_generator


@dataclasses.dataclass(frozen=True)
class CrossEntropySettings:
    """What cross-entropy may choose; static.

    Attributes:
      average_decay: decay per update of the classifier's moving average; 0 makes the average the newest classifier.
    """

    average_decay: float = 0.0


@dataclasses.dataclass(frozen=True)
class CriticSettings:
    """What the critic's game may choose; everything here is static.

    Attributes:
      clip: the largest absolute value of any of the critic's parameters, positive.
      disc_steps: critic updates per step, each on fresh data.
      average_decay: decay per update of the classifier's moving average; 0 makes the average the newest classifier.
    """

    clip: float = 0.01
    disc_steps: int = 5
    average_decay: float = 0.0

    def __post_init__(self) -> None:
        """Refuses settings that no step can honour.

        Raises:
          ValueError: a value is out of its range; the message names it, and what is legal.
        """
        if not self.clip > 0.0:
            raise ValueError(f"clip is {self.clip}; it must be positive, or nothing bounds the critic")
        if self.disc_steps < 1:
            raise ValueError(f"disc_steps is {self.disc_steps}; it must be at least 1")


def cross_entropy_step(
    state: ClassificationState,
    real: LabelledBatch,
    example_index: jax.Array,
    *,
    game: ClassificationGame,
    axis_name: str | None = None,
) -> tuple[ClassificationState, Metrics]:
    """One step of maximum likelihood on the last of the batches; the discriminator stays as it is.

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
    state, metrics = _move_classifier(state, labels, predicted, slope, game=game, axis_name=axis_name)
    return state.replace(step=state.step + 1), metrics


def critic_step(
    state: ClassificationState,
    real: LabelledBatch,
    example_index: jax.Array,
    *,
    game: ClassificationGame,
    axis_name: str | None = None,
) -> tuple[ClassificationState, Metrics]:
    """One step of the Wasserstein game: critic updates with clipping, then a classifier update through the critic.

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
    # Unrolled on purpose: convolution training inside a compiled loop is far slower on CPU.
    for i in range(game.settings.disc_steps):
        images = real.images[i]
        predicted = classify(state, state.key, images, example_index, game=game)
        state, critic_metrics = _train_critic(state, images, real.labels[i], predicted, game=game, axis_name=axis_name)
    variables = {"params": state.params.disc, **state.model_state.disc}

    def loss(logits: jax.Array) -> jax.Array:
        potential, _ = apply(variables, (images, game.conditional.mean(logits)), train=True)
        return jnp.mean(losses.wasserstein_generator_loss(potential))

    slope = jax.grad(loss)(predicted.logits)
    state, metrics = _move_classifier(state, real.labels[-1], predicted, slope, game=game, axis_name=axis_name)
    return state.replace(step=state.step + 1), {**critic_metrics, **metrics}


def _train_critic(
    state: ClassificationState,
    images: jax.Array,
    labels: jax.Array,
    predicted: Generated,
    *,
    game: ClassificationGame,
    axis_name: str | None,
) -> tuple[ClassificationState, Metrics]:
    """One update of the critic on labels and probabilities; then every parameter is clipped."""
    pairs = jnp.stack([game.conditional.statistics(labels), game.conditional.mean(predicted.logits)])

    def objective(params: Any) -> tuple[jax.Array, Any]:
        both, model_state = game.networks.disc.apply(
            {"params": params, **state.model_state.disc}, (images, pairs), train=True
        )
        return losses.wasserstein_critic_loss(real_logits=both[0], fake_logits=both[1]), model_state

    (loss, model_state), gradient = jax.value_and_grad(objective, has_aux=True)(state.params.disc)
    gradient, metrics = mean_over_devices((gradient, {"critic": -loss}), axis_name=axis_name)
    metrics["disc_gradient_norm"] = optax.tree.norm(gradient)
    state = update_discriminator(state, gradient, model_state, optimizers=game.optimizers)
    params = state.params._replace(disc=clipped(state.params.disc, limit=game.settings.clip))
    return state.replace(params=params), metrics


def _move_classifier(
    state: ClassificationState,
    labels: jax.Array,
    predicted: Generated,
    slope: jax.Array,
    *,
    game: ClassificationGame,
    axis_name: str | None,
) -> tuple[ClassificationState, Metrics]:
    """One update of the classifier down a loss, given the loss's gradient with respect to the logits."""
    gradient, metrics = mean_over_devices(
        (predicted.pull_back(slope), batch_metrics(predicted.logits, labels)), axis_name=axis_name
    )
    metrics["gen_gradient_norm"] = optax.tree.norm(gradient)
    state = update_generator(
        state, gradient, predicted.model_state, optimizers=game.optimizers, average_decay=game.settings.average_decay
    )
    return state, metrics
