"""Compiles an experiment's step for TPUs or GPUs that are not there, and says what it needs and costs.

    python -m experiments.compile_for discrete_mnist --topology=v5e:2x2
    python -m experiments.compile_for palette_images --preset=celeba16 --topology=v5e:16x16 --json=palette.json
    python -m experiments.compile_for discrete_mnist --platform=cuda --topology=h100:8

Builds the program that the run itself would compile, by the same functions, and hands it to the compiler of the chip:
libtpu (pip install 'bgan_jax[aot]'), or jax's for CUDA (pip install 'bgan_jax[cuda]'). No device is needed, and nothing
is run: the times are the compiler's estimates, not measurements, and for GPUs there are none. Flags other than those
below are the experiment's.

--platform    tpu, the default, or cuda
--topology    chip and shape, such as v5e:2x2 (the default for TPUs), v5e:16x16, v6e:2x4 or v5p:2x2x1; chip and number
              of GPUs on one host, such as h100:8 (the default for cuda) or a100:1
--per_device  examples of every device, 64 by default; the global batch is so many times the devices
--json        a file for the numbers
--program_text  a file for the optimised program, as the compiler prints it
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

# Before a backend starts: what is computed here is computed on the CPU.
os.environ["JAX_PLATFORMS"] = "cpu"

from absl import flags as absl_flags

from bgan_jax.atomic_files import unwritable_file, write_json
from experiments.compile_for.chips import CHIPS, EXAMPLES, described
from experiments.compile_for.report import in_words, report_of
from experiments.compile_for.steps import EXPERIMENTS, call_of
from experiments.harness.cli import flags
from experiments.harness.cli.catalogue import load_command
from experiments.harness.cli.flags import flag
from experiments.harness.errors import UsageError


@flags.config()
class Config:
    """The flags of this command itself."""

    platform: str = flag("tpu", "Kind of the devices.", choices=tuple(CHIPS))
    topology: str | None = flag(None, "Chip and shape.", legal="such as v5e:2x2 or h100:8")
    per_device: int = flag(64, "Examples of every device.", minimum=1)
    json: str | None = flag(None, "File for the numbers.", writes="file")
    program_text: str | None = flag(None, "File for the optimised program.", writes="file")


def own_and_others(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """Splits a command line into the flags of this command and what belongs to the experiment.

    Example:
      >>> own_and_others(["discrete_mnist", "--topology=v5e:2x2", "--num_samples=20"])
      (['--topology=v5e:2x2'], ['discrete_mnist', '--num_samples=20'])
    """
    names = set(Config.__dataclass_fields__)
    own = [one for one in arguments if one.startswith("-") and one.lstrip("-").partition("=")[0] in names]
    return own, [one for one in arguments if one not in own]


def compile_one(name: str, others: Sequence[str], config: Config) -> dict[str, Any]:
    """Compiles an experiment's step for a topology, and reports.

    Args:
      name: of the experiment.
      others: its flags.
      config: the flags of this command.

    Returns:
      The report, JSON values.

    Raises:
      UsageError: a wrong flag, experiment or topology.
    """
    if name not in EXPERIMENTS:
        raise UsageError(f"unknown experiment {name!r}; legal: {', '.join(EXPERIMENTS)}")
    topology = config.topology or EXAMPLES[config.platform]
    platform = described(topology, config.platform)
    batch = config.per_device * len(platform.devices)
    own = [f"--batch_size={batch}"] if not any(one.startswith("--batch_size") for one in others) else []
    experiment = load_command(name).parse([*others, *own])
    report = report_of(call_of(name, experiment, platform), topology, text_file=config.program_text)
    return {"experiment": name, "flags": list(others), **report}


def main(arguments: Sequence[str]) -> None:
    """Reads the command line, compiles and prints.

    Raises:
      UsageError: a wrong flag, experiment or topology, or a step that does not fit.
    """
    own, others = own_and_others(arguments)
    config: Config = flags.parse(Config, own)
    for name, path in (("json", config.json), ("program_text", config.program_text)):
        if path and (reason := unwritable_file(Path(path))):
            raise UsageError(f"--{name}={path} cannot be written: {reason}; choose another file")
    if not others or others[0].startswith("-"):
        raise UsageError(f"the first argument is the experiment: {', '.join(EXPERIMENTS)}")
    report = compile_one(others[0], others[1:], config)
    print(in_words(report))
    if config.json:
        write_json(Path(config.json), report)


if __name__ == "__main__":
    if any(argument in ("--help", "-h", "--helpfull") for argument in sys.argv[1:]):
        print(__doc__)
        sys.exit(0)
    logging.basicConfig(level=logging.WARNING, format="%(message)s", stream=sys.stderr)
    try:
        main(sys.argv[1:])
    except (UsageError, absl_flags.Error) as error:
        print("error: " + " ".join(str(error).split()), file=sys.stderr)
        sys.exit(2)
