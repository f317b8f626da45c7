"""The benchmark's parts that have laws; its timings are nobody's test."""

import json

import jax
import pytest

from bgan_jax.networks import build_networks
from experiments import benchmark
from experiments.harness import flags
from experiments.throughput.program import Program, take_turns
from experiments.throughput.rows import ROWS


def test_programs_take_turns_and_are_counted():
    calls = []
    programs = [Program(name, lambda steps, name=name: calls.append((name, steps)), 0.0) for name in "ab"]
    times = take_turns(programs, rounds=3, seconds=0.0)
    assert [name for name, _ in calls[2:]] == ["a", "b"] * 3
    assert all(steps >= 1 for _, steps in calls) and {len(values) for values in times.values()} == {3}


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
    with pytest.raises(flags.UsageError, match="unknown row 'digits_7'; legal: all, digits_5"):
        benchmark.rows_of(benchmark.Config(rows="digits_7"))


@pytest.mark.parametrize("name", ["digits_5", "digits_authors_5", "palette", "characters", "dcgan32", "resnet64"])
def test_the_networks_in_pytorch_are_the_same(name):
    pytest.importorskip("torch")
    from experiments.throughput.pytorch_networks import build_torch_networks

    row = ROWS[name]
    own = build_networks(row.network, example_shape=row.shape, width=row.width)
    other = build_torch_networks(row)
    assert other.latent_dim == own.latent_dim
    assert ("uniform" if other.uniform_latents else "normal") == own.latent_prior
    for player, module in ((own.gen, other.gen), (own.disc, other.disc)):
        params = jax.eval_shape(player.init, jax.random.key(0))["params"]
        counted = sum(leaf.size for leaf in jax.tree.leaves(params))
        assert counted == sum(parameter.numel() for parameter in module.parameters())
