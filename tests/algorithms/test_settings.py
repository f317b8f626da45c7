"""Updates per step are a part of the compiled program, so their number is bounded, in every algorithm."""

import dataclasses
import inspect

import pytest

from bgan_jax.algorithms import classification, classification_baselines, continuous, discrete, relaxed
from bgan_jax.algorithms.settings import MOST_UPDATES

SETTINGS = {
    kind
    for module in (classification, classification_baselines, continuous, discrete, relaxed)
    for _, kind in inspect.getmembers(module, dataclasses.is_dataclass)
    if kind.__name__.endswith("Settings")
}
COUNTS = [
    (kind, field.name)
    for kind in sorted(SETTINGS, key=lambda kind: kind.__name__)
    for field in dataclasses.fields(kind)
    if field.name in ("disc_steps", "gen_steps")
]


@pytest.mark.parametrize(("kind", "name"), COUNTS, ids=lambda value: getattr(value, "__name__", value))
def test_the_number_of_updates_is_bounded(kind, name):
    needed = {field.name: "gumbel_soft" for field in dataclasses.fields(kind) if field.name == "relaxation"}
    assert getattr(kind(**needed, **{name: MOST_UPDATES}), name) == MOST_UPDATES
    for number, words in {0: "at least 1", MOST_UPDATES + 1: "more steps", 100_000: f"at most {MOST_UPDATES}"}.items():
        with pytest.raises(ValueError, match=rf"{name} is {number}; .*{words}"):
            kind(**needed, **{name: number})
