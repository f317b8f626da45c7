"""Which cases of a parametrized test run always, and which with --exhaustive only."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import pytest


def one_in(number: int, cases: Iterable[Any], *, ids: Iterable[str] | None = None) -> Iterator[Any]:
    """Parameters of which the first runs always, and so does every ``number``-th after it."""
    named = zip(cases, ids, strict=True) if ids is not None else ((case, None) for case in cases)
    for place, (case, name) in enumerate(named):
        values = case if isinstance(case, tuple) else (case,)
        yield pytest.param(*values, marks=pytest.mark.exhaustive if place % number else (), id=name)
