"""The commands of docs/pods.md are prepared for the devices that the page names; nothing is compiled."""

import dataclasses
import re
from types import SimpleNamespace

import pytest

from bgan_jax import paths
from bgan_jax.runtime.platform import Platform
from experiments.compile_for.blank_data import open_shapes
from experiments.harness.cli.catalogue import load_command
from experiments.harness.errors import UsageError
from experiments.harness.runs import continuous, discrete
from experiments.palette_images.command import in_palette
from tests.test_layers import ROOT

PAGE = (ROOT / "docs" / "pods.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"<!-- for (\d+) devices on (\d+) hosts? -->\n```bash\n(.*?)```", re.DOTALL)
COMMAND = re.compile(r"python -m experiments\.(\w+)((?: +[^\s#'\"]+)*)")
PREPARE = {
    "discrete_mnist": discrete.prepare,
    "continuous_images": continuous.prepare,
    "palette_images": lambda config, platform, **how: discrete.prepare(in_palette(config), platform, **how),
}
COMMANDS = [
    (int(devices), int(hosts), name, flags.split())
    for devices, hosts, block in BLOCK.findall(PAGE)
    for name, flags in COMMAND.findall(block.replace("\\\n", " "))
]


def pretended(*, devices, hosts):
    there = [SimpleNamespace(process_index=i * hosts // devices, device_kind="TPU v5 lite") for i in range(devices)]
    return Platform(name="tpu", devices=there, attached=False)


@pytest.fixture(autouse=True)
def buckets(monkeypatch):
    """As where the extra gcs is installed."""
    monkeypatch.setattr(paths, "_is_installed", lambda module: module != "tensorflow")


def prepare(devices, hosts, name, flags):
    config = load_command(name).parse(flags)
    return PREPARE[name](config, pretended(devices=devices, hosts=hosts), open_split=open_shapes)


@pytest.mark.parametrize("case", COMMANDS, ids=lambda case: f"{case[2]}-{case[0]}")
def test_every_command_is_accepted_for_its_devices(case):
    experiment = prepare(*case)
    devices, hosts = case[:2]
    assert experiment.launcher.parallel == ("pmap" if hosts == 1 else "shard_map")
    assert experiment.config.batch_size % devices == 0
    assert experiment.steps_per_call > 1  # What is resident on a TPU is trained many steps a call.


def test_every_command_of_the_page_names_its_devices():
    assert len(COMMANDS) == len(COMMAND.findall(PAGE)) >= 8


def test_the_batch_that_does_not_fit_a_pod_is_refused_with_one_that_does():
    with pytest.raises(UsageError, match="batch_size=64 is not a multiple of the 256 devices; use 256"):
        prepare(256, 32, "discrete_mnist", ["--workdir=runs/a", "--batch_size=64"])
    with pytest.raises(UsageError, match="--batch_size=16384 is more than the 9000 training examples"):
        prepare(256, 32, "discrete_mnist", ["--workdir=runs/a", "--batch_size=16384"])


def test_sizes_of_the_table_are_accepted():
    rows = re.findall(r"^\| (\d+)[^|]* \| ([\d,]+) \| ([\d,]+)", PAGE, re.MULTILINE)
    assert len(rows) == 4
    for devices, small, large in rows:
        for batch, dataset in ((small, "mnist10k"), (large, "mnist")):
            config = load_command("discrete_mnist").parse(["--workdir=runs/a"])
            config = dataclasses.replace(config, batch_size=int(batch.replace(",", "")), dataset=dataset)
            discrete.prepare(config, pretended(devices=int(devices), hosts=1), open_split=open_shapes)
