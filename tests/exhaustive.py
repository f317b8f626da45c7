"""Which cases of a parametrized test run always, and which with --exhaustive only."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest


def one_in(number: int, cases: Iterable[Any], *, ids: Iterable[str] | None = None) -> list[Any]:
    """Returns parameters of which the first runs always, and so does every ``number``-th after it."""
    named = zip(cases, ids, strict=True) if ids is not None else ((case, None) for case in cases)
    return [
        pytest.param(
            *(case if isinstance(case, tuple) else (case,)),
            marks=pytest.mark.exhaustive if place % number else (),
            id=name,
        )
        for place, (case, name) in enumerate(named)
    ]
