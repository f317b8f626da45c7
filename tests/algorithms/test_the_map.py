"""The step's file stays short, names no platform, and its map of Algorithm 1 names functions and tests that exist."""

import importlib
import re
from pathlib import Path

import pytest

from bgan_jax.algorithms import discrete

SOURCE = Path(discrete.__file__).read_text(encoding="utf-8")
TESTS = Path(__file__).parent


def test_the_step_is_short_and_names_no_platform():
    assert len(SOURCE.splitlines()) <= 300
    assert not re.findall(r"(?i)\b(cpus?|gpus?|tpus?|cuda|default_backend|platform)\b", SOURCE)


@pytest.mark.parametrize(
    "name", sorted(set(re.findall(r"``((?:passes|importance_sums|losses|estimators)\.\w+)``", SOURCE)))
)
def test_functions_of_the_map_exist(name):
    module, function = name.split(".")
    parent = "bgan_jax" if module == "losses" else "bgan_jax.algorithms"
    assert callable(getattr(importlib.import_module(f"{parent}.{module}"), function))


def test_tests_of_the_map_exist():
    table = SOURCE[: SOURCE.index("``log g`` is linear")]
    files = re.findall(r"test_\w+\.py", table)
    assert len(files) == 5 and all((TESTS / file).exists() for file in files)
    tests = re.findall(r"\b(test_\w+)\b(?!\.py)", table)
    known = "".join((TESTS / file).read_text(encoding="utf-8") for file in set(files))
    assert len(tests) >= 4 and all(f"def {test}(" in known for test in tests)
