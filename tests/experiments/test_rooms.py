"""The docstrings of the harness's rooms list every file, and no other."""

import ast
import re

import pytest

from tests.test_layers import ROOT

HARNESS = ROOT / "experiments" / "harness"
ROOMS = sorted(path.parent for path in HARNESS.glob("*/__init__.py"))


def listed(path):
    words = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    return re.findall(r"^``([\w.]+)`` +\w", words, re.MULTILINE)


@pytest.mark.parametrize("room", ROOMS, ids=lambda room: room.name)
def test_a_room_lists_its_files(room):
    files = sorted(path.name for path in room.glob("*.py") if path.name != "__init__.py")
    assert listed(room / "__init__.py") == files


def test_the_harness_lists_its_rooms():
    assert listed(HARNESS / "__init__.py") == [room.name for room in ROOMS]
