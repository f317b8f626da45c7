"""The state of a run at one step: arrays only, the same on every device."""

from __future__ import annotations

from typing import Any, NamedTuple

import flax.struct
import jax
import jax.numpy as jnp
import optax

from bgan_jax.algorithms.learned_baseline import init_baseline
from bgan_jax.conditionals.keys import baseline_key
from bgan_jax.networks import Networks


class Pair(NamedTuple):
    """The same thing for each of the two players."""

    gen: Any
    disc: Any


class TrainState(flax.struct.PyTreeNode):
    """The state of a run after ``step`` steps.

    Attributes:
      step: number of finished steps, int32 scalar.
      key: the run's root key, never advanced; a step folds its own number in.
      params: parameters of both players.
      model_state: both players' other collections (batch statistics, spectral norms); empty mappings where there are
        none.
      opt_state: both optimisers' states.
      gen_average: exponential moving average of the generator's variables (parameters and model state), from which
        samples are drawn.
      log_partition_average: moving average of the mean log-partition over latents, in nats, scalar; a diagnostic of
        the discriminator's calibration (0 when ``e^F`` is a normalised density ratio) and REINFORCE's baseline.
      baseline: parameters and optimiser state of a learned baseline; an empty mapping where none is learned.
    """

    step: jax.Array
    key: jax.Array
    params: Pair
    model_state: Pair
    opt_state: Pair
    gen_average: Any
    log_partition_average: jax.Array
    baseline: Any


def init_state(
    key: jax.Array, *, networks: Networks, optimizers: Pair, initial_log_partition: float = 0.0
) -> TrainState:
    """Makes the state before the first step. Jit it: that is several times faster than running it op by op.

    Args:
      key: the run's root key. Traced.
      networks: both players, and a baseline where one is learned. Static.
      optimizers: a ``optax.GradientTransformation`` for each player. Static.
      initial_log_partition: where the moving average of the log-partition starts, in nats. Static.

    Returns:
      The :class:`TrainState` at step 0.
    """
    gen_key, disc_key, root_key = jax.random.split(key, 3)
    gen_variables, disc_variables = dict(networks.gen.init(gen_key)), dict(networks.disc.init(disc_key))
    params = Pair(gen=gen_variables.pop("params"), disc=disc_variables.pop("params"))
    model_state = Pair(gen=gen_variables, disc=disc_variables)
    return TrainState(
        step=jnp.zeros((), jnp.int32),
        key=root_key,
        params=params,
        model_state=model_state,
        opt_state=Pair(gen=optimizers.gen.init(params.gen), disc=optimizers.disc.init(params.disc)),
        gen_average=jax.tree.map(jnp.array, {"params": params.gen, **model_state.gen}),
        log_partition_average=jnp.asarray(initial_log_partition, jnp.float32),
        baseline=init_baseline(baseline_key(key), networks=networks),
    )


def adam_pair(
    *,
    learning_rate_gen: float,
    learning_rate_disc: float,
    b1: float = 0.5,
    b2: float = 0.999,
    eps: float = 1e-8,
    half_life: int | None = None,
) -> Pair:
    """Returns Adam for both players, with ``b1 = 0.5`` as is usual for GANs.

    Args:
      learning_rate_gen: the generator's step size.
      learning_rate_disc: the discriminator's step size.
      b1: decay of the first moment.
      b2: decay of the second moment.
      eps: added to the root of the second moment. Runs on different numbers of devices agree only where it is far above
        the rounding of gradients: below that, parameters with almost no gradient move by whole step sizes in directions
        that rounding chooses.
      half_life: updates in which both step sizes halve; ``None`` keeps them constant. A half-life, not a schedule over
        the run's length, so that a run may be continued for longer.

    Returns:
      A :class:`Pair` of ``optax.GradientTransformation``.
    """

    def schedule(learning_rate: float) -> optax.Schedule:
        # A schedule in both cases, so that the optimiser's state has one form whatever the flags.
        if half_life is None:
            return optax.constant_schedule(learning_rate)
        return optax.exponential_decay(learning_rate, transition_steps=half_life, decay_rate=0.5)

    return Pair(
        gen=optax.adam(schedule(learning_rate_gen), b1=b1, b2=b2, eps=eps),
        disc=optax.adam(schedule(learning_rate_disc), b1=b1, b2=b2, eps=eps),
    )
