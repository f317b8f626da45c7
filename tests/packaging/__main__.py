"""Installs the wheel in new environments of several interpreters and tests the losses there.

    python -m tests.packaging python3.11 python3.12 python3.13

Needs a package index, so it is a command and not a test. A minute for each interpreter, most of it the install.
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.packaging.building import build
from tests.test_layers import ROOT

CHECK = """
import sys, bgan_jax, bgan_jax.losses, bgan_jax.algorithms.discrete, experiments.discrete_mnist
assert "site-packages" in bgan_jax.__file__, bgan_jax.__file__
assert not {"tensorflow", "torch"} & set(sys.modules)
import importlib.metadata as metadata
print(f"Python {sys.version.split()[0]}, jax {metadata.version('jax')}, flax {metadata.version('flax')}: imports")
"""


def main(interpreters: list[str]) -> None:
    """Checks every interpreter in turn; a failure ends the command."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        wheel = build(folder).wheel
        # Outside the checkout, with only the files that the losses' tests read.
        elsewhere = folder / "elsewhere"
        ignore = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / "tests" / "losses", elsewhere / "tests" / "losses", ignore=ignore)
        shutil.copy(ROOT / "tests" / "__init__.py", elsewhere / "tests")
        shutil.copy(ROOT / "conftest.py", elsewhere)
        for number, interpreter in enumerate(interpreters):
            environment = folder / f"environment{number}"
            subprocess.run([interpreter, "-m", "venv", str(environment)], check=True)
            python = str(environment / "bin" / "python")
            subprocess.run(
                [python, "-m", "pip", "install", "-q", "--disable-pip-version-check", str(wheel), "chex",
                 "hypothesis", "pytest"],
                check=True,
            )  # fmt: skip
            for command in (["-c", CHECK], ["-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/losses"]):
                subprocess.run([python, *command], check=True, cwd=elsewhere)
            shutil.rmtree(environment)


if __name__ == "__main__":
    if not sys.argv[1:]:
        sys.exit("usage: python -m tests.packaging PYTHON...")
    main(sys.argv[1:])
