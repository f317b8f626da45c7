"""The launchers on the devices of the test's own process."""

from bgan_jax.runtime.parallel import Launcher, launcher_for
from bgan_jax.runtime.platform import this_process


def here(parallel: str) -> Launcher:
    """The launcher of a name on the eight virtual devices."""
    return launcher_for(this_process(), parallel)
