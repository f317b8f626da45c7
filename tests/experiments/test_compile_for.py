"""Steps compiled for four TPU chips that are not there; and what the command refuses.

Each compilation is a process of its own, as the compiler wants it. ``expected_compilations.json`` is the committed
table; ``python -m tests.experiments.test_compile_for`` writes it again.
"""

import importlib.metadata
import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from experiments.compile_for import chips, program_text
from experiments.compile_for.__main__ import main
from experiments.compile_for.steps import EXPERIMENTS
from experiments.harness.errors import UsageError
from tests.test_layers import ROOT

TABLE = Path(__file__).parent / "expected_compilations.json"
INSTALLED = importlib.util.find_spec("libtpu") is not None
with_compiler = pytest.mark.skipif(not INSTALLED, reason="libtpu, which compiles for TPUs, comes with bgan_jax[aot]")
#: By name: an experiment and flags, small enough to compile in a minute.
CASES = {
    "classification": ["adversarial_classification", "--systems=gan/importance_sampling"],
}


def compiled(name, path):
    """The report of a case, from a process of its own."""
    command = [sys.executable, "-m", "experiments.compile_for", *CASES[name], "--topology=v5e:2x2", f"--json={path}"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=900)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(Path(path).read_text())


@with_compiler
@pytest.mark.parametrize("name", CASES)
def test_a_step_compiles_for_four_chips(name, tmp_path):
    report, expected = compiled(name, tmp_path / "report.json"), json.loads(TABLE.read_text())[name]
    assert report["devices"] == 4
    assert report["memory_share"] < 1.0
    assert report["other_collectives"] == report["data_copies"] == 0
    assert (report["all_reduces"], report["all_reduce_bytes"]) == (
        expected["all_reduces"],
        expected["all_reduce_bytes"],
    )
    if report["versions"] == expected["versions"]:
        assert report["estimated_ms"] == pytest.approx(expected["estimated_ms"], rel=0.1)


REFUSED = {
    "unknown experiment": (["no_such_thing"], "unknown experiment 'no_such_thing'; legal: adversarial_classification"),
    "no experiment": ([], "the first argument is the experiment"),
    "unknown chip": (["discrete_mnist", "--topology=v9z:2x2"], "unknown chip 'v9z'; legal: v4, v5e, v5p, v6e"),
    "unwritable": (["discrete_mnist", "--json=/dev/null/x"], "--json=/dev/null/x cannot be written"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_refused(case):
    arguments, words = REFUSED[case]
    with pytest.raises(UsageError, match=words):
        main(arguments)


@with_compiler
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--topology=v5e:3x5"], "--topology=v5e:3x5 is unknown to libtpu"),
        (["--topology=v5e:2x2", "--batch_size=30"], "batch_size=30 is not a multiple of the 4 devices; use 28 or 32"),
    ],
)
def test_what_does_not_fit_the_topology_is_refused(arguments, words):
    with pytest.raises(UsageError, match=words):
        main(["discrete_mnist", *arguments])


def test_the_compiler_is_named_where_it_is_missing(monkeypatch):
    monkeypatch.setattr(chips.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UsageError, match=r"pip install 'bgan_jax\[aot\]'"):
        chips.described("v5e:2x2")


def test_a_refusal_is_one_line_with_exit_code_2():
    command = [sys.executable, "-m", "experiments.compile_for", "discrete_mnist", "--topology=v9z:2x2"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=300)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert done.stderr.startswith("error: --topology=v9z:2x2")


def test_a_loop_counts_as_often_as_it_runs():
    text = """
%body (x: (s32[], f32[8])) -> (s32[], f32[8]) {
  %a = f32[8]{0} all-reduce(%x), to_apply=%add
  ROOT %t = (s32[], f32[8]) fusion(%a), kind=kLoop, calls=%f, backend_config={"estimated_cycles":"5"}
}

%condition (x: (s32[], f32[8])) -> pred[] {
  %n = s32[] constant(7)
  ROOT %c = pred[] compare(%x, %n), direction=LT
}

ENTRY %main (x: (s32[], f32[8])) -> (s32[], f32[8]) {
  %x = (s32[], f32[8]) parameter(0)
  %g = f32[16]{0} all-gather(%x), dimensions={0}
  ROOT %w = (s32[], f32[8]) while(%x), condition=%condition, body=%body
}
"""
    counts = program_text.count(text, data_bytes=None)
    assert counts == program_text.Counts(35, all_reduces=7, all_reduce_bytes=224, other_collectives=1, data_copies=0)
    known = text.replace("body=%body", 'body=%body, backend_config={"known_trip_count":{"n":"3"}}')
    assert program_text.count(known, data_bytes=None).cycles == 15


def test_every_case_is_an_experiment():
    assert {flags[0] for flags in CASES.values()} <= set(EXPERIMENTS)


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    kept = ("estimated_ms", "all_reduces", "all_reduce_bytes", "argument_bytes", "temp_bytes", "versions")
    reports = {name: compiled(name, folder / f"{name}.json") for name in CASES}
    table = {name: {key: report[key] for key in kept} for name, report in reports.items()}
    TABLE.write_text(json.dumps(table, indent=2) + "\n")
    print({name: report["compile_seconds"] for name, report in reports.items()}, os.cpu_count())
    print(importlib.metadata.version("libtpu"))
