"""Steps compiled for four TPU chips that are not there; the reading of programs; and what the command refuses.

``python -m experiments.compile_for.table`` makes docs/compiled.json, with which the compilations are compared.
"""

import importlib.util
import json
import subprocess
import sys
from types import SimpleNamespace

import jax
import pytest

from bgan_jax.runtime import parallel
from bgan_jax.runtime.platform import this_process
from experiments.compile_for import chips, gpu_targets, memory_traffic, program_text, table
from experiments.compile_for.__main__ import main, own_and_others
from experiments.compile_for.report import report_of
from experiments.compile_for.steps import EXPERIMENTS
from experiments.harness.cli.catalogue import load_command
from experiments.harness.errors import UsageError
from experiments.harness.runs.program import Call
from tests.exhaustive import one_in
from tests.test_layers import ROOT

INSTALLED = importlib.util.find_spec("libtpu") is not None
with_compiler = pytest.mark.skipif(not INSTALLED, reason="libtpu, which compiles for TPUs, comes with bgan_jax[aot]")
KEPT = json.loads((table.DOCS / "compiled.json").read_text())
README = " ".join((ROOT / "README.md").read_text().split())
#: Those that compile in half a minute to two minutes of a quiet core; the first of them in every run of the tests.
COMPILED = one_in(3, ["classification", "characters", "digits"])


@with_compiler
@pytest.mark.parametrize("name", COMPILED)
def test_a_step_compiles_as_the_table_says(name):
    report, expected = table.compiled(table.CASES[name].arguments), KEPT[name]
    assert report["devices"] == 4
    assert report["memory_share"] < 1.0
    assert report["other_collectives"] == report["data_copies"] == 0
    for number in ("all_reduces", "all_reduce_bytes"):
        assert report[number] == expected[number]
    if report["versions"] == expected["versions"]:
        assert report["estimated_ms"] == pytest.approx(expected["estimated_ms"], rel=0.1)


@pytest.mark.exhaustive
@pytest.mark.skipif(
    importlib.util.find_spec("jax_cuda12_plugin") is None,
    reason="jax[cuda12], which compiles for GPUs, comes with bgan_jax[cuda], 5 GB",
)
def test_a_step_compiles_for_gpus_as_the_table_says():
    report, expected = table.compiled(table.CASES["digits_h100_8"].arguments), KEPT["digits_h100_8"]
    assert report["memory_share"] < 0.01
    assert report["other_collectives"] == report["data_copies"] == 0
    for number in ("devices", "all_reduces", "all_reduce_bytes", "estimated_ms"):
        assert report[number] == expected[number]


def test_the_page_shows_the_kept_reports():
    page = (table.DOCS / "compiled.md").read_text()
    assert table.with_table(page, KEPT) == page
    assert all(report["experiment"] == table.CASES[name].arguments[0] for name, report in KEPT.items())


def test_readme_says_what_the_table_says():
    pod = KEPT["digits_v5e_256"]
    assert f"for a v5e-{pod['devices']}, where its compiler estimates {pod['estimated_ms']:.3f} ms for it" in README
    assert f"for {KEPT['digits_h100_8']['devices']} H100s" in README
    assert pod["topology"] == "v5e:16x16" and pod["other_collectives"] == 0


@pytest.mark.parametrize("name", table.CASES)
def test_the_flags_of_every_case_are_accepted(name):
    _, (experiment, *flags) = own_and_others(table.CASES[name].arguments)
    assert experiment in EXPERIMENTS
    load_command(experiment).parse(flags)


def test_an_unknown_case_is_refused():
    with pytest.raises(SystemExit, match="unknown case 'x'; legal: classification"):
        table.main(["x"])


REFUSED = {
    "unknown experiment": (["no_such_thing"], "unknown experiment 'no_such_thing'; legal: adversarial_classification"),
    "no experiment": ([], "the first argument is the experiment"),
    "unknown chip": (
        ["discrete_mnist", "--topology=v9z:2x2"],
        "unknown chip 'v9z' of --platform=tpu; legal: v4, v5e, v5p, v6e, such as v5e:2x2$",
    ),
    "chip of another platform": (
        ["discrete_mnist", "--platform=cuda", "--topology=v5e:2x2"],
        "unknown chip 'v5e' of --platform=cuda; legal: a100, h100, h200, such as h100:8; it is a chip of .*=tpu$",
    ),
    "unknown GPU": (["discrete_mnist", "--topology=h100:8"], "it is a chip of --platform=cuda"),
    "no number of GPUs": (["discrete_mnist", "--platform=cuda", "--topology=h100"], "the number of GPUs of one host"),
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


@pytest.mark.parametrize(("platform", "topology", "extra"), [("tpu", "v5e:2x2", "aot"), ("cuda", "h100:8", "cuda")])
def test_the_compiler_is_named_where_it_is_missing(monkeypatch, platform, topology, extra):
    monkeypatch.setattr(chips.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UsageError, match=rf"is not installed: pip install 'bgan_jax\[{extra}\]'"):
        chips.described(topology, platform)


def test_a_gpu_has_figures_and_a_target():
    assert set(gpu_targets.TARGETS) == set(chips.GPUS)
    for name, chip in chips.GPUS.items():
        assert f"memory_bandwidth: {chip.bandwidth:.0f}\n" in gpu_targets.TARGETS[name]
        assert f"device_memory_size: {chip.memory}\n" in gpu_targets.TARGETS[name]


@pytest.mark.parametrize(
    ("message", "words"),
    [
        # As libtpu 0.0.42 writes them, shortened.
        (
            "RESOURCE_EXHAUSTED: Ran out of memory on HBM, the total memory (67.10G) exceeds available HBM (15.75G).",
            "does not fit into a device's memory: it needs 67.10G of 15.75G; lower --per_device",
        ),
        (
            "RESOURCE_EXHAUSTED: Ran out of memory in memory space hbm. Used 20.21G of 15.75G hbm.\n\nTotal hbm usage",
            "does not fit into a device's memory: it needs 20.21G of 15.75G; lower --per_device",
        ),
        ("INTERNAL: something else\nwith a second line", "the compiler refused the step: INTERNAL: something else"),
    ],
)
def test_a_step_that_does_not_compile_is_refused_in_one_line(message, words):
    def fail(*arguments):
        raise jax.errors.JaxRuntimeError(message)

    program = SimpleNamespace(
        launcher=parallel.Launcher(this_process()._replace(name="tpu"), "pmap"),
        advance=SimpleNamespace(compile=fail),
        steps_per_call=1,
    )
    with pytest.raises(UsageError) as refused:
        report_of(Call(program, (), None), "v5e:2x2")
    assert str(refused.value).endswith(words) and "\n" not in str(refused.value)


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
    assert counts == program_text.Counts(35.0, all_reduces=7, all_reduce_bytes=224, other_collectives=1, data_copies=0)
    known = text.replace("body=%body", 'body=%body, backend_config={"known_trip_count":{"n":"3"}}')
    assert program_text.count(known, data_bytes=None).cycles == 15


LOOP = """
%body (x: (s32[], f32[8])) -> (s32[], f32[8]) {
  %x = (s32[], f32[8]{0:T(128)}) parameter(0)
  %i = s32[]{:T(128)} get-tuple-element(%x), index=0
  %w = f32[8]{0:T(128)} get-tuple-element(%x), index=1
  %s = (f32[8]{0:T(128)S(1)}, f32[8]{0:T(128)}, u32[]{:S(2)}) copy-start(%w)
  %d = f32[8]{0:T(128)S(1)} copy-done(%s)
  %y = f32[8]{0:T(128)} fusion(%d), kind=kLoop, calls=%f, backend_config={"estimated_cycles":"5"}
  ROOT %t = (s32[], f32[8]{0:T(128)}) tuple(%i, %y)
}

%condition (x: (s32[], f32[8])) -> pred[] {
  %x = (s32[], f32[8]{0:T(128)}) parameter(0)
  ROOT %c = pred[] compare(%x, %x), direction=LT
}

ENTRY %main (x: (s32[], f32[8])) -> (s32[], f32[8]) {
  %x = (s32[], f32[8]{0:T(128)}) parameter(0)
  ROOT %w = (s32[], f32[8]{0:T(128)}) while(%x), condition=%condition, body=%body
}
"""


def test_a_loop_of_steps_counts_as_one_step():
    """The number of steps is an argument, so that neither the program nor its loop's condition has it."""
    for steps in (1, 4):
        assert program_text.count(LOOP, data_bytes=None, steps=steps).cycles == 5
        assert memory_traffic.hbm_bytes(LOOP, steps=steps) == 32 + 32  # Weights are read ahead once, and written once.
    known = LOOP.replace("body=%body", 'body=%body, backend_config={"known_trip_count":{"n":"3"}}')
    assert memory_traffic.hbm_bytes(known) == 3 * 64


def test_what_a_call_does_once_is_shared_by_its_steps():
    before = '%c = f32[80]{0:T(128)} copy(%x), backend_config={"estimated_cycles":"100"}'
    text = LOOP.replace("  ROOT %w", f"  {before}\n  %r = f32[8]{{0}} all-reduce(%c), to_apply=%add\n  ROOT %w")
    counts = program_text.count(text, data_bytes=None, steps=4)
    assert (counts.cycles, counts.all_reduces) == (5 + 100 / 4, 1)
    inside = LOOP.replace("  %i =", "  %v = (s32[]) while(%x), condition=%condition, body=%search\n  %i =")
    search = """
%search (x: (s32[])) -> (s32[]) {
  ROOT %q = s32[] fusion(%x), kind=kLoop, calls=%f, backend_config={"estimated_cycles":"3"}
}
"""
    # A search within a step, of nobody knows how many rounds, is not the loop of steps.
    assert program_text.count(search + inside, data_bytes=None, steps=4).cycles == 5 + 3


def test_a_gather_reads_what_it_takes():
    text = """
%rows (d: u8[1000,128], i: s32[4]) -> f32[4,128] {
  %d = u8[1000,128]{1,0} parameter(0)
  %i = s32[4]{0} parameter(1)
  %g = u8[4,128]{1,0} gather(%d, %i), offset_dims={1}
  ROOT %f = f32[4,128]{1,0} convert(%g)
}

ENTRY %main (d: u8[1000,128], i: s32[4]) -> f32[4,128] {
  %d = u8[1000,128]{1,0:T(8,128)} parameter(0)
  %i = s32[4]{0:T(128)S(1)} parameter(1)
  ROOT %f = f32[4,128]{1,0:T(8,128)S(1)} fusion(%d, %i), kind=kLoop, calls=%rows
}
"""
    assert memory_traffic.hbm_bytes(text) == 4 * 128
    assert memory_traffic.hbm_bytes(text.replace("gather(%d, %i)", "add(%d, %d)")) == 1000 * 128


def test_reading_ahead_is_no_copy():
    def ahead(target):
        return f"""
ENTRY %main (d: u8[64]) -> u8[64] {{
  %d = u8[64]{{0:T(128)}} parameter(0)
  %s = (u8[64]{{0:T(128){target}}}, u8[64]{{0:T(128)}}, u32[]{{:S(2)}}) copy-start(%d)
  ROOT %e = u8[64]{{0:T(128){target}}} copy-done(%s)
}}
"""

    assert program_text.count(ahead("S(1)"), data_bytes=64).data_copies == 0
    assert program_text.count(ahead(""), data_bytes=64).data_copies == 1
