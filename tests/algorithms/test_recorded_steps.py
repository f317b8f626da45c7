"""Every algorithm's step gives the numbers that were recorded before it was rewritten: bit for bit on the same machine.

Compilers and processors round differently, so elsewhere the metrics of the last step are compared instead.
"""

import hashlib
import json
import os
import platform
from pathlib import Path

import jax
import jaxlib
import numpy as np
import pytest

from tests.algorithms.recorded_cases import CASES, digest

RECORDED = json.loads((Path(__file__).parent / "recorded_steps.json").read_text())


def environment() -> dict[str, str]:
    """What the last bits of a result depend on."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    found = [line for line in lines if line.startswith(("model name", "flags"))][:2]
    return {
        "jax": jax.__version__,
        "jaxlib": jaxlib.__version__,
        "compiler": f"optimisations off: {jax.config.read('jax_disable_most_optimizations')} {os.environ['XLA_FLAGS']}",
        "machine": platform.machine(),
        "processor": hashlib.sha256("\n".join(found).encode()).hexdigest()[:16],
    }


def test_every_case_was_recorded():
    assert set(CASES) == set(RECORDED["cases"])


# Without --exhaustive: of every algorithm the case with the most parts, and the kinds of loops and launchers.
SOME = {
    "discrete k=1 d=3 g=2 one", "discrete k=4 d=2 g=1 pmap", "discrete k=4 d=2 g=1 shard_map",
    "discrete k=6 d=1 g=2 boundary_seeking_marginal one", "discrete k=2 d=2 g=2 reinforce one", "loops k=4 at_a_time=3",
    "learned baseline", "positions", "continuous boundary_seeking norm=True one", "relaxed gumbel_soft one",
    "classification num_samples=5 disc_steps=2 one", "critic_step", "cross_entropy_step",
}  # fmt: skip


def test_some_cases_are_cases():
    assert set(CASES) >= SOME


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=() if name in SOME else pytest.mark.exhaustive) for name in CASES]
)
def test_the_step_gives_the_recorded_numbers(name):
    state, metrics = CASES[name]()
    recorded = RECORDED["cases"][name]
    found = {key: float(np.asarray(value)) for key, value in metrics.items()}
    assert set(found) == set(recorded["metrics"])
    for key, value in found.items():
        assert value == pytest.approx(recorded["metrics"][key], rel=2e-3, abs=2e-4), key
    if environment() == RECORDED["environment"]:
        assert digest((state, metrics)) == recorded["digest"]
