"""Installs the wheel in new environments, and does there what README says.

    python -m tests.packaging python3.11 python3.12 python3.13
    python -m tests.packaging --oldest python3.11

Each environment gets the newest dependencies that its interpreter can have, or with ``--oldest`` the lowest versions
that ``pyproject.toml`` allows. With an empty home folder and outside the checkout every module is imported, README's
first two commands run (the training with ``--smoke``), then its example of the library, and the tests of the losses.

Needs a package index, so it is a command and not a test. Two to four minutes for each interpreter.
"""

import argparse
import os
import re
import shutil
import subprocess
import tempfile
import tomllib
from pathlib import Path

from tests.packaging.building import build
from tests.packaging.test_dependencies import OPTIONAL
from tests.test_layers import ROOT

IMPORTS = """
import importlib, importlib.metadata, pkgutil, re, sys
import bgan_jax, experiments
assert "site-packages" in bgan_jax.__file__, bgan_jax.__file__
count, missing = 0, set()
for package in (bgan_jax, experiments):
    for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        try:
            importlib.import_module(module.name)
            count += 1
        except ModuleNotFoundError as error:
            missing.add(error.name.lower().replace("_", "-"))
assert missing <= set(OPTIONAL), missing
assert not {"tensorflow", "torch"} & set(sys.modules)
versions = " ".join(f"{name} {importlib.metadata.version(name)}" for name in NAMES)
print(f"{count} modules imported on Python {sys.version.split()[0]} with {versions}", flush=True)
"""


def lowest(requirements: list[str]) -> list[str]:
    """Returns the lowest version of every requirement.

    >>> lowest(["jax>=0.7.2", "numpy>=1.26"])
    ['jax==0.7.2', 'numpy==1.26']
    """
    return [requirement.replace(">=", "==") for requirement in requirements]


def readme_commands() -> list[list[str]]:
    """Returns README's first two commands as arguments of an interpreter; the training with ``--smoke``."""
    block = re.search(r"```bash\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)[1]
    train, sample = re.findall(r"python (-m experiments\.\S+[^#\n]*)", block)
    return [[*train.split(), "--smoke"], sample.split()]


def readme_example() -> str:
    """Returns README's example of the library."""
    return re.search(r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)[1]


def check(interpreter: str, wheel: Path, pinned: list[str], folder: Path) -> None:
    """Checks the wheel in a new environment of the interpreter; a failure ends the command."""
    home, elsewhere = folder / "home", folder / "elsewhere"
    home.mkdir()
    # Outside the checkout, with only the files that the tests of the losses read.
    shutil.copytree(ROOT / "tests" / "losses", elsewhere / "tests" / "losses", ignore=shutil.ignore_patterns("__py*"))
    for name in ("tests/__init__.py", "conftest.py"):
        shutil.copy(ROOT / name, elsewhere / name)
    subprocess.run([interpreter, "-m", "venv", str(folder / "venv")], check=True)
    python = str(folder / "venv" / "bin" / "python")
    install = [python, "-m", "pip", "install", "-q", "--disable-pip-version-check"]
    subprocess.run([*install, str(wheel), *pinned], check=True)
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "JAX", "XLA"))}
    environment |= {"HOME": str(home), "JAX_PLATFORMS": "cpu"}
    names = [re.match(r"[\w.-]+", requirement)[0] for requirement in dependencies()]
    imports = f"NAMES = {names}\nOPTIONAL = {sorted(OPTIONAL)}\n{IMPORTS}"
    for command in (["-c", imports], *readme_commands(), ["-c", readme_example()]):
        subprocess.run([python, *command], check=True, cwd=elsewhere, env=environment)
    subprocess.run([*install, "chex", "hypothesis", "pytest", *pinned], check=True)
    tests = ["-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/losses"]
    subprocess.run([python, *tests], check=True, cwd=elsewhere, env=environment)


def dependencies() -> list[str]:
    """Returns the requirements of a plain install."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["dependencies"]


def main() -> None:
    """Checks every interpreter in turn."""
    parser = argparse.ArgumentParser(prog="python -m tests.packaging", description=__doc__.splitlines()[0])
    parser.add_argument("interpreters", nargs="+", metavar="PYTHON")
    parser.add_argument("--oldest", action="store_true", help="the lowest versions that pyproject.toml allows")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        wheel = build(Path(name)).wheel
        for interpreter in arguments.interpreters:
            with tempfile.TemporaryDirectory(dir=name) as folder:
                check(interpreter, wheel, lowest(dependencies()) if arguments.oldest else [], Path(folder))


if __name__ == "__main__":
    main()
