r"""Enumerable targets: distributions with few enough states to list them all with exact log-probabilities.

For these the optimal discriminator is ``log p - log q``, and every divergence and every generator gradient is a finite
sum (``exact.py``). They are numpy arrays in float64 and cheap to make.
"""

from __future__ import annotations

import itertools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from bgan_jax.conditionals import Conditional, conditional_for
from bgan_jax.evaluation.host_randomness import host_generator

MAX_STATES = 2**20


class EnumerableTarget(NamedTuple):
    """A distribution over a finite set of states.

    Attributes:
      name: name in tables.
      num_symbols: number of values of each coordinate; 2 for bits.
      states: every state as integers, ``[S, ...]`` uint8, in counting order (last coordinate fastest).
      log_probs: log p(x) in nats, ``[S]`` float64, normalised; ``-inf`` where p is zero.
    """

    name: str
    num_symbols: int
    states: np.ndarray
    log_probs: np.ndarray


def all_states(*, num_symbols: int, example_shape: tuple[int, ...]) -> np.ndarray:
    """Lists every array of the given shape with entries in ``[0, num_symbols)``, in counting order.

    Args:
      num_symbols: values per coordinate, at least 2.
      example_shape: shape of one state.

    Returns:
      uint8 ``[num_symbols ** size, *example_shape]``; row i is the number i written in base ``num_symbols``.

    Raises:
      ValueError: there are more than ``MAX_STATES`` states.

    Example:
      >>> all_states(num_symbols=2, example_shape=(2,)).tolist()
      [[0, 0], [0, 1], [1, 0], [1, 1]]
    """
    size = int(np.prod(example_shape))
    if not 2 <= num_symbols <= 256 or num_symbols**size > MAX_STATES:
        raise ValueError(
            f"{num_symbols}^{size} states cannot be listed; use 2 to 256 symbols and at most {MAX_STATES} states"
        )
    digits = np.indices((num_symbols,) * size, dtype=np.uint8).reshape(size, -1).T
    return np.ascontiguousarray(digits).reshape(-1, *example_shape)


def state_index(states: jax.Array, *, num_symbols: int, event_ndims: int = 1) -> jax.Array:
    """Computes the row of ``all_states`` of each state, so that samples can index tables over all states.

    Args:
      states: symbols, integers or floats with integer values, ``[..., *example_shape]``.
      num_symbols: values per coordinate. Static.
      event_ndims: number of trailing dims of one state. Static.

    Returns:
      int32 ``[...]``.

    Example:
      >>> state_index(jnp.array([[0, 0, 1], [1, 1, 0]]), num_symbols=2).tolist()
      [1, 6]
    """
    digits = states.reshape((*states.shape[: states.ndim - event_ndims], -1)).astype(jnp.int32)
    place_values = num_symbols ** np.arange(digits.shape[-1])[::-1]
    return jnp.tensordot(digits, jnp.asarray(place_values, jnp.int32), axes=1)


def table_target(
    name: str, log_weights: np.ndarray, *, num_symbols: int, example_shape: tuple[int, ...]
) -> EnumerableTarget:
    """Creates the target with given unnormalised log-probabilities.

    Args:
      name: name in tables.
      log_weights: one per state in counting order, ``[S]``; ``-inf`` for impossible states.
      num_symbols: values per coordinate.
      example_shape: shape of one state.

    Returns:
      The target.

    Raises:
      ValueError: the number of weights is not the number of states, or they cannot be normalised.

    Example:
      >>> np.exp(table_target("fair coin", np.zeros(2), num_symbols=2, example_shape=(1,)).log_probs).tolist()
      [0.5, 0.5]
    """
    states = all_states(num_symbols=num_symbols, example_shape=example_shape)
    log_weights = np.asarray(log_weights, np.float64)
    if log_weights.shape != (len(states),):
        raise ValueError(f"log_weights must be [{len(states)}], one per state, got the shape {list(log_weights.shape)}")
    log_total = np.logaddexp.reduce(log_weights)
    if not np.isfinite(log_total):
        raise ValueError(f"log_weights sum to e^{log_total}; at least one must be finite, and none NaN or +inf")
    return EnumerableTarget(name=name, num_symbols=num_symbols, states=states, log_probs=log_weights - log_total)


def random_target(key: jax.Array, *, num_bits: int = 12, spread: float = 2.0) -> EnumerableTarget:
    """Draws a target over bits whose log-weights are independent normal numbers, far from any product distribution.

    Args:
      key: PRNG key.
      num_bits: bits per state; 2^num_bits states.
      spread: standard deviation of the log-weights, in nats.

    Returns:
      The target, ``example_shape = (num_bits,)``.

    Example:
      >>> random_target(jax.random.key(0), num_bits=3).states.shape
      (8, 3)
    """
    log_weights = host_generator(key).normal(scale=spread, size=2**num_bits)
    return table_target(f"random over 2^{num_bits}", log_weights, num_symbols=2, example_shape=(num_bits,))


def ising_target(*, side: int = 4, temperature: float = 2.269) -> EnumerableTarget:
    r"""Creates the ferromagnetic Ising model on a periodic square lattice, with spins :math:`s = 2x - 1`.

    .. math:: \log p(x) = \frac1T \sum_{\langle ij \rangle} s_i s_j - \log Z

    It has two modes (all up, all down) that no product distribution has; above the critical temperature,
    2 / log(1 + sqrt 2) or about 2.269, they disappear.

    Args:
      side: lattice side, 3 or 4 (each site has four distinct neighbours, and 2^16 states can be listed).
      temperature: T, in units of the coupling.

    Returns:
      The target, ``example_shape = (side, side)``.

    Raises:
      ValueError: the side or the temperature is out of range.

    Example:
      >>> target = ising_target(side=3)
      >>> bool(target.log_probs[0] == target.log_probs[-1] == target.log_probs.max())
      True
    """
    if side not in (3, 4) or not temperature > 0:
        raise ValueError(f"side must be 3 or 4 and temperature positive, got side {side}, temperature {temperature}")
    states = all_states(num_symbols=2, example_shape=(side, side))
    spins = 2.0 * states - 1.0
    agreement = sum((spins * np.roll(spins, 1, axis=axis)).sum(axis=(1, 2)) for axis in (1, 2))
    name = f"Ising {side}x{side}, T={temperature:g}"
    return table_target(name, agreement / temperature, num_symbols=2, example_shape=(side, side))


def markov_chain_target(initial: np.ndarray, transition: np.ndarray, *, length: int) -> EnumerableTarget:
    """Creates the distribution of strings of a Markov chain over a small alphabet.

    Args:
      initial: probabilities of the first character, ``[V]``.
      transition: ``transition[a, b]`` = probability of b after a, ``[V, V]``.
      length: characters per string.

    Returns:
      The target, ``example_shape = (length,)``.

    Raises:
      ValueError: the shapes do not match, or rows are not probabilities.

    Example:
      >>> flip = markov_chain_target(np.array([0.5, 0.5]), np.array([[0.0, 1.0], [1.0, 0.0]]), length=3)
      >>> flip.states[flip.log_probs > -np.inf].tolist()
      [[0, 1, 0], [1, 0, 1]]
    """
    initial, transition = np.asarray(initial, np.float64), np.asarray(transition, np.float64)
    num_symbols = len(initial)
    if initial.ndim != 1 or transition.shape != (num_symbols, num_symbols):
        raise ValueError(f"initial must be [V] and transition [V, V], got {initial.shape} and {transition.shape}")
    if min(initial.min(), transition.min()) < 0 or not np.allclose([initial.sum(), *transition.sum(axis=1)], 1.0):
        raise ValueError("initial and every row of transition must be non-negative and sum to 1")
    states = all_states(num_symbols=num_symbols, example_shape=(length,))
    with np.errstate(divide="ignore"):
        log_initial, log_transition = np.log(initial), np.log(transition)
    log_probs = log_initial[states[:, 0]]
    for before, after in itertools.pairwise(range(length)):
        log_probs = log_probs + log_transition[states[:, before], states[:, after]]
    return table_target(
        f"Markov chain {num_symbols}^{length}", log_probs, num_symbols=num_symbols, example_shape=(length,)
    )


def random_markov_chain_target(
    key: jax.Array, *, num_symbols: int = 4, length: int = 6, concentration: float = 0.5
) -> EnumerableTarget:
    """Draws a Markov chain with Dirichlet rows: if the concentration is small, few characters follow each character.

    Args:
      key: PRNG key.
      num_symbols: alphabet size V.
      length: characters per string.
      concentration: of every Dirichlet distribution.

    Returns:
      The target.

    Example:
      >>> random_markov_chain_target(jax.random.key(0), num_symbols=3, length=2).states.shape
      (9, 2)
    """
    draws = host_generator(key).dirichlet(np.full(num_symbols, concentration), size=num_symbols + 1)
    rows = np.maximum(draws, 1e-6)
    rows = rows / rows.sum(axis=1, keepdims=True)
    return markov_chain_target(rows[0], rows[1:], length=length)


def product_mixture_target(weights: np.ndarray, logits: np.ndarray) -> EnumerableTarget:
    r"""Creates a mixture of products of bits, :math:`p(x) = \sum_z h(z) \prod_i g_i(x_i|z)`, the generator's family.

    Args:
      weights: h(z), ``[Z]``, summing to 1.
      logits: of each component's bits, ``[Z, num_bits]``.

    Returns:
      The target, ``example_shape = (num_bits,)``.

    Raises:
      ValueError: the shapes do not match, or the weights are not probabilities.

    Example:
      >>> target = product_mixture_target(np.array([1.0]), np.zeros((1, 2)))
      >>> np.exp(target.log_probs).tolist()
      [0.25, 0.25, 0.25, 0.25]
    """
    weights, logits = np.asarray(weights, np.float64), np.asarray(logits, np.float64)
    if logits.ndim != 2 or weights.shape != logits.shape[:1]:
        raise ValueError(f"weights must be [Z] and logits [Z, num_bits], got {weights.shape} and {logits.shape}")
    if weights.min() < 0 or not np.isclose(weights.sum(), 1.0):
        raise ValueError("weights must be non-negative and sum to 1")
    num_bits = logits.shape[1]
    states = all_states(num_symbols=2, example_shape=(num_bits,)).astype(np.float64)
    log_conditionals = logits @ states.T - np.logaddexp(0.0, logits).sum(axis=1, keepdims=True)
    with np.errstate(divide="ignore"):
        log_probs = np.logaddexp.reduce(np.log(weights)[:, None] + log_conditionals, axis=0)
    name = f"mixture of {len(weights)} products over 2^{num_bits}"
    return table_target(name, log_probs, num_symbols=2, example_shape=(num_bits,))


def target_conditional(target: EnumerableTarget) -> Conditional:
    """Returns the family of conditionals g(x|z) whose samples have the form of the target's states.

    Args:
      target: the target.

    Returns:
      Product-Bernoulli for bits, product-categorical for more symbols.

    Example:
      >>> target_conditional(ising_target(side=3)).name
      'product_bernoulli'
    """
    example_shape = target.states.shape[1:]
    if target.num_symbols == 2:
        return conditional_for("binary", example_shape)
    return conditional_for("text", example_shape, num_classes=target.num_symbols)


def sample_target(key: jax.Array, target: EnumerableTarget, *, num_samples: int) -> np.ndarray:
    """Draws independent samples from a target.

    Args:
      key: PRNG key.
      target: the target.
      num_samples: N.

    Returns:
      States, ``[N, *example_shape]`` uint8.

    Example:
      >>> sample_target(jax.random.key(0), ising_target(side=3), num_samples=5).shape
      (5, 3, 3)
    """
    # Inverse transform sampling in float64: one uniform number per sample.
    cumulative = np.cumsum(np.exp(target.log_probs))
    uniform = host_generator(key).random(num_samples) * cumulative[-1]
    rows = np.minimum(np.searchsorted(cumulative, uniform, side="right"), len(cumulative) - 1)
    return target.states[rows]
