"""``commute``: a table drawn from a known distribution, so that what a generator has learned can be compared with it.

Ways to work: the weather depends on the season, the transport on weather and day, the minutes on the transport, being
late on the minutes, the mood on being late; a voucher depends on nothing and is missing in a third of the rows.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from bgan_jax.data.column_kinds import Cells
from bgan_jax.data.held_out import SPLITS
from bgan_jax.data.readers.table import read_table
from bgan_jax.data.source import Reading, Request, Source, identity_of

NUM_ROWS = 10_000
_SEED = 0


class Factor(NamedTuple):
    """A column given its parents, columns before it.

    Attributes:
      name: of the column.
      values: its texts.
      parents: their names.
      table: probabilities, ``[*sizes of the parents, number of values]``.
    """

    name: str
    values: tuple[str, ...]
    parents: tuple[str, ...]
    table: np.ndarray


def _minutes() -> np.ndarray:
    """Returns the probabilities of 5 to 90 minutes by transport: triangles around a typical time."""
    minutes = np.arange(5, 91)
    typical = np.array([[15, 8], [30, 15], [45, 20], [60, 25]])
    weights = np.maximum(1.0 - np.abs(minutes[None] - typical[:, :1]) / typical[:, 1:], 0.0)
    return weights / weights.sum(axis=1, keepdims=True)


def _late() -> np.ndarray:
    """Returns the probabilities of being in time and late, by minutes: a straight line."""
    late = 0.05 + 0.85 * np.arange(86) / 85
    return np.stack([1.0 - late, late], axis=1)


#: The distribution, column by column.
LAW: tuple[Factor, ...] = (
    Factor("season", ("spring", "summer", "autumn", "winter"), (), np.full(4, 0.25)),
    Factor(
        "weather",
        ("sun", "rain", "snow"),
        ("season",),
        np.array([[0.6, 0.38, 0.02], [0.8, 0.2, 0.0], [0.4, 0.57, 0.03], [0.3, 0.3, 0.4]]),
    ),
    Factor("day", ("weekday", "weekend"), (), np.array([5 / 7, 2 / 7])),
    Factor(
        "transport",
        ("bicycle", "car", "bus", "train"),
        ("weather", "day"),
        np.array(
            [
                [[0.5, 0.2, 0.1, 0.2], [0.8, 0.1, 0.05, 0.05]],
                [[0.1, 0.4, 0.3, 0.2], [0.1, 0.7, 0.1, 0.1]],
                [[0.02, 0.18, 0.3, 0.5], [0.02, 0.3, 0.08, 0.6]],
            ]
        ),
    ),
    Factor("minutes", tuple(map(str, range(5, 91))), ("transport",), _minutes()),
    Factor("late", ("no", "yes"), ("minutes",), _late()),
    Factor("mood", ("good", "fair", "bad"), ("late",), np.array([[0.6, 0.3, 0.1], [0.1, 0.3, 0.6]])),
    Factor("voucher", ("", "A1", "B7", "C3"), (), np.array([1 / 3, 0.3, 0.2, 0.5 - 1 / 3])),
)


def commute(request: Request) -> Source:
    """Draws the table, always the same; every fifth row is held out as ``test``."""
    request.check_split(SPLITS)

    def read() -> Reading:
        return read_table(request, draw_cells(NUM_ROWS, seed=_SEED), where="commute")

    return Source(where="commute", identity=identity_of(request, NUM_ROWS, _SEED), read=read, cached=False)


def draw_cells(num_rows: int, *, seed: int) -> list[Cells]:
    """Draws rows of :data:`LAW`, column by column.

    Example:
      >>> [len(cells.codes) for cells in draw_cells(5, seed=0)]
      [5, 5, 5, 5, 5, 5, 5, 5]
    """
    draws = np.random.default_rng(seed)
    codes: dict[str, np.ndarray] = {}
    for factor in LAW:
        probabilities = factor.table[tuple(codes[parent] for parent in factor.parents)]
        cumulative = np.broadcast_to(np.cumsum(probabilities, axis=-1), (num_rows, len(factor.values)))
        # The last value takes what rounding leaves.
        codes[factor.name] = np.sum(draws.random(num_rows)[:, None] >= cumulative[:, :-1], axis=1)
    return [Cells(factor.name, codes[factor.name].astype(np.int32), factor.values) for factor in LAW]


def exact_pair(first: str, second: str, *, law: Sequence[Factor] = LAW) -> np.ndarray:
    """Computes the exact distribution of two columns, by summing over all others.

    Args:
      first: name of a column.
      second: name of another.
      law: the distribution.

    Returns:
      Probabilities, ``[values of the first, values of the second]``.

    Example:
      >>> exact_pair("late", "mood").sum(axis=1).round(2).tolist()
      [0.67, 0.33]
    """
    letters = {factor.name: chr(ord("a") + place) for place, factor in enumerate(law)}
    terms = ["".join(letters[name] for name in (*factor.parents, factor.name)) for factor in law]
    wanted = letters[first] + letters[second]
    return np.einsum(f"{','.join(terms)}->{wanted}", *(factor.table for factor in law), optimize=True)
