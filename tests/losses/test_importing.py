"""Importing the losses imports no other framework and starts no backend."""

import subprocess
import sys
from collections.abc import Mapping


def test_importing_the_losses_brings_in_no_framework_and_starts_no_backend():
    program = (
        "import sys; from bgan_jax import losses; from jax._src import xla_bridge; "
        "loaded = [m for m in ('flax', 'optax', 'tensorflow', 'orbax', 'grain') if m in sys.modules]; "
        "assert not loaded, loaded; "
        "assert not xla_bridge.backends_are_initialized(); "
        "import jax; jax.devices(); assert xla_bridge.backends_are_initialized()"
    )
    finished = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stderr


def test_every_public_name_is_there_and_documented_with_an_example():
    from bgan_jax import losses

    for name in losses.__all__:
        public = getattr(losses, name)
        assert name in losses.__doc__, f"{name} is missing from the table of the package"
        if isinstance(public, Mapping):
            continue
        assert ">>>" in public.__doc__, f"{name} has no example"
        for heading in ("Attributes:",) if isinstance(public, type) else ("Args:", "Returns:", "Raises:"):
            assert heading in public.__doc__, f"{name} has no {heading}"
