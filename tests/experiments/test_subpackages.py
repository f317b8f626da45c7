"""The docstrings of the harness's subpackages list every file, and no other."""

import ast
import re

import pytest

from tests.test_layers import ROOT

HARNESS = ROOT / "experiments" / "harness"
SUBPACKAGES = sorted(path.parent for path in HARNESS.glob("*/__init__.py"))


def listed(path):
    words = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    return re.findall(r"^``([\w.]+)`` +\w", words, re.MULTILINE)


@pytest.mark.parametrize("folder", SUBPACKAGES, ids=lambda folder: folder.name)
def test_a_subpackage_lists_its_files(folder):
    files = sorted(path.name for path in folder.glob("*.py") if path.name != "__init__.py")
    assert listed(folder / "__init__.py") == files


def test_the_harness_lists_its_subpackages():
    assert listed(HARNESS / "__init__.py") == [folder.name for folder in SUBPACKAGES]
