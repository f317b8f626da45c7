"""Scaling: what is counted obeys the law of what must travel, and the model its limits."""

import itertools
import json

import jax
import pytest
from PIL import Image

from bgan_jax.networks import build_networks
from experiments.benchmark.rows import ROWS
from experiments.harness.cli import flags
from experiments.scaling import command as scaling
from experiments.scaling.clusters import CLUSTERS, ring_bytes, step_time
from experiments.scaling.collectives import traffic
from tests.experiments.refusals import assert_refused, flag_of
from tests.test_layers import ROOT

METRICS = range(1, 20)  # how many numbers a step may add to its gradients
STEP = {"flops": 1e12, "all_reduces": (4_000_000, 800), "utilisation": 0.5}


@pytest.fixture(scope="module")
def smoke(tmp_path_factory):
    folder = tmp_path_factory.mktemp("scaling") / "run"
    config = flags.parse(scaling.Config, ["--smoke", f"--workdir={folder}"], smoke=scaling.SMOKE)
    return scaling.main(config)["rows"][0], folder


def test_what_travels_is_the_gradients_and_the_metrics(smoke):
    """Of networks without batch normalisation; what that adds is counted in ``tests/runtime/test_all_reduces.py``."""
    row, _ = smoke
    assert (sum(row["all_reduces"]) - 4 * row["parameters"]) / 4 in METRICS
    assert row["bytes_by_devices"] == {"2": sum(row["all_reduces"])}


def test_the_run_leaves_tables_and_a_figure(smoke):
    row, folder = smoke
    assert json.loads((folder / "result.json").read_text())["rows"][0]["all_reduces"] == row["all_reduces"]
    text = (folder / "result.md").read_text()
    assert "A MODEL, NOT A MEASUREMENT" in text and f"{row['bytes_by_devices']['2']:,}" in text
    assert Image.open(folder / "scaling.png").size[0] > 1000


def test_all_forms_of_an_all_reduce_are_counted_and_other_collectives_are_seen():
    text = """
      %a = f32[2,64]{1,0} all-reduce(%x), channel_id=1
      %b = (f32[30]{0}, bf16[10]{0}) all-reduce-start(%y, %z), channel_id=2
      %c = f32[] all-reduce(%w), to_apply=%sum
      ROOT %d = f32[8]{0} all-gather(%v), dimensions={0}
      %e = f32[9]{0} fusion(%all-reduce.7), kind=kLoop
    """
    assert traffic(text) == ((512, 140, 4), 1)


def test_a_ring_of_one_sends_nothing_and_a_long_one_twice_the_bytes():
    assert ring_bytes(1000, devices=1) == 0 and ring_bytes(1000, devices=2) == 1000
    assert ring_bytes(1000, devices=4096) == pytest.approx(2000, rel=1e-3)


@pytest.mark.parametrize("cluster", CLUSTERS.values(), ids=CLUSTERS)
def test_limits_of_the_model(cluster):
    alone = step_time(cluster, devices=1, **STEP)
    assert alone.efficiency == 1.0 and alone.total == pytest.approx(2e12 / cluster.peak_flops)
    steps = [step_time(cluster, devices=2**power, **STEP) for power in range(13)]
    assert all(a.total < b.total for a, b in itertools.pairwise(steps))
    # A whole group: all bytes there and back over the links, and nothing over the network.
    group = step_time(cluster, devices=cluster.group, **STEP)
    expected = 2 * (cluster.group - 1) / cluster.group * 4_000_800 / cluster.link
    assert group.transfer == pytest.approx(expected)
    # Two groups: each device also exchanges its share with its fellow in the other.
    both = step_time(cluster, devices=2 * cluster.group, **STEP)
    assert both.transfer - group.transfer == pytest.approx(4_000_800 / cluster.group / cluster.network)
    with pytest.raises(ValueError, match="do not fill groups"):
        step_time(cluster, devices=cluster.group + 1, **STEP)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--rows=digits_7"], ["digits_7", "legal: digits_5"]),
        (["--counted=0"], ["--counted=0", "from 1 to 64"]),
        (["--counted=two"], ["--counted=two"]),
        (["--utilisation=2"], ["utilisation"]),
        (["--workdir="], ["--workdir=FOLDER is needed"]),
    ],
    ids=flag_of,
)
def test_what_nobody_can_mean_is_refused(arguments, words, tmp_path, capsys):
    assert_refused(scaling, arguments, words=words, folder=tmp_path / "run", capsys=capsys)


@pytest.mark.parametrize("name", ["digits_20", "dcgan32", "resnet64"])
def test_the_page_counts_the_networks_that_there_are(name):
    row = ROWS[name]
    page = (ROOT / "docs" / "scaling.md").read_text(encoding="utf-8")
    lines = [line.strip("| ").split(" | ") for line in page.splitlines() if line.startswith(f"| {row.name} |")]
    counted, ring = lines[:2]
    networks = build_networks(row.network, example_shape=row.shape, width=row.width)
    parameters = sum(
        leaf.size
        for player in (networks.gen, networks.disc)
        for leaf in jax.tree.leaves(jax.eval_shape(player.init, jax.random.key(0))["params"])
    )
    numbers = [int(cell.replace(",", "")) for cell in counted[3:]]
    assert numbers[0] == parameters and numbers[2] == 4 * parameters
    on_two, on_eight = numbers[-2:]
    assert on_two == on_eight > 4 * parameters, "bytes do not depend on the number of devices"
    assert float(ring[3]) == pytest.approx(ring_bytes(on_eight, devices=8) / 1e6, abs=0.006)
