"""The end of every update: mean over devices, norm, optimiser step, moving averages."""

from __future__ import annotations

from typing import Any, TypeVar

import jax
import jax.flatten_util
import jax.numpy as jnp
import optax

from bgan_jax.algorithms.optimizer_step import optimizer_step
from bgan_jax.algorithms.state import Pair, TrainState

Metrics = dict[str, jax.Array]
# An algorithm's state may have more fields than the others'.
State = TypeVar("State", bound=TrainState)


def mean_over_devices(tree: Any, *, axis_name: str | None, flat: bool = True) -> Any:
    """Averages every leaf over the devices, in one all-reduce however many leaves there are.

    Args:
      tree: arrays, float32.
      flat: whether the leaves are joined into one vector here; else the compiler joins their all-reduces. Static.
      axis_name: the name of the device axis, ``None`` for none. Static. On a single device this is the identity.

    Returns:
      The same tree, averaged.
    """
    if axis_name is None or jax.lax.psum(1, axis_name) == 1:
        # What follows waits for the whole tree, as it would for a mean. Else an update might come before the last use
        # of what it changes, and the compiler would copy most parameters.
        return jax.lax.optimization_barrier(tree)
    if not flat:
        return jax.lax.pmean(tree, axis_name)
    vector, unflatten = jax.flatten_util.ravel_pytree(tree)
    return unflatten(jax.lax.pmean(vector, axis_name))


def update_discriminator(
    state: State,
    gradient: Any,
    model_state: Any,
    metrics: Metrics,
    *,
    optimizers: Pair,
    axis_name: str | None,
    flat: bool = True,
    clip: float = 0.0,
) -> tuple[State, Metrics]:
    """Takes one optimiser step of the discriminator, with the gradient of this device's share.

    Args:
      state: the run's state.
      gradient: of the discriminator's loss with respect to its parameters, of this device's share of the batch.
      model_state: the discriminator's next model state, equal on all devices.
      metrics: scalars of this device's share.
      optimizers: one per player. Static.
      axis_name: the device axis, ``None`` on one device. Static.
      flat: as in :func:`mean_over_devices`. Static.
      clip: the parameters are clipped to plus or minus this, which bounds the slope of the network (Arjovsky et al.
        2017, https://arxiv.org/abs/1701.07875); 0 clips nothing. Static.

    Returns:
      The next state, and the metrics averaged over the devices, with ``disc_gradient_norm``.
    """
    gradient, metrics = mean_over_devices((gradient, metrics), axis_name=axis_name, flat=flat)
    params, opt_state = optimizer_step(optimizers.disc, gradient, state.opt_state.disc, state.params.disc)
    params = clipped(params, limit=clip)
    state = state.replace(
        params=state.params._replace(disc=params),
        opt_state=state.opt_state._replace(disc=opt_state),
        model_state=state.model_state._replace(disc=model_state),
    )
    return state, {**metrics, "disc_gradient_norm": optax.tree.norm(gradient)}


def update_generator(
    state: State,
    gradient: Any,
    model_state: Any,
    metrics: Metrics,
    *,
    optimizers: Pair,
    axis_name: str | None,
    flat: bool = True,
    average_decay: float,
    other_gradients: Any = None,
) -> tuple[State, Metrics, Any]:
    """Takes one optimiser step of the generator, with the gradient of this device's share.

    Args:
      state: the run's state.
      gradient: of the generator's loss with respect to its parameters, of this device's share of the batch.
      model_state: the generator's next model state, equal on all devices.
      metrics: scalars of this device's share.
      optimizers: one per player. Static.
      axis_name: the device axis, ``None`` on one device. Static.
      flat: as in :func:`mean_over_devices`. Static.
      average_decay: decay per update of the generator's moving average; 0 makes the average the newest generator.
        Static.
      other_gradients: a tree to be averaged in the same all-reduce, such as a learned baseline's gradient.

    Returns:
      The next state; the metrics averaged over the devices, with ``gen_gradient_norm``; the other gradients, averaged.
    """
    gradient, other_gradients, metrics = mean_over_devices(
        (gradient, other_gradients, metrics), axis_name=axis_name, flat=flat
    )
    params, opt_state = optimizer_step(optimizers.gen, gradient, state.opt_state.gen, state.params.gen)
    # The average warms up: early on it forgets faster, so that the random initial generator does not stay in it.
    step = state.step.astype(jnp.float32)
    decay = jnp.minimum(average_decay, (1.0 + step) / (10.0 + step))
    average = jax.tree.map(
        lambda old, new: decay * old + (1.0 - decay) * new, state.gen_average, {"params": params, **model_state}
    )
    state = state.replace(
        params=state.params._replace(gen=params),
        opt_state=state.opt_state._replace(gen=opt_state),
        model_state=state.model_state._replace(gen=model_state),
        gen_average=average,
    )
    return state, {**metrics, "gen_gradient_norm": optax.tree.norm(gradient)}, other_gradients


def moving_average(average: jax.Array, value: jax.Array, *, decay: float) -> jax.Array:
    """Computes the next value of an exponential moving average.

    Example:
      >>> float(moving_average(jnp.array(1.0), jnp.array(3.0), decay=0.5))
      2.0
    """
    return decay * average + (1.0 - decay) * value


def clipped(params: Any, *, limit: float) -> Any:
    """Clips every parameter to [-limit, limit].

    Args:
      params: a tree of arrays.
      limit: the largest absolute value; 0 clips nothing. Static.

    Returns:
      The tree, clipped.

    Example:
      >>> clipped({"kernel": jnp.array([-3.0, 0.5])}, limit=1.0)["kernel"].tolist()
      [-1.0, 0.5]
    """
    return jax.tree.map(lambda leaf: jnp.clip(leaf, -limit, limit), params) if limit > 0.0 else params
