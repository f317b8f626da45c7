r"""Reverse perplexity of text: how well a small character model trained only on samples predicts real text.

A model :math:`q_\phi(x_t \mid x_{<t})` is trained on generated lines and scores held-out real ones, in bits per
character:

.. math:: b = -\frac{1}{N L} \sum_n \sum_t \log_2 q_\phi(x_{nt} \mid x_{n, <t})

Whatever real text contains and the samples lack costs bits, so better quality and better diversity both lower the
value; n-gram overlap, by contrast, can be high for one good line repeated. Compare it with its floor: the same model
trained on as many real lines. (Zhao et al. 2018, "Adversarially Regularized Autoencoders",
https://arxiv.org/abs/1706.04223.)
"""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, cast

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax

from bgan_jax.evaluation.host_randomness import host_generator

# Share of the uniform distribution mixed into every prediction, so that a symbol that the samples lack costs at most
# log2(V / 1e-3) bits, whatever the model's logit is. It costs real text at most 0.0014 bits.
UNIFORM_SHARE = 1e-3


class CharacterModelNetwork(nn.Module):
    """A causal convolutional network: logits of every symbol given the previous symbols of its line.

    Residual layers of three taps with dilations 1, 2, 4, ...; the receptive field of four layers is 31 symbols.

    Attributes:
      num_symbols: size V of the alphabet.
      width: channels.
      layers: residual layers.
    """

    num_symbols: int
    width: int = 96
    layers: int = 4

    @nn.compact
    def __call__(self, lines: jax.Array) -> jax.Array:
        """Maps symbols ``[N, L]`` to logits ``[N, L, V]``; those at t depend only on symbols before t."""
        # Shifted by one position to the right, after an extra symbol that marks the start of a line.
        before = jnp.pad(lines.astype(jnp.int32)[:, :-1], ((0, 0), (1, 0)), constant_values=self.num_symbols)
        hidden = nn.Embed(self.num_symbols + 1, self.width)(before)
        for layer in range(self.layers):
            dilation = 2**layer
            branch = nn.relu(nn.LayerNorm()(hidden))
            branch = nn.Conv(self.width, (3,), kernel_dilation=dilation, padding=[(2 * dilation, 0)])(branch)
            hidden = hidden + nn.Dense(self.width)(nn.relu(branch))
        return nn.Dense(self.num_symbols)(nn.relu(nn.LayerNorm()(hidden)))


@dataclasses.dataclass(frozen=True)
class CharacterModel:
    """A trained character model: its arrays and static sizes.

    Attributes:
      variables: the network's Flax variables, numpy float32.
      num_symbols: size V of the alphabet.
      width: ``CharacterModelNetwork.width``.
      layers: ``CharacterModelNetwork.layers``.
      num_training_lines: number of lines it was trained on.
    """

    variables: Mapping[str, Any]
    num_symbols: int
    width: int
    layers: int
    num_training_lines: int

    def network(self) -> CharacterModelNetwork:
        """Returns the Flax module of these variables."""
        return CharacterModelNetwork(num_symbols=self.num_symbols, width=self.width, layers=self.layers)


class BitsPerCharacter(NamedTuple):
    """Bits per character: a mean over real lines with its standard error.

    Attributes:
      value: bits per character.
      standard_error: over the lines; it does not include the randomness of training the model.
      num_lines: number of lines that were scored.
    """

    value: float
    standard_error: float
    num_lines: int


def train_character_model(
    key: jax.Array,
    lines: np.ndarray,
    *,
    num_symbols: int,
    steps: int = 600,
    batch_size: int = 128,
    learning_rate: float = 4e-3,
    width: int = 96,
    layers: int = 4,
) -> CharacterModel:
    r"""Fits :math:`q_\phi(x_t \mid x_{<t})` to lines by maximum likelihood, with Adam under a one-cycle learning rate.

    Uses a Python loop of compiled steps: convolutions trained inside ``lax.scan`` are 13-24 times slower on CPU.
    Deterministic: the same key, lines and device give the same model.

    Args:
      key: PRNG key of the initial parameters and of the order of the lines.
      lines: symbols, integers in ``[0, num_symbols)``, ``[N, L]``.
      num_symbols: size V of the alphabet.
      steps: optimiser steps.
      batch_size: lines per step; at most N.
      learning_rate: peak of the schedule.
      width: channels.
      layers: residual layers; the receptive field is ``2^(layers + 1) - 1`` symbols.

    Returns:
      The model, its arrays on the host.

    Raises:
      ValueError: the lines or sizes are invalid, or the loss is not finite.

    Example:
      >>> lines = np.tile([[0, 1], [1, 0]], (32, 4))
      >>> model = train_character_model(
      ...     jax.random.key(0), lines, num_symbols=2, steps=40, batch_size=16, width=8, layers=1)
      >>> bits_per_character(model, lines).value < 0.5  # one bit for the first symbol, none for the other seven
      True
    """
    lines = _checked(lines, num_symbols=num_symbols)
    if steps < 1 or not 1 <= batch_size <= len(lines):
        raise ValueError(
            f"steps must be at least 1, batch_size in 1..{len(lines)} (number of lines); got {steps}, {batch_size}"
        )
    network = CharacterModelNetwork(num_symbols=num_symbols, width=width, layers=layers)
    init_key, order_key = jax.random.split(key)
    state = _init(init_key, lines[:1], network=network)
    loss = jnp.inf
    for index, rows in enumerate(_batches(order_key, len(lines), batch_size=batch_size, steps=steps)):
        rate = _one_cycle(index, steps=steps, peak=learning_rate)
        state, loss = _train_step(state, lines[rows], rate, network=network)
    if not np.isfinite(float(loss)):
        raise ValueError(f"the loss is {float(loss)} after {steps} steps; lower learning_rate, now {learning_rate}")
    return CharacterModel(
        variables=jax.tree.map(np.asarray, state.variables),
        num_symbols=num_symbols,
        width=width,
        layers=layers,
        num_training_lines=len(lines),
    )


def bits_per_character(model: CharacterModel, lines: np.ndarray, *, batch_size: int = 500) -> BitsPerCharacter:
    r"""Computes the bits per character of lines under a model mixed with 1e-3 of the uniform distribution.

    Args:
      model: the trained model.
      lines: symbols, integers in ``[0, V)``, ``[N, L]``.
      batch_size: lines per compiled call; the last batch is padded, so one shape is compiled.

    Returns:
      Mean and standard error over the lines.

    Raises:
      ValueError: the lines contain symbols outside the alphabet.

    Example:
      >>> model = train_character_model(
      ...     jax.random.key(0), np.zeros((4, 3), np.uint8), num_symbols=2, steps=1, batch_size=4, width=4, layers=1)
      >>> bits_per_character(model, np.zeros((4, 3), np.uint8)).num_lines
      4
    """
    lines = _checked(lines, num_symbols=model.num_symbols)
    batch_size = min(batch_size, len(lines))
    values = []
    for start in range(0, len(lines), batch_size):
        batch = lines[start : start + batch_size]
        padded = np.pad(batch, ((0, batch_size - len(batch)), (0, 0)), mode="edge")
        values.append(np.asarray(_bits(model.variables, padded, network=model.network()))[: len(batch)])
    bits = np.concatenate(values).astype(np.float64)
    error = float(bits.std(ddof=1) / math.sqrt(len(bits))) if len(bits) > 1 else math.inf
    return BitsPerCharacter(value=float(bits.mean()), standard_error=error, num_lines=len(bits))


def reverse_bits_per_character(
    key: jax.Array, *, generated: np.ndarray, held_out: np.ndarray, num_symbols: int, **training: Any
) -> BitsPerCharacter:
    """Computes the reverse perplexity in bits per character: trains a model on generated lines, scores real ones.

    With real lines of the training split as ``generated``, the result is the floor.

    Args:
      key: PRNG key of the model's training; the same key for samples and floor.
      generated: lines that the model is trained on, ``[N, L]``.
      held_out: real lines that are in no training set, ``[K, L]``.
      num_symbols: size V of the alphabet.
      **training: further arguments of :func:`train_character_model`.

    Returns:
      Mean and standard error over the held-out lines; ``2 ** value`` is the perplexity.

    Raises:
      ValueError: the lines or sizes are invalid.

    Example:
      >>> lines = np.tile([[0, 1], [1, 0]], (32, 4))
      >>> sizes = dict(num_symbols=2, steps=40, batch_size=16, width=8, layers=1)
      >>> bits = reverse_bits_per_character(jax.random.key(0), generated=lines, held_out=1 - lines, **sizes)
      >>> bits.value < 0.5
      True
    """
    return bits_per_character(train_character_model(key, generated, num_symbols=num_symbols, **training), held_out)


class _State(NamedTuple):
    variables: Any
    optimizer: optax.OptState


@functools.partial(jax.jit, static_argnames="network")
def _init(key: jax.Array, lines: jax.Array, *, network: CharacterModelNetwork) -> _State:
    variables = network.init(key, lines)
    return _State(variables=variables, optimizer=optax.scale_by_adam().init(variables))


@functools.partial(jax.jit, static_argnames="network")
def _train_step(
    state: _State, lines: jax.Array, learning_rate: float, *, network: CharacterModelNetwork
) -> tuple[_State, jax.Array]:
    def cross_entropy(variables: Any) -> jax.Array:
        logits = network.apply(variables, lines)
        return jnp.mean(optax.softmax_cross_entropy_with_integer_labels(logits, lines.astype(jnp.int32)))

    loss, gradient = jax.value_and_grad(cross_entropy)(state.variables)
    with jax.numpy_dtype_promotion("standard"):  # optax combines floats and integers
        direction, optimizer = optax.scale_by_adam().update(gradient, state.optimizer)
    variables = jax.tree.map(lambda value, change: value - learning_rate * change, state.variables, direction)
    return _State(variables=variables, optimizer=optimizer), loss


@functools.partial(jax.jit, static_argnames="network")
def _bits(variables: Any, lines: jax.Array, *, network: CharacterModelNetwork) -> jax.Array:
    """Computes the bits per character of every line, ``[N]``."""
    log_probs = jax.nn.log_softmax(cast("jax.Array", network.apply(variables, lines)))
    of_symbols = jnp.take_along_axis(log_probs, lines.astype(jnp.int32)[..., None], axis=-1)[..., 0]
    mixed = jnp.logaddexp(math.log1p(-UNIFORM_SHARE) + of_symbols, math.log(UNIFORM_SHARE / network.num_symbols))
    return -jnp.mean(mixed, axis=1) / math.log(2.0)


def _one_cycle(index: int, *, steps: int, peak: float) -> float:
    """Returns the learning rate of a step: linear to the peak over the first tenth, then a cosine to zero."""
    rise = max(0.1 * steps, 1.0)
    if index < rise:
        return peak * (index + 1) / (rise + 1)
    return peak * (1 + math.cos(math.pi * (index - rise) / max(steps - rise, 1.0))) / 2


def _batches(key: jax.Array, num_lines: int, *, batch_size: int, steps: int) -> Iterator[np.ndarray]:
    """Yields row indices of each step: shuffled epochs, each without its last incomplete batch."""
    generator = host_generator(key)
    per_pass = num_lines // batch_size
    for index in range(steps):
        if index % per_pass == 0:
            order = generator.permutation(num_lines)
        start = (index % per_pass) * batch_size
        yield order[start : start + batch_size]


def _checked(lines: np.ndarray, *, num_symbols: int) -> np.ndarray:
    lines = np.asarray(lines)
    if lines.ndim != 2 or lines.size == 0:
        raise ValueError(f"lines must be [N, L] with N >= 1 and L >= 1, got the shape {list(lines.shape)}")
    if not np.issubdtype(lines.dtype, np.integer) or lines.min() < 0 or lines.max() >= num_symbols:
        raise ValueError(
            f"lines must hold integers in [0, {num_symbols}), got {lines.dtype} in [{lines.min()}, {lines.max()}]"
        )
    return lines
