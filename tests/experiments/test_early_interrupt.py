"""Ctrl-C while Python still imports a command ends it in one line, by the signal, which a shell shows as 130."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from experiments.harness.cli.catalogue import command_files
from tests import launching
from tests.test_layers import ROOT

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="by POSIX signals and /proc")

# A package whose import says that it has begun, and does not end. It catches what an import may catch.
ENDLESS = """
import sys, time
print("importing", flush=True)
while True:
    try:
        time.sleep(0.05)  # a signal just before a long sleep would wait for its end
    except BaseException:
        pass
"""


def start(*arguments, path=(), shell=()):
    return subprocess.Popen(
        [*shell, sys.executable, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([*map(str, path), str(ROOT)])},
    )  # fmt: skip


def end_of(process):
    try:
        errors = process.communicate(timeout=60)[1]
    finally:
        process.kill()
    return process.returncode, errors


@pytest.fixture
def endless_jax(tmp_path):
    launching.accept_interrupts()
    (tmp_path / "jax.py").write_text(ENDLESS)
    return tmp_path


@pytest.mark.parametrize("name", command_files())
def test_a_command_that_is_imported(endless_jax, name):
    process = start("-m", f"experiments.{name}", "--smoke", path=[endless_jax])
    assert process.stdout.readline() == "importing\n"
    process.send_signal(signal.SIGINT)
    assert end_of(process) == (-signal.SIGINT, "stopped by SIGINT\n")


def test_the_real_imports(tmp_path):
    launching.accept_interrupts()
    process = start("-m", "experiments.discrete_mnist", f"--workdir={tmp_path / 'run'}")
    maps = Path(f"/proc/{process.pid}/maps")
    deadline = time.monotonic() + 60
    while "jaxlib" not in maps.read_text() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.002)
    process.send_signal(signal.SIGINT)
    assert end_of(process) == (-signal.SIGINT, "stopped by SIGINT\n")
    assert not (tmp_path / "run").exists()


def test_an_ignored_signal_stays_ignored(endless_jax):
    """As in a background job of a shell."""
    shell = ["sh", "-c", "trap '' INT; exec \"$@\"", "sh"]
    process = start("-m", "experiments.toy2d", path=[endless_jax], shell=shell)
    assert process.stdout.readline() == "importing\n"
    process.send_signal(signal.SIGINT)
    time.sleep(0.2)
    assert process.poll() is None
    process.terminate()
    assert end_of(process) == (-signal.SIGTERM, "")


@pytest.mark.parametrize("arguments", ["-m mine", "-m mine -m experiments", "-c import\tmine.__main__"])
def test_a_program_that_uses_the_package_keeps_its_handler(tmp_path, arguments):
    launching.accept_interrupts()
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "__init__.py").write_text("import experiments")
    shown = "import signal; print(signal.getsignal(signal.SIGINT) is signal.default_int_handler)"
    (tmp_path / "mine" / "__main__.py").write_text(shown)
    assert start(*arguments.split(" "), path=[tmp_path]).communicate(timeout=60)[0] == "True\n"
