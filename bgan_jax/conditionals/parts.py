"""A product of named parts, each of its own family, side by side in one flat array."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from bgan_jax.conditionals.conditional import Conditional


class Part(NamedTuple):
    """A part of a product.

    Attributes:
      conditional: its family.
      shape: the shape of its logits for one example; ``(n, K)`` for n symbols of K classes, ``(n,)`` for n bits.
    """

    conditional: Conditional
    shape: tuple[int, ...]


class _Place(NamedTuple):
    """Where a part lies: its coordinates in x, and its logits."""

    part: Part
    coordinates: slice
    coordinate_shape: tuple[int, ...]
    logits: slice


def product_of_parts(parts: Mapping[str, Part], *, name: str = "product_of_parts") -> Conditional:
    r"""Returns the distribution of independent parts: ``t(x)`` is those of the parts and ``A(l)`` their sum.

    One example is flat: x has the coordinates of all parts one after the other, ``[..., C]``, and so have the logits
    and the statistics, ``[..., D]``. Mean and covariance are exact where those of the parts are.

    Args:
      parts: the parts by name, in order; their families have linear statistics. Static.
      name: of the family, for error messages. Static.

    Returns:
      The :class:`Conditional`, with one trailing dim of its own in x and in the logits.

    Raises:
      ValueError: there is no part, or one has no linear statistics.

    Example:
      >>> from bgan_jax.conditionals import product_bernoulli, product_categorical, product_gaussian
      >>> row = product_of_parts({
      ...     "flags": Part(product_bernoulli(event_ndims=1), (3,)),
      ...     "answers": Part(product_categorical(5, event_ndims=2), (2, 5)),
      ...     "age": Part(product_gaussian(event_ndims=1), (1,)),
      ... })
      >>> x = row.sample(jax.random.key(0), jnp.zeros((4, 14)))
      >>> x.shape, x.dtype, row.statistics(x).shape
      ((4, 6), dtype('float32'), (4, 14))
    """
    if not parts:
        raise ValueError(f"{name}: there is no part; give at least one")
    for part_name, part in parts.items():
        if not part.conditional.linear:
            raise ValueError(
                f"{name}: part {part_name!r} ({part.conditional.name}) has no linear statistics; compose its sampler "
                "and log-probability with those of the others by general_conditional"
            )
    places, dtype = _places(parts)
    num_coordinates, num_logits = places[-1].coordinates.stop, places[-1].logits.stop

    def of_logits(logits: jax.Array, place: _Place) -> jax.Array:
        if logits.shape[-1:] != (num_logits,):
            raise ValueError(f"{name}: the last axis must be the {num_logits} logits, found {logits.shape}")
        return logits[..., place.logits].reshape(*logits.shape[:-1], *place.part.shape)

    def of_coordinates(x: jax.Array, place: _Place) -> jax.Array:
        if x.shape[-1:] != (num_coordinates,):
            raise ValueError(f"{name}: the last axis must be the {num_coordinates} coordinates, found {x.shape}")
        return x[..., place.coordinates].reshape(*x.shape[:-1], *place.coordinate_shape)

    def side_by_side(function: Callable[[_Place], jax.Array], ndim: int) -> jax.Array:
        """Concatenates a result for each part, whose first ``ndim`` dims are not of the example."""
        results = [function(place) for place in places]
        return jnp.concatenate([result.reshape(*result.shape[:ndim], -1) for result in results], axis=-1)

    def sample(key: jax.Array, logits: jax.Array) -> jax.Array:
        keys = {id(place): jax.random.fold_in(key, i) for i, place in enumerate(places)}
        return side_by_side(
            lambda place: place.part.conditional.sample(keys[id(place)], of_logits(logits, place)).astype(dtype),
            logits.ndim - 1,
        )

    def statistics(x: jax.Array) -> jax.Array:
        x = jnp.asarray(x)
        return side_by_side(lambda place: place.part.conditional.statistics(of_coordinates(x, place)), x.ndim - 1)

    def mean(logits: jax.Array) -> jax.Array:
        return side_by_side(lambda place: place.part.conditional.mean(of_logits(logits, place)), logits.ndim - 1)

    def log_normalizers(logits: jax.Array) -> jax.Array:
        return side_by_side(
            lambda place: place.part.conditional.log_normalizers(of_logits(logits, place)), logits.ndim - 1
        )

    def mask_over_logits(mask: jax.Array) -> jax.Array:
        def of_part(place: _Place) -> jax.Array:
            own = place.part.conditional.over_logits(of_coordinates(mask, place))
            return jnp.broadcast_to(own, (*mask.shape[:-1], *place.part.shape))

        return side_by_side(of_part, mask.ndim - 1)

    return Conditional(
        name=name,
        sample=sample,
        statistics=statistics,
        mean=mean,
        log_normalizers=log_normalizers,
        event_ndims=1,
        coordinate_ndims=1,
        mask_over_logits=mask_over_logits,
    )


def _places(parts: Mapping[str, Part]) -> tuple[list[_Place], np.dtype]:
    """Returns where every part lies, and the dtype that holds the coordinates of all."""
    key = jax.eval_shape(lambda: jax.random.key(0))
    places, dtypes, first_coordinate, first_logit = [], [], 0, 0
    for part in parts.values():
        x = jax.eval_shape(part.conditional.sample, key, jax.ShapeDtypeStruct(part.shape, jnp.float32))
        num_coordinates, num_logits = math.prod(x.shape), math.prod(part.shape)
        places.append(
            _Place(
                part,
                slice(first_coordinate, first_coordinate + num_coordinates),
                x.shape,
                slice(first_logit, first_logit + num_logits),
            )
        )
        dtypes.append(x.dtype)
        first_coordinate, first_logit = first_coordinate + num_coordinates, first_logit + num_logits
    is_real = any(jnp.issubdtype(dtype, jnp.floating) for dtype in dtypes)
    return places, np.dtype(np.float32) if is_real else np.result_type(*dtypes)
