"""What a process runs on is asked in one file, and a program can be built for devices that are not there."""

import re

import jax
import numpy as np
import pytest

from bgan_jax.algorithms.microbatches import microbatches_for
from bgan_jax.networks import build_networks
from bgan_jax.networks.convolutions import forms_for
from bgan_jax.runtime import parallel
from bgan_jax.runtime.platform import Platform, this_process
from tests.test_layers import FILES, PACKAGE

ASKED = re.compile(r"jax\.(default_backend|devices|local_devices|(local_)?device_count|process_(index|count))\(")


def test_the_process_is_asked_in_one_file():
    asking = [path for path in FILES if any(ASKED.search(line) for line in code_of(path))]
    assert asking == [PACKAGE / "runtime" / "platform.py"]


def code_of(path):
    """The lines of a file without those of its prose that quote a call."""
    return [line for line in path.read_text(encoding="utf-8").splitlines() if "``" not in line]


def test_a_platform_chooses_forms_and_sizes_by_its_name():
    assert forms_for("cpu") != forms_for("tpu") == forms_for("gpu")
    assert microbatches_for("cpu") != microbatches_for("tpu")
    variables = build_networks("dcgan28_tiny", example_shape=(28, 28, 1), width=2).gen.init(jax.random.key(0))
    latents = jax.random.normal(jax.random.key(1), (2, 64))
    results, kinds = [], []
    for platform in ("cpu", "tpu"):
        gen = build_networks("dcgan28_tiny", example_shape=(28, 28, 1), width=2, platform=platform).gen
        program = jax.jit(lambda v, z, gen=gen: gen.apply(v, z, train=False)[0])
        results.append(program(variables, latents))
        kinds.append("lhs_dilation=(2, 2)" in str(jax.make_jaxpr(program)(variables, latents)))
    np.testing.assert_allclose(*results, rtol=1e-5, atol=1e-5)
    assert kinds == [False, True]


@pytest.mark.parametrize("name", parallel.LAUNCHERS)
def test_on_devices_that_are_not_there_arrays_are_shapes(name):
    """The same functions give arrays here and shapes there, of the same program."""
    here = this_process()
    there = here._replace(attached=False)

    def mean(state, rows, *, axis_name):
        return state + jax.lax.pmean(rows.sum(), axis_name)

    texts = []
    for platform in (here, there):
        launcher = parallel.launcher_for(platform, name)
        program = parallel.on_devices(mean, launcher=launcher, sharded=(False, True))
        state = parallel.replicate(lambda: np.float32(1.0) + jax.numpy.zeros(()), launcher=launcher)
        rows = parallel.shard(np.arange(16, dtype=np.float32), launcher=launcher)
        assert isinstance(rows, jax.Array if platform.attached else jax.ShapeDtypeStruct)
        texts.append(program.lower(state, rows).as_text())
    assert texts[0] == texts[1]


def test_hosts_are_those_of_the_devices():
    class Device:
        device_kind = "chip"

        def __init__(self, process_index):
            self.process_index = process_index

    platform = Platform("tpu", [Device(i // 4) for i in range(8)], process_index=1, attached=False)
    assert (platform.process_count, len(platform.local_devices), platform.kinds) == (2, 4, ["chip"])
    one_host = platform._replace(devices=platform.local_devices)
    assert [parallel.launcher_for(one, "auto").parallel for one in (platform, one_host)] == ["shard_map", "pmap"]
