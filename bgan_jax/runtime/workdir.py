"""The folder of a run: its layout, its flags, and the versions of its code; a run of other flags is not overwritten."""

from __future__ import annotations

import contextlib
import importlib.metadata
import json
import logging
import os
import platform
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import bgan_jax
from bgan_jax.atomic_files import unwritable, write_json, write_text
from bgan_jax.paths import is_remote, path_of
from bgan_jax.runtime import workdir_lock
from bgan_jax.runtime.workdir_lock import LOCK

logger = logging.getLogger("bgan_jax")

CONFIG = "config.json"
DATASET = "dataset.json"
VERSIONS = "versions.json"
METRICS = "metrics.jsonl"
MEASUREMENTS = "measurements.jsonl"
RESULT = "result.json"
HISTORY = "history.jsonl"
CHECKPOINTS = "checkpoints"
PICTURES = "pictures"

RESUME = ("auto", "must", "never", "changed")

#: The folders that this process has made for a run that has not begun, the outer ones first.
_made: list[Path] = []


def seed_folder(folder: Path, seed: int) -> Path:
    """Returns the folder of one seed, within that of a run of several.

    Example:
      >>> seed_folder(Path("runs/mnist"), 3).as_posix()
      'runs/mnist/seed_3'
    """
    return folder / f"seed_{seed}"


def open_workdir(
    path: str,
    config: Mapping[str, Any],
    *,
    resume: str = "auto",
    may_change: frozenset[str] = frozenset(),
    adjustable: frozenset[str] = frozenset(),
    finished_steps: int = 0,
    locked: bool = True,
) -> Path:
    """Creates a run's folder, or reopens it for the same run, and locks it; see ``runtime/workdir_lock.py``.

    Args:
      path: the folder.
      config: the run's flags by name, JSON values.
      resume: ``"auto"`` continues an existing run and otherwise starts a new one; ``"must"`` refuses to start a new
        one; ``"never"`` refuses to continue one; ``"changed"`` continues one with other values of ``adjustable`` flags.
      may_change: flags that may differ from those that the run was started with, such as how often to report.
      adjustable: flags that ``resume="changed"`` may change; a line of ``history.jsonl`` records each change.
      finished_steps: of the run, which such a change follows.
      locked: false for a folder within one that this process has locked.

    Returns:
      The folder, with ``config.json`` in it.

    Raises:
      ValueError: the folder holds a run with other flags, or ``resume`` forbids it, or another process works in it, or
        the folder cannot be written.
    """
    checks = {"resume": resume, "may_change": may_change, "adjustable": adjustable}
    check_workdir(path, config, **checks)  # type: ignore[arg-type]
    folder = folder_of(path)
    try:
        _make_folder(folder)
        if locked:
            workdir_lock.lock(folder)
            # Another process may have started its run in the folder in the meantime.
            check_workdir(path, config, **checks)  # type: ignore[arg-type]
        for leftover in folder.glob(".*.tmp"):  # of a process that was killed while it wrote
            leftover.unlink()
        (folder / PICTURES).mkdir(exist_ok=True)
        if (folder / CONFIG).exists():
            _record_changes(folder, config, may_change=may_change, finished_steps=finished_steps)
        write_json(folder / CONFIG, dict(config))
    except OSError as error:
        raise ValueError(f"--workdir={path} cannot be written: {error.strerror or error}") from error
    return folder


def _record_changes(
    folder: Path, config: Mapping[str, Any], *, may_change: frozenset[str], finished_steps: int
) -> None:
    """Adds a line to ``history.jsonl`` for flags whose values change the run's numbers, and logs it."""
    saved = read_config(folder)
    names = differing_flags(saved, config, may_change=may_change)
    if not names:
        return
    changes = {name: {"from": saved.get(name), "to": config.get(name)} for name in names}
    known = (folder / HISTORY).read_text(encoding="utf-8") if (folder / HISTORY).exists() else ""
    record = {"time": time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime()), "step": finished_steps, "changes": changes}
    write_text(folder / HISTORY, known + json.dumps(record) + "\n")
    words = ", ".join(f"--{name}={change['to']} (was {change['from']})" for name, change in changes.items())
    logger.warning("from step %d on: %s; recorded in %s", finished_steps, words, folder / HISTORY)


def differing_flags(
    saved: Mapping[str, Any], config: Mapping[str, Any], *, may_change: frozenset[str] = frozenset()
) -> list[str]:
    """Returns the names of the flags that differ, except those that may.

    A run of an earlier version lacks the flags that are newer; they are switched off there, so that 0, false and empty
    do not differ from them.

    Example:
      >>> differing_flags({"steps": 3, "seed": 0}, {"steps": 4, "seed": 1}, may_change=frozenset({"steps"}))
      ['seed']
      >>> differing_flags({"seed": 0}, {"seed": 0, "newer": 0}), differing_flags({"seed": 0}, {"seed": 0, "newer": 3})
      ([], ['newer'])
    """
    names = [name for name in saved.keys() | config.keys() if name not in may_change]
    return sorted(name for name in names if saved.get(name) != config.get(name) and (name in saved or config.get(name)))


def _make_folder(folder: Path) -> None:
    """Makes a folder and those above it, and records which of them were not there."""
    places = (folder,) if is_remote(folder) else (folder, *folder.parents)
    missing = [place for place in places if not place.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    _made.extend(place for place in reversed(missing) if place not in _made)


def discard_made(names: Iterable[str]) -> None:
    """Removes the folders that this process has made and that hold nothing but their records, for a refused command.

    Args:
      names: of files that count as records as well.
    """
    records, within = {CONFIG, VERSIONS, DATASET, LOCK, *names}, {PICTURES, CHECKPOINTS}
    while _made:
        folder = _made.pop()
        with contextlib.suppress(OSError):
            found = {entry.name: entry for entry in folder.iterdir()}
            if found.keys() <= records | within and not any(
                any(found[name].iterdir()) for name in within & found.keys()
            ):
                for name, entry in found.items():
                    entry.rmdir() if name in within else entry.unlink()
                folder.rmdir()


def forget_made() -> None:
    """Keeps the folders that this process has made: their run has begun."""
    _made.clear()


def check_workdir(
    path: str,
    config: Mapping[str, Any],
    *,
    resume: str = "auto",
    may_change: frozenset[str] = frozenset(),
    adjustable: frozenset[str] = frozenset(),
) -> None:
    """Refuses a folder that cannot be opened for a run; writes nothing. See :func:`open_workdir`.

    Raises:
      ValueError: the folder holds a run with other flags, or other files, or ``resume`` forbids it, or it cannot be
        written.
    """
    if resume not in RESUME:
        raise ValueError(f"unknown resume {resume!r}; legal: {', '.join(RESUME)}")
    folder = folder_of(path)
    if reason := unwritable(folder):
        raise ValueError(f"--workdir={path} cannot be written: {reason}")
    if not (folder / CONFIG).exists():
        if resume in ("must", "changed"):
            raise ValueError(f"--resume={resume}, but --workdir={path} holds no run")
        names = sorted(entry.name for entry in folder.iterdir() if entry.name != LOCK) if folder.is_dir() else []
        if names:
            raise ValueError(
                f"--workdir={path} is not empty ({', '.join(names[:3])}) and holds no run; choose an empty or a new "
                "folder"
            )
        return
    saved = read_config(folder)
    if resume == "never":
        raise ValueError(f"--workdir={path} already holds a run and --resume=never; choose another folder")
    differing = differing_flags(saved, config, may_change=may_change)
    fixed = [name for name in differing if name not in adjustable]
    if fixed or (differing and resume != "changed"):
        changes = ", ".join(f"--{name}: {saved.get(name)!r} there, {config.get(name)!r} now" for name in differing)
        raise ValueError(
            f"--workdir={path} holds a run with other flags ({changes}); give the same flags to continue it, "
            f"{_remedy(fixed, adjustable=adjustable)}or choose another folder"
        )


def _remedy(fixed: Sequence[str], *, adjustable: frozenset[str]) -> str:
    """Describes what ``--resume=changed`` can do about flags that differ; empty for runs that do not have it."""
    if not adjustable:
        return ""
    if fixed:
        return f"({', '.join(f'--{name}' for name in fixed)} cannot change during a run) "
    return "add --resume=changed to continue with these values from here on, "


def folder_of(path: str | os.PathLike[str]) -> Path:
    """Returns the folder that ``--workdir`` names, with ``~`` replaced by the home folder.

    Raises:
      ValueError: there is no home folder.
    """
    try:
        return path_of(path)
    except RuntimeError as error:
        raise ValueError(f"--workdir={path}: there is no home folder; give a path without ~") from error


def read_config(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Reads the flags of the run in a folder.

    Raises:
      ValueError: the folder holds no run, or its config is damaged.
    """
    present = folder_of(path) / CONFIG
    if not present.exists():
        raise ValueError(f"--workdir={path} holds no run: {present} does not exist")
    try:
        config = json.loads(present.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:  # not JSON, or not even text
        raise ValueError(f"{present} is not JSON ({error}); restore it or choose another --workdir") from error
    if not isinstance(config, dict):
        raise ValueError(f"{present} holds no flags by name; restore it or choose another --workdir")
    return config


def versions() -> dict[str, Any]:
    """Returns what is needed to repeat the run: package versions, commit, machine, devices."""
    from bgan_jax.runtime.platform import this_process

    running_on = this_process()
    packages = ("jax", "jaxlib", "flax", "optax", "orbax-checkpoint", "numpy", "grain")
    return {
        "bgan_jax": bgan_jax.__version__,
        "commit": commit(),
        "python": platform.python_version(),
        "packages": {name: _version(name) for name in packages},
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
        "backend": running_on.name,
        "devices": [device.device_kind for device in running_on.devices],
        "processes": running_on.process_count,
        "command": " ".join(sys.argv),
    }


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def commit() -> str | None:
    """Returns the checkout's commit, with ``+changes`` if files differ from it; ``None`` outside a checkout."""
    folder = Path(bgan_jax.__file__).parent
    try:
        head = subprocess.run(
            ["git", "rev-parse", "HEAD"], cwd=folder, capture_output=True, text=True, check=True, timeout=10
        ).stdout.strip()
        changes = subprocess.run(
            ["git", "status", "--porcelain", "--untracked-files=no"],
            cwd=folder,
            capture_output=True,
            text=True,
            check=True,
            timeout=10,
        ).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return None
    return f"{head}+changes" if changes else head
