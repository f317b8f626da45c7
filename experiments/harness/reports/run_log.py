"""Keeps the warnings of a command for its report, and writes the report after it."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bgan_jax.atomic_files import append_text
from bgan_jax.paths import is_remote, path_of
from bgan_jax.runtime import hosts, workdir, workdir_lock
from experiments.harness.reports.report_page import write_own_page
from experiments.harness.reports.run_record import WARNINGS

logger = logging.getLogger("bgan_jax")


class WarningFile(logging.Handler):
    """Logging handler that writes a run's warnings to its folder, once the command has written its config there."""

    def __init__(self, folder: Path) -> None:
        super().__init__(level=logging.WARNING)
        self._folder = folder
        self._before = _changed(folder / workdir.CONFIG)
        self._waiting: list[str] = []

    @property
    def makes_the_run(self) -> bool:
        """Whether the command has written the run's ``config.json``: one that only reads a run never does."""
        return _changed(self._folder / workdir.CONFIG) != self._before

    def emit(self, record: logging.LogRecord) -> None:
        """Adds one warning; a full disk does not stop the run."""
        now = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(record.created))
        self._waiting.append(json.dumps({"time": now, "level": record.levelname, "message": record.getMessage()}))
        self.write()

    def write(self) -> None:
        """Writes the pending warnings, if the command has written its config."""
        if not self._waiting or not self.makes_the_run:
            return
        with contextlib.suppress(OSError):
            append_text(self._folder / WARNINGS, "".join(line + "\n" for line in self._waiting))
            self._waiting = []


@contextlib.contextmanager
def leaving_a_report(config: Any) -> Iterator[None]:
    """Keeps the warnings of a command that makes a run, and writes the run's page after it, also when it failed.

    Only for commands that make a run of ``--workdir``: those that have written its ``config.json``; and only on the
    process that reports.

    Args:
      config: the command's flags.
    """
    name = getattr(config, "workdir", "")
    if not name or getattr(config, "process_id", None):
        yield
        return
    folder = path_of(name)
    warnings = WarningFile(folder)
    logger.addHandler(warnings)
    try:
        yield
    finally:
        logger.removeHandler(warnings)
        if warnings.makes_the_run and hosts.is_first():
            warnings.write()
            _write_page(folder)


def _changed(path: Path) -> tuple[int, int] | bool | None:
    if is_remote(path):
        return workdir_lock.holds(path.parent)  # Not all storages tell when an object was written.
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ino


def _write_page(folder: Path) -> None:
    try:
        write_own_page(folder)
    except Exception as error:
        # The run must not fail because of its page, which can be written again.
        logger.warning("report.html could not be written (%s); python -m experiments.report makes it", error)
