"""Checks the files and folders that a command writes before it does any work.

A flag that names one is declared with ``writes="file"`` or ``writes="folder"``; missing folders above it are made when
the result is written.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bgan_jax.atomic_files import unwritable, unwritable_file
from bgan_jax.paths import path_of, resolved
from experiments.harness.errors import UsageError


def check_outputs(config: Any) -> None:
    """Refuses files and folders that could not be written; writes nothing.

    The workdir of a job of several hosts is left out: only process 0 needs it, and checks it when the job has begun.

    Raises:
      UsageError: names the flag, the reason and the remedy.
    """
    flag_of: dict[Path, str] = {}
    for name, value, kind, optional in _outputs(config):
        if name == "workdir" and hasattr(config, "coordinator"):
            continue
        path = path_of(value)
        if reason := (unwritable_file if kind == "file" else unwritable)(path):
            leave_out = ", or leave it out" if optional else ""
            raise UsageError(f"--{name}={value} cannot be written: {reason}; choose another {kind}{leave_out}")
        other = flag_of.setdefault(resolved(path), name)
        if kind == "file" and other != name:
            raise UsageError(f"--{other} and --{name} are both {value}; give each a file of its own")


def _outputs(config: Any) -> Iterator[tuple[str, str, str, bool]]:
    """Yields name, value and kind of every flag that names a file or a folder to write, and whether it is optional."""
    for field in dataclasses.fields(config):
        value = getattr(config, field.name)
        if field.metadata.get("writes") and value:
            yield field.name, value, field.metadata["writes"], field.default is None
