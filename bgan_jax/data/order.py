r"""The order of examples as a function of the position: an infinite stream of shuffled epochs without an iterator.

Position ``t`` belongs to epoch ``t // n``. Every epoch is a different permutation of ``0 .. n-1``, and the index at a
position is computed independently of the others, in about thirty integer operations. So there is no iterator to save:
the batch of a step is a function of (seed, step), the same for any number of hosts, and a run resumes from its step.

The permutation is a Feistel network on pairs of digits. With ``a = ceil(sqrt(n))`` and ``b = ceil(n / a)`` write
``x = l * b + r``; rounds alternate

.. math:: l \leftarrow (l + h_k(r)) \bmod a, \qquad r \leftarrow (r + h_k(l)) \bmod b

each of which is invertible, so together they permute ``0 .. ab-1`` whatever the hash ``h`` is. A result ``>= n`` is
mapped again until it is below ``n`` (cycle walking), which gives a permutation of ``0 .. n-1``. Since ``ab - n < a``,
at most about one index in ``sqrt(n)`` is mapped again; with a network on bits it would be up to every second one.
Black & Rogaway 2002, "Ciphers with arbitrary finite domains", https://doi.org/10.1007/3-540-45760-7_9.
"""

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

_ROUNDS = 6
_POSITIONS = 2**32


def check_schedule(*, num_steps: int, batch_size: int) -> None:
    """Checks that the order has as many batches as a run takes.

    Args:
      num_steps: batches from the start of training to its end, over all resumptions.
      batch_size: examples of one, over all hosts.

    Raises:
      ValueError: ``num_steps >= 2**32``, or a batch of 2**31 examples or more.
    """
    if num_steps >= _POSITIONS:
        raise ValueError(
            f"num_steps={num_steps} must be below 2**32, the number of batches in the order of examples: use at most "
            f"{_POSITIONS - 1} steps"
        )
    if batch_size >= _POSITIONS // 2:
        raise ValueError(f"batch_size={batch_size} must be below 2**31")


def host_slice(batch_size: int, *, process_index: int = 0, process_count: int = 1) -> slice:
    """Returns the slice of the global batch that one host reads.

    Args:
      batch_size: examples of one step, over all hosts.
      process_index: this host, ``jax.process_index()``.
      process_count: number of hosts, ``jax.process_count()``.

    Returns:
      The slice; the slices of all hosts concatenate to the global batch.

    Raises:
      ValueError: ``process_count`` does not divide ``batch_size``.

    Example:
      >>> host_slice(8, process_index=1, process_count=2)
      slice(4, 8, None)
    """
    if batch_size % process_count:
        raise ValueError(f"batch_size={batch_size} is not divisible by the number of hosts, {process_count}")
    share = batch_size // process_count
    return slice(process_index * share, (process_index + 1) * share)


def batch_indices(
    batch: Any, *, batch_size: int, num_examples: int, seed: Any, within: Any = None, first_epoch: Any = 0
) -> Any:
    """Computes the indices of the examples of a batch: those at the positions ``batch * batch_size + within``.

    The result is the same for numpy and JAX arrays, compiled or not; positions may lie beyond 32 bits.

    Args:
      batch: batches before this one: a Python integer, or a scalar uint32 JAX array (traced or not).
      batch_size: examples of one batch, over all hosts; static.
      num_examples: n; with ``batch_size`` below 2**31; static.
      seed: as in :func:`shuffled_indices`.
      within: places in the batch, uint32, such as one host's part; ``None`` is the whole batch.
      first_epoch: the epoch of position 0, an integer or a uint32 scalar.

    Returns:
      uint32, shaped like ``within``: numpy for a Python integer, JAX for a JAX array.

    Raises:
      ValueError: ``num_examples`` or ``seed`` out of range; or a Python integer beyond the last batch.

    Example:
      >>> batch_indices(2, batch_size=4, num_examples=10, seed=1).tolist()
      [3, 1, 9, 3]
    """
    _check(num_examples, seed)
    if num_examples + batch_size >= _POSITIONS // 2:
        raise ValueError(f"num_examples={num_examples} and batch_size={batch_size} must be below 2**31 together")
    within = np.arange(batch_size, dtype=np.uint32) if within is None else within
    n = np.uint32(num_examples)
    epoch: Any
    places: Any
    if isinstance(batch, jax.Array):
        epoch, place = _divide(batch.astype(np.uint32), times=batch_size, by=num_examples)
        places = place + lax.convert_element_type(within, np.uint32)
    else:
        check_schedule(num_steps=int(batch) + 1, batch_size=batch_size)
        epochs, rest = divmod(int(batch) * batch_size, num_examples)
        epoch, places = np.uint32(epochs % _POSITIONS), np.uint32(rest) + np.asarray(within, np.uint32)
    first_epoch = first_epoch if isinstance(first_epoch, jax.Array) else np.uint32(first_epoch)
    return _indices(epoch + first_epoch + places // n, places % n, num_examples=num_examples, seed=seed)


def _divide(number: jax.Array, *, times: int, by: int) -> tuple[jax.Array, jax.Array]:
    """Divides ``number * times`` with remainder in 32 bits, by long division with digits as long as fit.

    A remainder below ``by``, shifted by one digit, plus a digit times ``times``, stays below 2**32.

    Returns:
      The quotient modulo 2**32, and the remainder.
    """
    bits = ((_POSITIONS - 1) // (by + times)).bit_length() - 1
    quotient = remainder = jnp.zeros((), np.uint32)
    for shift in range(-(-32 // bits) * bits - bits, -1, -bits):
        digit = (number >> np.uint32(shift)) & np.uint32(2**bits - 1)
        partial = (remainder << np.uint32(bits)) + digit * np.uint32(times)
        quotient = (quotient << np.uint32(bits)) + partial // np.uint32(by)
        remainder = partial % np.uint32(by)
    return quotient, remainder


def shuffled_indices(positions: Any, *, num_examples: int, seed: Any) -> Any:
    """Computes the index of the example at each position; every epoch is a different permutation.

    The result is the same for numpy and JAX arrays, compiled or not.

    Args:
      positions: uint32, any shape, traced or not.
      num_examples: n, at least 1 and below 2**32; static.
      seed: 0 <= seed < 2**32; a Python integer, static, or a uint32 scalar JAX array, traced or not, beside positions
        that are JAX arrays.

    Returns:
      uint32 indices in ``0 .. n-1``, shaped like ``positions``. Positions ``e*n .. (e+1)*n - 1`` hold each index once.

    Raises:
      ValueError: ``num_examples`` or ``seed`` out of range, or positions that are not uint32.

    Example:
      >>> sorted(shuffled_indices(np.arange(5, dtype=np.uint32), num_examples=5, seed=0).tolist())
      [0, 1, 2, 3, 4]
    """
    _check(num_examples, seed)
    if positions.dtype != np.uint32:
        raise ValueError(f"positions must be uint32, found {positions.dtype}")
    n = np.uint32(num_examples)
    return _indices(positions // n, positions % n, num_examples=num_examples, seed=seed)


def _check(num_examples: int, seed: Any) -> None:
    if not 1 <= num_examples < _POSITIONS:
        raise ValueError(f"num_examples={num_examples} must be in [1, 2**32)")
    if not isinstance(seed, jax.Array) and not 0 <= seed < _POSITIONS:
        raise ValueError(f"seed={seed} must be in [0, 2**32)")


def _indices(epochs: Any, places: Any, *, num_examples: int, seed: Any) -> Any:
    """Computes the indices at places of epochs, both uint32 of one shape."""
    traced = isinstance(places, jax.Array)
    n = np.uint32(num_examples)
    left_size = math.isqrt(num_examples - 1) + 1
    sizes = np.uint32(left_size), np.uint32(-(-num_examples // left_size))
    keys = _round_keys(epochs, seed=seed)

    def permute_out_of_range(indices: Any) -> Any:
        permuted = _permute(indices, keys=keys, sizes=sizes)
        # Only the indices out of range are mapped again.
        return (lax.select if traced else np.where)(indices >= n, permuted, indices)

    indices = _permute(places, keys=keys, sizes=sizes)
    if traced:
        return lax.while_loop(lambda indices: (indices >= n).any(), permute_out_of_range, indices)
    while (indices >= n).any():
        indices = permute_out_of_range(indices)
    return indices


def _permute(indices: Any, *, keys: list[Any], sizes: tuple[np.uint32, np.uint32]) -> Any:
    """Applies the Feistel network to indices in ``0 .. a*b - 1``."""
    left_size, right_size = sizes
    left, right = indices // right_size, indices % right_size
    for number, key in enumerate(keys):
        if number % 2 == 0:
            left = (left + _mix(right ^ key) % left_size) % left_size
        else:
            right = (right + _mix(left ^ key) % right_size) % right_size
    return left * right_size + right


def _round_keys(epoch: Any, *, seed: Any) -> list[Any]:
    """Computes a 32-bit key for each round from the seed and the epoch of each position."""
    mixed_seed = _mix(seed) if isinstance(seed, jax.Array) else np.uint32(_mix(np.asarray([seed], np.uint32))[0])
    epoch_key = _mix(epoch ^ mixed_seed)
    # Multiples of the golden ratio make the keys of the rounds distinct (Weyl sequence), and the hash mixes them.
    return [_mix(epoch_key + np.uint32((number + 1) * 0x9E3779B9 % _POSITIONS)) for number in range(_ROUNDS)]


def _mix(bits: Any) -> Any:
    """Hashes 32-bit words bijectively, so that every input bit affects every output bit (lowbias32, public domain).

    https://nullprogram.com/blog/2018/07/31/
    """
    bits = (bits ^ (bits >> np.uint32(16))) * np.uint32(0x7FEB352D)
    bits = (bits ^ (bits >> np.uint32(15))) * np.uint32(0x846CA68B)
    return bits ^ (bits >> np.uint32(16))
