"""Prepares a data set before training: downloads it where asked to, reads every split, packs it into the cache.

    python -m experiments.prepare_data celeba64 --data_dir=/data --download
    python -m experiments.prepare_data lsun_bedroom64 --data_dir=/data
    python -m experiments.prepare_data images:faces.tar --resolution=32 --palette=16

For machines without a network, run it on one that has it (with the extra ``tfds-prepare``) and copy the data folder;
the packed form is made there at first use, or copy the cache folder too. Nothing is downloaded without ``--download``.
"""

from __future__ import annotations

import dataclasses

from bgan_jax.data import DatasetNotFoundError, open_dataset
from bgan_jax.data.catalogue import CATALOGUE
from experiments.harness.cli import command, flags
from experiments.harness.cli.command import Command
from experiments.harness.errors import UsageError
from experiments.harness.runs.run_flags import DatasetOptions


@flags.config(dataset=flags.override("", legal="a name, npz:PATH, images:PATH or text:PATH, also without --dataset="))
class Config(DatasetOptions):
    """Where the data are, and the choices that some data sets offer."""


def main(config: Config) -> None:
    """Opens every split of a data set, and prints its contents."""
    if not config.dataset:
        raise UsageError("say which data set, as in: python -m experiments.prepare_data mnist10k")
    options = dataclasses.asdict(config)
    name = options.pop("dataset")
    try:
        train = open_dataset(name, **options)
        for split in train.spec.splits:
            dataset = train if split == "train" else open_dataset(name, split=split, **options)
            skipped = f", {len(dataset.skipped)} skipped" if dataset.skipped else ""
            print(
                f"{name} {split}: {len(dataset)} {dataset.spec.kind} examples {dataset.spec.shape}, "
                f"{dataset.packed.nbytes / 1e6:.1f} MB packed, fingerprint {dataset.spec.fingerprint}{skipped}"
            )
    except (DatasetNotFoundError, ValueError) as error:
        raise UsageError(str(error)) from error


def names() -> str:
    """Lists the catalogue, for ``--help``."""
    width = max(map(len, CATALOGUE))
    return "\n".join(f"  {name:<{width}}  {entry.summary}" for name, entry in CATALOGUE.items())


COMMAND = Command(main=main, config=Config, description=f"{__doc__}\n\nNames:\n{names()}", positional="dataset")

if __name__ == "__main__":
    command.run(COMMAND)
