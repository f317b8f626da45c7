r"""Divergence of a frozen generator, estimated from samples by a discriminator trained from scratch.

The generator was trained against its own discriminator, so the bound of that one says little. Here both distributions
are frozen, a new network F is trained to maximise the bound of one divergence, and the bound is then evaluated on rows
that the network was not trained on:

.. math:: V = E_P[\nu(F)] - E_Q[(f^* \circ \nu)(F)] \le D_f(P \| Q)
          \qquad \text{or} \qquad V = E_P[F] - E_Q[F] \quad \text{(wasserstein)}

The first is the variational bound of :mod:`bgan_jax.losses.bounds`; ``jensen_shannon`` is *twice* the Jensen-Shannon
divergence, in nats, at most 2 log 2 = 1.386. The second is the critic's difference, in the unit of the data's
metric (for images: of the Euclidean distance between them), which is the Wasserstein-1 distance only as far as the
penalty keeps the slope of F at one. The comparison of frozen generators by such estimates, of every measure with
every other, is from Hjelm et al. 2018, "Boundary-Seeking Generative Adversarial Networks",
https://arxiv.org/abs/1702.08431.

Before comparing two values:

- V is the lower bound *of this network after these steps*: a larger network, or longer training, gives a larger one.
- A penalty flattens F and lowers V. Values under different penalties are not comparable.
- F also memorises its data. So V is reported on the data it was trained on, as is common, and on held-out real data;
  the difference is due to memorisation. Two halves of one data set, as data and generator, give the floor.
- Probabilities instead of bits lie where there are no data: every f-divergence between the two is at its maximum,
  whatever the generator is. Only ``wasserstein`` is meaningful for them.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from bgan_jax import losses
from bgan_jax.evaluation.host_randomness import host_generator
from bgan_jax.networks import Networks

WASSERSTEIN = "wasserstein"
MEASURES = (*losses.DIVERGENCES, WASSERSTEIN)

_ROWS_PER_PASS = 1000


@dataclasses.dataclass(frozen=True)
class CriticSettings:
    """Settings of a critic's training; all of them are static.

    Attributes:
      measure: a name of ``losses.DIVERGENCES``, or ``"wasserstein"``.
      penalty: the coefficient gamma; 0 for no penalty.
      penalty_form: a key of ``losses.PENALTIES``.
      penalty_stride: the penalty is computed on every such pair only, which is the same on average; divides the batch.
      steps: optimiser steps.
      batch_size: data rows, and generated rows, per step.
      learning_rate: Adam's initial learning rate (b1 0.5, b2 0.999); it falls as a cosine to zero at the last step, so
        that F no longer changes when the bound is evaluated.
    """

    measure: str = "jensen_shannon"
    penalty: float = 5.0
    penalty_form: str = "gradient_norm"
    penalty_stride: int = 1
    steps: int = 400
    batch_size: int = 64
    learning_rate: float = 1e-3

    def __post_init__(self) -> None:
        """Checks the settings.

        Raises:
          ValueError: a value is out of range; the message names it and the legal values.
        """
        if self.measure not in MEASURES:
            raise ValueError(f"unknown measure {self.measure!r}; legal: {', '.join(MEASURES)}")
        if self.penalty_form not in losses.PENALTIES:
            raise ValueError(f"unknown penalty_form {self.penalty_form!r}; legal: {', '.join(losses.PENALTIES)}")
        needs_divergence = losses.PENALTIES[self.penalty_form].needs_divergence
        if needs_divergence and self.measure == WASSERSTEIN and self.penalty > 0.0:
            others = [name for name, penalty in losses.PENALTIES.items() if not penalty.needs_divergence]
            raise ValueError(
                f"penalty_form {self.penalty_form!r} is weighted by a divergence, and measure {WASSERSTEIN!r} has "
                f"none; use one of {', '.join(others)}"
            )
        if self.penalty < 0.0 or self.learning_rate <= 0.0:
            raise ValueError(
                f"penalty={self.penalty} must not be negative and learning_rate={self.learning_rate} must be positive"
            )
        if min(self.steps, self.batch_size, self.penalty_stride) < 1:
            raise ValueError(
                f"steps={self.steps}, batch_size={self.batch_size} and penalty_stride={self.penalty_stride} must be at "
                "least 1"
            )
        if self.penalty > 0.0 and self.batch_size % self.penalty_stride:
            raise ValueError(f"penalty_stride={self.penalty_stride} must divide batch_size={self.batch_size}")


class BoundOverBatches(NamedTuple):
    """The bound on each of B batches of rows.

    Attributes:
      values: V of every batch, without the penalty, ``[B]`` float64, numpy.
      penalties: the penalty of every batch, coefficient included, ``[B]``.
    """

    values: np.ndarray
    penalties: np.ndarray

    @property
    def mean(self) -> float:
        """Mean of V over the batches."""
        return float(np.mean(self.values))

    @property
    def standard_deviation(self) -> float:
        """Standard deviation of V over the batches; it does not include the variation over seeds or critics."""
        return float(np.std(self.values, ddof=1)) if len(self.values) > 1 else float("nan")

    @property
    def penalized_mean(self) -> float:
        """Mean of the maximised quantity, V minus the penalty."""
        return float(np.mean(self.values - self.penalties))


class CurvePoint(NamedTuple):
    """V during the training of the critic, on a thousand rows; shows whether training has converged.

    Attributes:
      step: finished steps.
      seen: V on the training data and new generated rows.
      held_out: V on held-out data and new generated rows.
    """

    step: int
    seen: float
    held_out: float


class FreshCritic(NamedTuple):
    """A trained critic and its bounds.

    Attributes:
      variables: variables of the discriminator.
      seen: the bound on the training data and new generated rows.
      held_out: the bound on held-out data and new generated rows.
      curve: V during training.
    """

    variables: Any
    seen: BoundOverBatches
    held_out: BoundOverBatches
    curve: tuple[CurvePoint, ...]


def fresh_critic(
    key: jax.Array,
    *,
    real: Any,
    fake: Any,
    held_out_real: Any,
    fresh_fake: Any,
    networks: Networks,
    settings: CriticSettings,
    statistics: Callable[[jax.Array], jax.Array] | None = None,
    num_batches: int = 12,
    rows_per_batch: int = 5000,
    curve_points: int = 8,
) -> FreshCritic:
    """Trains a critic on frozen rows, then evaluates its bound on generated rows that it was not trained on.

    Args:
      key: PRNG key of its parameters, of the order of the rows and of the penalty's interpolates.
      real: data, ``[n, ...]``.
      fake: generated rows, or probabilities, ``[m, ...]``.
      held_out_real: other data of the same distribution.
      fresh_fake: other generated rows.
      networks: their ``disc`` is the critic; it must not have batch statistics.
      settings: settings of the training. Static.
      statistics: maps rows of integers to the critic's inputs (``Conditional.statistics``); ``None`` casts to
        float32. Rows of floats are passed unchanged.
      num_batches: B, the number of batches that the evaluated rows are divided into; 12 in the paper.
      rows_per_batch: largest number of data rows, and of generated rows, in a batch; 5000 in the paper.
      curve_points: number of evaluations of V during training, including the end.

    Returns:
      :class:`FreshCritic`.

    Raises:
      ValueError: there are too few rows, their shapes differ, or the critic has batch statistics.

    Example:
      >>> from bgan_jax.networks import build_networks
      >>> networks = build_networks("mlp", example_shape=(2,), width=16)
      >>> rows = np.zeros((48, 2), np.uint8)
      >>> critic = fresh_critic(
      ...     jax.random.key(0), real=rows, fake=1 - rows, held_out_real=rows, fresh_fake=1 - rows, networks=networks,
      ...     settings=CriticSettings(penalty=0.0, steps=50, batch_size=16, learning_rate=0.03),
      ... )
      >>> 1.2 < critic.held_out.mean < 1.387  # no state in common: 2 log 2
      True
    """
    train_key, seen_key, held_out_key = jax.random.split(key, 3)
    evaluated = functools.partial(
        bound_over_batches, fake=fresh_fake, networks=networks, settings=settings, statistics=statistics
    )
    curve: list[CurvePoint] = []

    def take_point(step: int, variables: Any) -> None:
        seen, held_out = (
            evaluated(seen_key, variables, real=rows, num_batches=1, rows_per_batch=1000, with_penalty=False).mean
            for rows in (real, held_out_real)
        )
        curve.append(CurvePoint(step=step, seen=seen, held_out=held_out))

    variables = train_critic(
        train_key,
        real=real,
        fake=fake,
        networks=networks,
        settings=settings,
        statistics=statistics,
        progress=take_point,
        progress_every=max(settings.steps // curve_points, 1),
    )
    return FreshCritic(
        variables=variables,
        seen=evaluated(seen_key, variables, real=real, num_batches=num_batches, rows_per_batch=rows_per_batch),
        held_out=evaluated(
            held_out_key, variables, real=held_out_real, num_batches=num_batches, rows_per_batch=rows_per_batch
        ),
        curve=tuple(curve),
    )


def train_critic(
    key: jax.Array,
    *,
    real: Any,
    fake: Any,
    networks: Networks,
    settings: CriticSettings,
    statistics: Callable[[jax.Array], jax.Array] | None = None,
    progress: Callable[[int, Any], None] | None = None,
    progress_every: int = 100,
) -> Any:
    """Trains a critic from random parameters: maximises the measure's bound minus the penalty.

    Uses a Python loop of compiled steps: convolutions trained inside ``lax.scan`` are 13-24 times slower on
    CPU. Rows are visited in shuffled epochs.

    Args:
      key: PRNG key.
      real: data, ``[n, ...]``, at least one batch.
      fake: generated rows, ``[m, ...]``.
      networks: their ``disc`` is the critic.
      settings: settings of the training. Static.
      statistics: as in :func:`fresh_critic`.
      progress: called as ``progress(finished steps, variables)``.
      progress_every: steps between the calls.

    Returns:
      The critic's variables.

    Raises:
      ValueError: there are too few rows, their shapes differ, or the critic has batch statistics.
    """
    rows = {"real": real, "fake": fake}
    for name, array in rows.items():
        if len(array) < settings.batch_size:
            raise ValueError(f"{name} has {len(array)} rows, fewer than one batch of {settings.batch_size}")
    real, fake = jnp.asarray(real), jnp.asarray(fake)
    init_key, real_key, fake_key, penalty_key = jax.random.split(key, 4)
    state = _init(init_key, networks=networks, settings=settings)
    order = zip(
        _batches(real_key, len(real), batch_size=settings.batch_size, steps=settings.steps),
        _batches(fake_key, len(fake), batch_size=settings.batch_size, steps=settings.steps),
        strict=True,
    )
    for index, (real_rows, fake_rows) in enumerate(order):
        state = _update(
            jax.random.fold_in(penalty_key, index),
            state,
            _points(real, real_rows, statistics=statistics),
            _points(fake, fake_rows, statistics=statistics),
            networks=networks,
            settings=settings,
        )
        if progress is not None and (index + 1) % progress_every == 0:
            progress(index + 1, {"params": state.params})
    return {"params": state.params}


def bound_over_batches(
    key: jax.Array,
    variables: Any,
    *,
    real: Any,
    fake: Any,
    networks: Networks,
    settings: CriticSettings,
    statistics: Callable[[jax.Array], jax.Array] | None = None,
    num_batches: int = 12,
    rows_per_batch: int = 5000,
    with_penalty: bool = True,
) -> BoundOverBatches:
    """Evaluates the critic's bound on disjoint batches of rows.

    Args:
      key: PRNG key of the choice of rows.
      variables: variables of the critic.
      real: data, ``[n, ...]``.
      fake: generated rows, ``[m, ...]``.
      networks: their ``disc`` is the critic.
      settings: measure and penalty. Static.
      statistics: as in :func:`fresh_critic`.
      num_batches: B; 12 in the paper.
      rows_per_batch: largest number of data rows, and of generated rows, in a batch (5000 in the paper); it is smaller
        if there are fewer than B times as many rows.
      with_penalty: whether to evaluate the penalty too, on at most 500 pairs of every batch.

    Returns:
      :class:`BoundOverBatches`.

    Raises:
      ValueError: there are fewer rows than batches.
    """
    size = min(rows_per_batch, len(real) // num_batches, len(fake) // num_batches)
    if size < 1:
        found = f"{len(real)} real and {len(fake)} fake"
        raise ValueError(f"{num_batches} batches need at least {num_batches} rows, found {found}")
    real_key, fake_key, penalty_key = jax.random.split(key, 3)
    chosen = {
        name: (jnp.asarray(rows), host_generator(row_key).permutation(len(rows))[: size * num_batches])
        for name, rows, row_key in (("real", real, real_key), ("fake", fake, fake_key))
    }
    real_logits, fake_logits = (
        _logits(variables, *chosen[name], networks=networks, statistics=statistics).reshape(num_batches, size)
        for name in ("real", "fake")
    )
    values = [
        float(measure_value(real_logits=jnp.asarray(r), fake_logits=jnp.asarray(f), measure=settings.measure))
        for r, f in zip(real_logits, fake_logits, strict=True)
    ]
    penalties = np.zeros(num_batches)
    if with_penalty and settings.penalty > 0.0:
        for batch in range(num_batches):
            part = slice(batch * size, batch * size + min(size, 500))
            points = [_points(rows, index[part], statistics=statistics) for rows, index in chosen.values()]
            penalties[batch] = _evaluated_penalty(
                jax.random.fold_in(penalty_key, batch), variables, *points, networks=networks, settings=settings
            )
    return BoundOverBatches(values=np.asarray(values), penalties=penalties)


def measure_value(*, real_logits: jax.Array, fake_logits: jax.Array, measure: str) -> jax.Array:
    """Computes V of given F: the quantity that a measure's critic maximises, without the penalty.

    Args:
      real_logits: F on data, any shape. Traced.
      fake_logits: F on generated rows, any shape. Traced.
      measure: a name of ``MEASURES``. Static.

    Returns:
      V, a scalar.

    Example:
      >>> float(measure_value(real_logits=jnp.ones(2), fake_logits=jnp.zeros(3), measure="wasserstein"))
      1.0
    """
    if measure == WASSERSTEIN:
        return -losses.wasserstein_critic_loss(real_logits=real_logits, fake_logits=fake_logits)
    return losses.variational_lower_bound(real_logits=real_logits, fake_logits=fake_logits, divergence=measure)


class _State(NamedTuple):
    params: Any
    optimizer: optax.OptState


def _optimizer(settings: CriticSettings) -> optax.GradientTransformation:
    schedule = optax.cosine_decay_schedule(settings.learning_rate, settings.steps)
    return optax.adam(schedule, b1=0.5, b2=0.999)


@functools.partial(jax.jit, static_argnames=("networks", "settings"))
def _init(key: jax.Array, *, networks: Networks, settings: CriticSettings) -> _State:
    variables = networks.disc.init(key)
    if set(variables) != {"params"}:
        raise ValueError(
            f"the discriminator of {networks.name!r} has {', '.join(sorted(set(variables) - {'params'}))}: its F is "
            "not a function of one point, so V is not a bound; choose a network without normalisation"
        )
    return _State(params=variables["params"], optimizer=_optimizer(settings).init(variables["params"]))


@functools.partial(jax.jit, static_argnames=("networks", "settings"))
def _update(
    key: jax.Array, state: _State, real: jax.Array, fake: jax.Array, *, networks: Networks, settings: CriticSettings
) -> _State:
    def loss(params: Any) -> jax.Array:
        variables = {"params": params}
        logits, _ = networks.disc.apply(variables, jnp.concatenate([real, fake]), train=False)
        value = measure_value(
            real_logits=logits[: len(real)], fake_logits=logits[len(real) :], measure=settings.measure
        )
        if settings.penalty == 0.0:
            return -value
        part = slice(None, settings.batch_size // settings.penalty_stride)
        return _penalty(key, variables, real[part], fake[part], networks=networks, settings=settings) - value

    with jax.numpy_dtype_promotion("standard"):  # optax combines floats and integers
        updates, optimizer = _optimizer(settings).update(jax.grad(loss)(state.params), state.optimizer, state.params)
    return _State(params=optax.apply_updates(state.params, updates), optimizer=optimizer)


def _penalty(
    key: jax.Array, variables: Any, real: jax.Array, fake: jax.Array, *, networks: Networks, settings: CriticSettings
) -> jax.Array:
    """Computes the penalty term of the critic's loss: factor times coefficient times the penalty."""

    def log_ratio_fn(points: jax.Array) -> jax.Array:
        return networks.disc.apply_twice(variables, points, train=False)[0]

    record = losses.PENALTIES[settings.penalty_form]
    penalty = record.function(log_ratio_fn, key, real=real, fake=fake, divergence=settings.measure)
    return record.factor * settings.penalty * penalty


_evaluated_penalty = jax.jit(_penalty, static_argnames=("networks", "settings"))


@functools.partial(jax.jit, static_argnames="statistics")
def _points(rows: jax.Array, index: jax.Array, *, statistics: Callable[[jax.Array], jax.Array] | None) -> jax.Array:
    """Returns rows by index, as inputs of the critic."""
    chosen = jnp.take(rows, index, axis=0)
    if statistics is not None and jnp.issubdtype(chosen.dtype, jnp.integer):
        return statistics(chosen)
    return chosen.astype(jnp.float32)


@functools.partial(jax.jit, static_argnames="networks")
def _apply(variables: Any, points: jax.Array, *, networks: Networks) -> jax.Array:
    return networks.disc.apply(variables, points, train=False)[0]


def _logits(
    variables: Any,
    rows: jax.Array,
    index: np.ndarray,
    *,
    networks: Networks,
    statistics: Callable[[jax.Array], jax.Array] | None,
) -> np.ndarray:
    """Computes F of the chosen rows; the last batch is padded, so that one shape is compiled."""
    passes = []
    size = min(_ROWS_PER_PASS, len(index))
    for start in range(0, len(index), size):
        part = np.resize(index[start : start + size], size)
        passes.append(np.asarray(_apply(variables, _points(rows, part, statistics=statistics), networks=networks)))
    return np.concatenate(passes)[: len(index)]


def _batches(key: jax.Array, num_rows: int, *, batch_size: int, steps: int) -> Iterator[np.ndarray]:
    """Yields row indices of each step: shuffled epochs, each without its last incomplete batch."""
    generator = host_generator(key)
    per_pass = num_rows // batch_size
    for index in range(steps):
        if index % per_pass == 0:
            order = generator.permutation(num_rows)
        start = (index % per_pass) * batch_size
        yield order[start : start + batch_size]
