"""Modules import only from lower layers, and the losses depend on jax and numpy only."""

import ast
import graphlib
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "bgan_jax"
LAYERS = {
    "bgan_jax.version": 0,
    "bgan_jax.paths": 0,
    "bgan_jax.json_lines": 1,
    "bgan_jax.atomic_files": 1,
    "bgan_jax.losses": 1,
    "bgan_jax.conditionals": 2,
    "bgan_jax.networks": 2,
    "bgan_jax.data": 2,
    "bgan_jax.evaluation": 3,
    "bgan_jax.algorithms": 4,
    "bgan_jax.sampling": 5,
    "bgan_jax.runtime": 5,
    "experiments": 6,
}
#: The folders of ``experiments/harness``; each imports from itself and from those before it only.
HARNESS_ORDER = ("metrics", "reports", "cli", "runs")
#: Modules of ``experiments/harness`` that all of them may import, and that import none.
HARNESS_BASE = {"experiments.harness", "experiments.harness.errors"}
FILES = sorted([*PACKAGE.rglob("*.py"), *(ROOT / "experiments").rglob("*.py")])


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def subpackage(module: str) -> str | None:
    return next((name for name in LAYERS if module == name or module.startswith(name + ".")), None)


def imports_of(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, f"{path}: imports are absolute"
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def import_graph() -> dict[str, set[str]]:
    """The modules that every module imports, within functions too; a submodule that is imported counts as itself."""
    modules = {module_name(path): path for path in FILES}
    graph = {}
    for module, path in modules.items():
        found = set()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                found |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                submodules = [f"{node.module}.{alias.name}" for alias in node.names]
                found |= {name if name in modules else node.module for name in submodules}
        graph[module] = (found & modules.keys()) - {module}
    return graph


def circle_in(graph: dict[str, set[str]]) -> list[str]:
    """Modules of which each imports the one before it, the first one again at the end; empty if there are none."""
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        return error.args[1]
    return []


def test_a_circle_is_found():
    assert circle_in({"a": {"b"}, "b": {"c"}, "c": set()}) == []
    assert set(circle_in({"a": {"b"}, "b": {"c"}, "c": {"a"}})) == {"a", "b", "c"}


def test_no_module_imports_itself_through_others():
    graph = import_graph()
    # The graph is not empty, and it resolves submodules.
    assert "bgan_jax.runtime.parallel" in graph["bgan_jax.runtime.loop"]
    assert circle_in(graph) == []


def test_no_import_is_for_types_only():
    assert not [module_name(path) for path in FILES if "TYPE_CHECKING" in path.read_text(encoding="utf-8")]


def test_the_folders_of_the_harness_import_in_one_direction():
    prefix = "experiments.harness."
    graph = import_graph()
    assert all(not graph[module] for module in HARNESS_BASE)
    for module, imported in graph.items():
        if module in HARNESS_BASE or not module.startswith(prefix):
            continue
        own = HARNESS_ORDER.index(module.split(".")[2])
        for other in imported - HARNESS_BASE:
            if other.startswith(prefix):
                assert HARNESS_ORDER.index(other.split(".")[2]) <= own, f"{module} may not import {other}"


@pytest.mark.parametrize("path", FILES, ids=module_name)
def test_imports_are_from_lower_layers_only(path):
    own = subpackage(module_name(path))
    for imported in imports_of(path):
        other = subpackage(imported)
        if own is None or other is None or own == other or other == "bgan_jax.version":
            continue
        allowed = LAYERS[other] < LAYERS[own] or (own == "bgan_jax.evaluation" and LAYERS[other] == 2)
        assert allowed, f"{module_name(path)} may not import {imported}"


@pytest.mark.parametrize("path", sorted((PACKAGE / "losses").rglob("*.py")), ids=module_name)
def test_the_losses_import_jax_and_numpy_only(path):
    third_party = {name.split(".")[0] for name in imports_of(path)} - set(sys.stdlib_module_names)
    assert third_party <= {"jax", "numpy", "bgan_jax"}


@pytest.mark.parametrize("path", FILES, ids=module_name)
def test_only_experiments_define_flags(path):
    if "experiments" not in path.parts:
        assert not any(name.split(".")[0] == "absl" for name in imports_of(path)), f"{path} imports absl"


def test_importing_every_module_starts_no_backend():
    # PyTorch is not a dependency; only the benchmark's comparison with it imports it.
    modules = sorted({module_name(path) for path in FILES if not path.name.startswith(("__main__", "pytorch"))})
    code = "\n".join(
        [
            "import importlib, sys",
            f"for name in {modules!r}: importlib.import_module(name)",
            "import jax._src.xla_bridge as bridge",
            "assert not bridge.backends_are_initialized(), 'a backend was started by an import'",
            "heavy = {'tensorflow', 'torch', 'tensorflow_datasets', 'matplotlib', 'orbax.checkpoint.v1', 'lmdb'}",
            "assert not heavy & set(sys.modules), heavy & set(sys.modules)",
        ]
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT, timeout=120)


def test_no_module_has_a_catch_all_name():
    forbidden = {"utils", "util", "misc", "helpers", "common"}
    assert not [path for path in FILES if path.stem in forbidden]
