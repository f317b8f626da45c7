"""Samples from a trained run.

    python -m experiments.sample --workdir=runs/mnist --num=1000 --out=samples.npz

Reads the newest good checkpoint. An .npz gets x in the data's own form and, of discrete data, probs, the probabilities
that x was drawn from; a .png gets a grid, a .txt lines of text.
"""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path

import jax
import numpy as np

from experiments.harness import flags
from experiments.harness.restoring import load_sampler
from experiments.harness.showing import save_grid, show

SMOKE = {"num": 8}


@dataclasses.dataclass(frozen=True)
class Config:
    """The flags of this command."""

    workdir: str = flags.knob("", "Folder of the run to sample from.")
    num: int = flags.knob(64, "Number of samples.", minimum=1)
    out: str = flags.knob("samples.npz", "File to write: .npz for arrays, .png for a grid.")
    seed: int = flags.knob(0, "Seed of the samples.", minimum=0, maximum=2**32 - 1)
    overwrite: bool = flags.knob(False, "Write over a file that is there.")
    smoke: bool = flags.knob(False, "A few samples only.")


def main(config: Config) -> None:
    """Samples and writes the file."""
    if not config.workdir:
        raise flags.UsageError("--workdir=FOLDER is needed: the run to sample from")
    path = Path(config.out).expanduser()
    if path.suffix not in (".npz", ".png", ".txt"):
        raise flags.UsageError(f"--out={config.out} must end in .npz, .png or .txt")
    if path.exists() and not config.overwrite:
        raise flags.UsageError(f"--out={config.out} is there already; choose another name or give --overwrite")
    sample, spec, step = load_sampler(config.workdir)
    if (path.suffix == ".txt") != (spec.kind == "text") and path.suffix != ".npz":
        fitting = ".txt" if spec.kind == "text" else ".png"
        raise flags.UsageError(f"--out={config.out}: samples of {spec.name} are shown in a {fitting} (or .npz)")
    samples = sample(jax.random.key(config.seed), config.num)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix == ".txt":
            show(path.parent, path.stem, samples, spec=spec)
        elif path.suffix == ".png":
            save_grid(path, samples, spec=spec, columns=max(round(config.num**0.5), 1))
        else:
            unfinished = path.with_name(f".{path.name}.{os.getpid()}.tmp")
            with open(unfinished, "wb") as file:
                np.savez_compressed(
                    file, **{name: array for name, array in samples._asdict().items() if array is not None}
                )
            os.replace(unfinished, path)
    except OSError as error:
        raise flags.UsageError(f"--out={config.out} cannot be written: {error.strerror or error}") from error
    print(f"{config.num} samples of step {step} written to {path}")


if __name__ == "__main__":
    flags.run(main, Config, description=__doc__, smoke=SMOKE)
