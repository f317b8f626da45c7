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


@pytest.mark.parametrize("name", CASES)
def test_the_step_gives_the_recorded_numbers(name):
    state, metrics = CASES[name]()
    recorded = RECORDED["cases"][name]
    found = {key: float(np.asarray(value)) for key, value in metrics.items()}
    assert set(found) == set(recorded["metrics"])
    for key, value in found.items():
        assert value == pytest.approx(recorded["metrics"][key], rel=2e-3, abs=2e-4), key
    if environment() == RECORDED["environment"]:
        assert digest((state, metrics)) == recorded["digest"]
