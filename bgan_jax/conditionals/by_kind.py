"""The conditional distribution that fits a kind of data."""

from __future__ import annotations

from collections.abc import Sequence

from bgan_jax.conditionals.bernoulli import product_bernoulli
from bgan_jax.conditionals.categorical import product_categorical
from bgan_jax.conditionals.categorical_columns import product_categorical_columns
from bgan_jax.conditionals.conditional import Conditional


def conditional_for(
    kind: str,
    example_shape: tuple[int, ...],
    *,
    num_classes: int | None = None,
    column_sizes: Sequence[int] | None = None,
    platform: str = "cpu",
) -> Conditional:
    """Returns the conditional distribution that fits a kind of data.

    Args:
      kind: ``"binary"``, ``"categorical"``, ``"text"`` or ``"table"``, as in ``bgan_jax.data.DatasetSpec.kind``.
        Static.
      example_shape: shape of one example as integers (``(28, 28, 1)`` bits, ``(32, 32)`` symbols). Static.
      num_classes: number of symbols; needed for categorical data and text. Static.
      column_sizes: number of categories of every column; needed for a table. Static.
      platform: JAX's name of what samples are drawn on: the same samples, drawn as is fast there. Static.

    Returns:
      The :class:`Conditional`.

    Raises:
      ValueError: the kind has no discrete conditional, or ``num_classes`` or ``column_sizes`` is missing.

    Example:
      >>> conditional_for("text", (32,), num_classes=80).event_ndims
      2
    """
    if kind == "binary":
        return product_bernoulli(event_ndims=len(example_shape))
    if kind in ("categorical", "text"):
        if num_classes is None:
            raise ValueError(f"a {kind} conditional needs num_classes, the number of symbols")
        return product_categorical(num_classes, event_ndims=len(example_shape) + 1, draws_one_hot=platform != "cpu")
    if kind == "table":
        if column_sizes is None:
            raise ValueError("a table's conditional needs column_sizes, the number of categories of every column")
        return product_categorical_columns(column_sizes)
    raise ValueError(
        f"data of kind {kind!r} has no discrete conditional; legal kinds are 'binary', 'categorical', 'text', 'table'"
    )
