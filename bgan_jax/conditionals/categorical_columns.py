"""Independent symbols, each with its own number of classes, such as the columns of a table."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from bgan_jax.conditionals.categorical import product_categorical
from bgan_jax.conditionals.conditional import Conditional
from bgan_jax.conditionals.parts import Part, product_of_parts

NAME = "product_categorical_columns"


def product_categorical_columns(sizes: Sequence[int]) -> Conditional:
    r"""Returns the distribution of one symbol for each column, column c having ``sizes[c]`` classes.

    x is ``[..., C]``; the logits and the one-hot statistics are flat and ragged, ``[..., sum(sizes)]``, column after
    column, so a column of 2 classes beside one of 1,000 has 2 logits. Neighbouring columns of one size are computed
    together.

    Args:
      sizes: classes of every column, each 2 to 65,536. Static.

    Returns:
      The :class:`Conditional`.

    Raises:
      ValueError: there is no column, or a size is out of its range; names the column.

    Example:
      >>> import jax, jax.numpy as jnp
      >>> columns = product_categorical_columns([2, 3, 5])
      >>> columns.statistics(jnp.array([1, 0, 4])).tolist()
      [0.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0]
      >>> columns.sample(jax.random.key(0), jnp.zeros((7, 10))).shape
      (7, 3)
    """
    sizes = tuple(sizes)
    for place, size in enumerate(sizes):
        if not 2 <= size <= 65536:
            raise ValueError(
                f"{NAME}: column {place} has {size} classes; a column has 2 to 65,536; leave constant columns out"
            )
    parts = {}
    for size, run in itertools.groupby(enumerate(sizes), key=lambda column: column[1]):
        places = [place for place, _ in run]
        block = Part(product_categorical(size, event_ndims=2), (len(places), size))
        parts[f"columns {places[0]} to {places[-1]}"] = block
    return product_of_parts(parts, name=NAME)
