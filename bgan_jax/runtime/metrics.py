"""What a run tells while it goes: JSON lines for programs, one line or a bar for people, TensorBoard on request."""

from __future__ import annotations

import json
import logging
import os
import sys
import time
from pathlib import Path
from typing import Any

from bgan_jax.atomic_files import write_text

logger = logging.getLogger("bgan_jax")


def read_metrics(path: Path) -> list[dict[str, Any]]:
    """Every whole line of a metrics file; a line that a crash tore is left out."""
    if not path.exists():
        return []
    records = []
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            record = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(record, dict) and isinstance(record.get("step"), int):
            records.append(record)
    return records


def open_metrics(path: Path, *, start_step: int) -> Lines:
    """Opens a metrics file to append to, without the lines of steps that will be taken again.

    Args:
      path: the file.
      start_step: number of finished steps that the run goes on from; later lines, written between the last checkpoint
        and a crash, are dropped.

    Returns:
      An open :class:`Lines`.
    """
    kept = [record for record in read_metrics(path) if record["step"] <= start_step]
    write_text(path, "".join(json.dumps(record) + "\n" for record in kept))
    return Lines(path)


class Lines:
    """A file to append lines to, each by one write: a crash can lose one but not tear it from the inside.

    A full disk does not end a run: what could not be written is told once and left out.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        self._told = False

    def write(self, line: str) -> None:
        """Appends a line."""
        content = line.encode("utf-8") + b"\n"
        before = os.fstat(self._descriptor).st_size
        try:
            written = os.write(self._descriptor, content)
            if written != len(content):
                os.ftruncate(self._descriptor, before)
                raise OSError("the disk is full")
        except OSError as error:
            if not self._told:
                logger.warning("%s could not be written (%s); the run goes on", self._path, error)
            self._told = True

    def close(self) -> None:
        """Closes the file."""
        os.close(self._descriptor)


class Report:
    """Writes metrics and tells a person how far the run is.

    A terminal gets a bar; anything else gets a line every few seconds. Only the process that reports makes one.
    """

    def __init__(self, folder: Path, *, start_step: int, total_steps: int, tensorboard: bool = False) -> None:
        self._file = open_metrics(folder / "metrics.jsonl", start_step=start_step)
        self._total_steps = total_steps
        self._start = time.monotonic()
        self._last = self._start
        self._last_line = 0.0
        self._last_step = start_step
        self._bar = None
        self._summary = None
        if sys.stderr.isatty():
            from tqdm import tqdm

            self._bar = tqdm(total=total_steps, initial=start_step, unit="step", dynamic_ncols=True)
        if tensorboard:
            self._summary = _tensorboard_writer(folder / "tensorboard")

    def write(self, step: int, metrics: dict[str, float]) -> None:
        """Records the metrics of the steps up to ``step``, averaged over them."""
        now = time.monotonic()
        steps_per_second = (step - self._last_step) / max(now - self._last, 1e-9)
        self._last, self._last_step = now, step
        record = {"step": step, "steps_per_second": round(steps_per_second, 4), **metrics}
        self._file.write(json.dumps(record))
        if self._summary is not None:
            for name, value in record.items():
                self._summary.add_scalar(name, value, step)
        self._tell(step, steps_per_second, metrics, now)

    def _tell(self, step: int, steps_per_second: float, metrics: dict[str, float], now: float) -> None:
        shown = {
            "bound": ("bound {:+.3f} nats", metrics.get("bound")),
            "critic": ("critic {:+.3f}", metrics.get("critic")),
            "ess": ("ESS {:.2f}", metrics.get("effective_sample_size")),
            "log_partition": ("log-partition {:+.3f}", metrics.get("log_partition")),
        }
        figures = ", ".join(form.format(value) for form, value in shown.values() if value is not None)
        if self._bar is not None:
            self._bar.set_postfix_str(figures, refresh=False)
            self._bar.update(step - self._bar.n)
            return
        if now - self._last_line < 3.0 and step < self._total_steps:
            return
        self._last_line = now
        left = (self._total_steps - step) / max(steps_per_second, 1e-9)
        logger.info(
            "step %d/%d, %.2f steps/s, %s, %s left", step, self._total_steps, steps_per_second, figures, _clock(left)
        )

    def pause(self) -> None:
        """Leaves the time since the last report out of the next speed: pictures and checkpoints are not steps."""
        self._last = time.monotonic()

    def close(self) -> None:
        """Closes the files and the bar."""
        self._file.close()
        if self._bar is not None:
            self._bar.close()
        if self._summary is not None:
            self._summary.close()


def _tensorboard_writer(folder: Path) -> Any:
    try:
        from tensorboardX import SummaryWriter
    except ImportError as error:
        raise ValueError("--tensorboard needs tensorboardX: pip install 'bgan_jax[tensorboard]'") from error
    return SummaryWriter(str(folder))


def _clock(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes}:{seconds:02d}"
