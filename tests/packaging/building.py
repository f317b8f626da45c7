"""Builds the distributions from a copy of the checkout, so that the checkout stays unchanged."""

import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from tests.test_layers import ROOT

PARTS = ("bgan_jax", "experiments", "tests", "docs", "notebooks")
MADE = ("api", "experiments", "notebooks")  # In docs, by a build of the site.
SUFFIXES = (".py", ".md", ".cff", ".toml", ".in", ".yml")


def copy_of_the_checkout(folder: Path) -> Path:
    """Copies the files that a build reads, without caches, environments and results."""
    source = folder / "source"
    source.mkdir()
    for part in PARTS:
        if (ROOT / part).exists():
            left_out = ("__pycache__", ".*", *(MADE if part == "docs" else ()))
            shutil.copytree(ROOT / part, source / part, ignore=shutil.ignore_patterns(*left_out))
    for path in ROOT.iterdir():
        if path.is_file() and (path.suffix in SUFFIXES or path.name == "LICENSE"):
            shutil.copy(path, source / path.name)
    return source


class Distributions(NamedTuple):
    """The two files, and the copy of the checkout that they were built from."""

    wheel: Path
    archive: Path
    source: Path


def build(folder: Path) -> Distributions:
    """Builds the wheel and the source distribution with the setuptools of this interpreter."""
    source, built = copy_of_the_checkout(folder), folder / "built"
    built.mkdir()
    for hook in ("build_wheel", "build_sdist"):  # each leaves its own name in sys.argv, so each has its own process
        code = f"import sys; from setuptools import build_meta; build_meta.{hook}(sys.argv[1])"
        subprocess.run([sys.executable, "-c", code, str(built)], cwd=source, check=True, capture_output=True)
    return Distributions(next(built.glob("*.whl")), next(built.glob("*.tar.gz")), source)
