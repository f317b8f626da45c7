"""Opens the folders of a command: its workdir, and the cache that is kept between runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bgan_jax.atomic_files import write_json
from bgan_jax.data import Dataset, DatasetSpec, default_cache_dir
from bgan_jax.paths import is_remote
from bgan_jax.runtime import workdir
from experiments.harness.cli.flags import adjustable, changeable
from experiments.harness.errors import UsageError


def check_workdir(config: Any, *, holds: str) -> None:
    """Refuses a command without a workdir, before anything is computed.

    Raises:
      UsageError: ``--workdir`` is empty.
    """
    if not config.workdir:
        raise UsageError(f"--workdir=FOLDER is needed: {holds}")


def check_tensorboard(config: Any) -> None:
    """Refuses ``--tensorboard`` for a run in a bucket.

    Raises:
      UsageError: says what shows the same curves.
    """
    if config.tensorboard and is_remote(config.workdir):
        raise UsageError(
            f"--tensorboard writes local files, and --workdir={config.workdir} is in a bucket; leave it out: "
            "report.html shows the same curves"
        )


def check_folder(config: Any) -> None:
    """Refuses the folder of ``--workdir`` where :func:`open_folder` would; writes nothing.

    Raises:
      UsageError: the folder holds a run of other flags, or other files, or it cannot be written.
    """
    try:
        workdir.check_workdir(
            config.workdir,
            vars(config),
            resume=getattr(config, "resume", "auto"),
            may_change=changeable(type(config)),
            adjustable=adjustable(type(config)),
        )
    except ValueError as error:
        raise UsageError(str(error)) from error


def open_folder(config: Any, *, finished_steps: int = 0, locked: bool = True) -> Path:
    """Creates the folder of ``--workdir``, or reopens it for the same flags, and writes the versions into it.

    Args:
      config: the flags, a record of :func:`experiments.harness.cli.flags.flag`; its ``resume`` is used if there is one.
      finished_steps: of the run, which a change of its flags by ``--resume=changed`` follows.
      locked: false for a folder within one that this process has locked.

    Returns:
      The folder, with ``config.json`` and ``versions.json`` in it.

    Raises:
      UsageError: the folder holds a run of other flags, or another process works in it, or it cannot be written;
        nothing has been overwritten.
    """
    try:
        folder = workdir.open_workdir(
            config.workdir,
            vars(config),
            resume=getattr(config, "resume", "auto"),
            may_change=changeable(type(config)),
            adjustable=adjustable(type(config)),
            finished_steps=finished_steps,
            locked=locked,
        )
    except ValueError as error:
        raise UsageError(str(error)) from error
    write_json(folder / workdir.VERSIONS, workdir.versions())
    return folder


def cache_folder(config: Any) -> Path:
    """Returns ``--cache_dir``, or the user's cache folder if the flag is empty."""
    return Path(config.cache_dir) if config.cache_dir else default_cache_dir()


def check_same_data(folder: Path, dataset: Dataset) -> None:
    """Refuses to continue a run on other data than those that it was started with.

    Args:
      folder: of the run; a new one holds no record of its data.
      dataset: the training split.

    Raises:
      UsageError: the examples are others than those in the record.
    """
    try:
        saved = DatasetSpec.from_json((folder / workdir.DATASET).read_text(encoding="utf-8")).fingerprint
    except (FileNotFoundError, ValueError):  # A new run, or one that was stopped while it began.
        return
    if saved != dataset.spec.fingerprint:
        raise UsageError(
            f"--workdir={folder} holds a run on other data ({saved} there, {dataset.spec.fingerprint} now): the files "
            f"of {dataset.spec.name} have changed, or this version reads them in another way; restore them, or choose "
            "another folder"
        )
