"""The benchmark's parts except its timings, which are not tested."""

import json

import jax
import pytest

from bgan_jax.networks import build_networks
from experiments.benchmark import command as benchmark
from experiments.benchmark import parts, startup
from experiments.benchmark.program import Program, interleave
from experiments.benchmark.rows import ROWS, TINY_ROW
from experiments.harness.cli import flags
from experiments.harness.errors import UsageError


def test_programs_are_interleaved_and_are_counted():
    calls = []
    programs = [Program(name, lambda steps, name=name: calls.append((name, steps)), 0.0) for name in "ab"]
    times = interleave(programs, rounds=3, seconds=0.0)
    assert [name for name, _ in calls[2:]] == ["a", "b"] * 3
    assert all(steps >= 1 for _, steps in calls) and {len(values) for values in times.values()} == {3}


@pytest.mark.exhaustive
def test_a_tiny_row_from_the_outside(tmp_path, capsys):
    path = tmp_path / "benchmark.json"
    arguments = ["--smoke", f"--json={path}", f"--markdown={tmp_path / 'benchmark.md'}"]
    benchmark.main(flags.parse(benchmark.Config, arguments, smoke=benchmark.SMOKE))
    saved = json.loads(path.read_text())
    row = saved["rows"]["digits, tiny"]
    assert set(row) == {"default", "parity"}
    for program in row.values():
        assert len(program["seconds_per_step"]) == 2 and program["flops"] > 1e5 and program["megabytes"] > 0
    assert row["parity"]["flops"] > row["default"]["flops"]
    assert saved["machine"]["peak_gflops"] > 0
    assert (tmp_path / "benchmark.md").read_text() == capsys.readouterr().out.rstrip("\n") + "\n"


def test_an_unknown_row_is_refused():
    with pytest.raises(UsageError, match="unknown row 'digits_7'; legal: all, none, digits_5"):
        benchmark.rows_of(benchmark.Config(rows="digits_7"))
    with pytest.raises(UsageError, match="--parts=dcgan32: unknown row 'dcgan32'; legal: all, none, digits_5"):
        benchmark.rows_of(benchmark.Config(parts="dcgan32"), flag="parts")


def test_rows_by_name():
    assert list(benchmark.rows_of(benchmark.Config())) == list(ROWS)
    assert benchmark.rows_of(benchmark.Config(rows="none")) == {}
    assert list(benchmark.rows_of(benchmark.Config(rows="palette, digits_5"))) == ["palette", "digits_5"]
    assert "dcgan32" not in benchmark.rows_of(benchmark.Config(parts="all"), flag="parts")


@pytest.fixture(scope="module")
def tiny_parts():
    return parts.measure_parts(TINY_ROW._replace(batch_size=16, penalty=0.5), rounds=1, seconds=0.0)


def test_the_parts_of_a_step_and_the_host(tiny_parts):
    assert set(tiny_parts) == {
        "step", "input", "forward", "draw", "score", "learn", "learn with penalty", "follow", "optimise",
        "loop", "host", "waited", "idle",
    }  # fmt: skip
    assert all(len(values) == 1 and values[0] > 0 for values in tiny_parts.values())


def test_the_table_of_parts_takes_apart_what_was_measured_together():
    measured = {"step": 11, "input": 1, "forward": 1, "draw": 2, "score": 5, "learn": 2, "learn with penalty": 3,
                "follow": 2, "optimise": 0.5, "loop": 11, "host": 0.1, "waited": 10, "idle": 0.02}  # fmt: skip
    table = parts.parts_table("digits", {name: [1e-3 * value] for name, value in measured.items()})
    assert "| sampling | 2.00 | 18.2 % |" in table and "and the sums | 3.00 | 27.3 % |" in table
    assert "| penalty | 1.00 | 9.1 % |" in table and "| sum of these | 11.00 | 100.0 % |" in table
    assert "beyond one that is waited for | 1.00 | 10.0 % |" in table


def test_a_start_ends_at_its_mark_and_its_processors_time_is_counted():
    talk = "import sys, time; [0 for _ in range(10**6)]; print('step 1/2', file=sys.stderr, flush=True); time.sleep(60)"
    start = startup.start_of(("-c", talk), mark="step 1/")
    assert 0 < start.clock < 50 and start.processor > 0
    with pytest.raises(RuntimeError, match=r"too early: .*nothing of the kind"):
        startup.start_of(("-c", "raise SystemExit('nothing of the kind')"), mark="step 1/")
    with pytest.raises(RuntimeError, match="ended with 3"):
        startup.start_of(("-c", "raise SystemExit(3)"))


def test_the_table_of_starts_subtracts_jax_from_the_losses():
    one = {"import jax": 1.0, "import bgan_jax.losses": 1.25, "first step, cold": 20.0, "first step, warm": 5.0}
    table = startup.starts_table({name: [startup.Start(value, value)] for name, value in one.items()})
    assert "| the losses, over jax | +0.25 (+0.25 to +0.25) |  |" in table
    assert "| first step, warm | 5.00 (5.00 to 5.00) | 5.00 |" in table


@pytest.mark.parametrize("name", ["digits_5", "digits_authors_5", "palette", "characters", "dcgan32", "resnet64"])
def test_the_networks_in_pytorch_are_the_same(name):
    pytest.importorskip("torch")
    from experiments.benchmark.pytorch_networks import build_torch_networks

    row = ROWS[name]
    own = build_networks(row.network, example_shape=row.shape, width=row.width)
    other = build_torch_networks(row)
    assert other.latent_dim == own.latent_dim
    assert ("uniform" if other.uniform_latents else "normal") == own.latent_prior
    for player, module in ((own.gen, other.gen), (own.disc, other.disc)):
        params = jax.eval_shape(player.init, jax.random.key(0))["params"]
        counted = sum(leaf.size for leaf in jax.tree.leaves(params))
        assert counted == sum(parameter.numel() for parameter in module.parameters())
