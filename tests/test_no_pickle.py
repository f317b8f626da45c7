"""Nothing here unpickles: a file from another person can contain numbers and text, but no code that is run."""

import ast

import pytest

from tests.test_layers import ROOT

FILES = sorted([*(ROOT / "bgan_jax").rglob("*.py"), *(ROOT / "experiments").rglob("*.py")])
UNPICKLERS = {"pickle", "_pickle", "cPickle", "cloudpickle", "dill", "joblib", "shelve", "marshal", "jsonpickle"}


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_nothing_unpickles(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        imported = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            imported = [node.module]
        assert not UNPICKLERS & {name.split(".")[0] for name in imported}, f"{path}:{node.lineno}"
        # numpy rejects pickles by default.
        if isinstance(node, ast.keyword) and node.arg == "allow_pickle":
            assert isinstance(node.value, ast.Constant) and node.value.value is False, f"{path}:{node.value.lineno}"
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "read_pickle":
            pytest.fail(f"{path}:{node.lineno}")
