"""Flags that commands of any kind share. A command's config names these classes among its base classes."""

from __future__ import annotations

from experiments.harness.cli import flags
from experiments.harness.cli.flags import flag


@flags.config()
class WorkdirFlag:
    """The folder of the results."""

    workdir: str = flag(
        "", "Folder of the results. The same command again continues what is in it.",
        common=True, may_change=True, writes="folder", bucket=True,
    )  # fmt: skip


@flags.config()
class SmokeFlag:
    """A very short run."""

    smoke: bool = flag(False, "Run everything in seconds, on tiny sizes.", common=True, may_change=True)


@flags.config()
class PresetFlag:
    """Named settings; each command that has some narrows the choices to theirs."""

    preset: str = flag("default", "Named settings; single flags override them.", common=True, may_change=True)


@flags.config()
class TimingFlags:
    """The duration of speed measurements."""

    rounds: int = flag(7, "How often each program is measured; the programs alternate.", common=True, minimum=1)
    seconds: float = flag(2.0, "Shortest time of one measurement, in seconds.", common=True, minimum=0.0)
