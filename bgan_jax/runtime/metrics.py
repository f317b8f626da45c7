"""Reports a run's metrics: JSON lines for programs, a log line or a bar for people, TensorBoard on request."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import statistics
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from bgan_jax.atomic_files import write_object, write_text
from bgan_jax.json_lines import read_json_lines
from bgan_jax.paths import is_remote
from bgan_jax.runtime import workdir
from bgan_jax.runtime.metric_totals import split_seeds

logger = logging.getLogger("bgan_jax")

#: Least time between two log lines, in seconds.
LOG_EVERY_SECONDS = 3.0
#: Least time between two writings of lines to a bucket, but for those before a checkpoint, in seconds.
OBJECT_EVERY_SECONDS = 30.0
#: The metrics of a log line or a bar, in order.
SHOWN = {
    "bound": "bound {:+.3f} nats",
    "critic": "critic {:+.3f}",
    "effective_sample_size": "ESS {:.2f}",
    "log_partition": "log-partition {:+.3f}",
}


def read_metrics(path: Path) -> list[dict[str, Any]]:
    """Reads every complete line of a metrics file; skips a line that a crash has truncated."""
    return [record for record in read_json_lines(path) if isinstance(record.get("step"), int)]


def open_metrics(path: Path, *, start_step: int) -> LineFile | LineObject:
    """Opens a metrics file to append to, without the lines of steps that will be repeated.

    Args:
      path: the file.
      start_step: number of finished steps that the run resumes from; later lines, written between the last checkpoint
        and a crash, are removed.
    """
    kept = [record for record in read_metrics(path) if record["step"] <= start_step]
    write_text(path, "".join(json.dumps(record) + "\n" for record in kept))
    return open_lines(path)


def open_lines(path: Path) -> LineFile | LineObject:
    """Opens a file, or an object of a bucket, to append lines to."""
    return LineObject(path) if is_remote(path) else LineFile(path)


class _OneWarning:
    """Says of a file, the first time only, that it could not be written."""

    def __init__(self, path: Path) -> None:
        self._path, self._is_given = path, False

    def __call__(self, error: OSError) -> None:
        if not self._is_given:
            logger.warning("%s could not be written (%s); the run continues", self._path, error)
        self._is_given = True


class LineFile:
    """A file that lines are appended to, each by one write, so that a crash can lose or truncate the last line only.

    A full disk does not end a run: a line that cannot be written is left out, with one warning.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        self._warn = _OneWarning(path)

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
            self._warn(error)

    def flush(self) -> None:
        """Returns at once: every line is in the file."""

    def close(self) -> None:
        """Closes the file."""
        os.close(self._descriptor)


class LineObject:
    """An object of a bucket that lines are appended to. Objects cannot grow, so it is written again every half minute.

    Lines that are not written yet are lost with the process. :meth:`flush` before a checkpoint keeps all those that a
    resumed run does not repeat.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._content = bytearray(path.read_bytes() if path.exists() else b"")
        self._written, self._last = len(self._content), time.monotonic()
        self._warn = _OneWarning(path)

    def write(self, line: str) -> None:
        """Appends a line."""
        self._content += line.encode("utf-8") + b"\n"
        if time.monotonic() - self._last >= OBJECT_EVERY_SECONDS:
            self.flush()

    def flush(self) -> None:
        """Writes all lines to the bucket; where that fails, the next time writes these too."""
        if self._written == len(self._content):
            return
        self._last = time.monotonic()
        try:
            write_object(self._path, bytes(self._content))
            self._written = len(self._content)
        except OSError as error:
            self._warn(error)

    def close(self) -> None:
        """Writes what is left."""
        self.flush()


class Report:
    """Writes metrics to files, and shows the progress of the run: as a bar in a terminal, else as a line in the log.

    Only one process of a job makes a report.
    """

    def __init__(
        self,
        folder: Path,
        *,
        start_step: int,
        total_steps: int,
        seed_folders: Sequence[Path] = (),
        tensorboard: bool = False,
    ) -> None:
        """Opens the files.

        Args:
          folder: of the run; in a run of several seeds it gets the mean over them.
          start_step: number of finished steps.
          total_steps: number of steps at the end of the run.
          seed_folders: in a run of several seeds, the folder of each seed's own metrics.
          tensorboard: whether to write TensorBoard files too.
        """
        self._file = open_metrics(folder / workdir.METRICS, start_step=start_step)
        self._seed_files = [open_metrics(own / workdir.METRICS, start_step=start_step) for own in seed_folders]
        self._total_steps = total_steps
        self._last_report = time.monotonic()
        self._last_line = 0.0
        self._last_step = start_step
        self._bar = None
        self._summary = None
        if sys.stderr.isatty():
            from tqdm import tqdm

            self._bar = tqdm(total=total_steps, initial=start_step, unit="step", dynamic_ncols=True)
        if tensorboard:
            self._summary = _tensorboard_writer(folder / "tensorboard")

    def write(self, step: int, metrics: Mapping[str, np.ndarray]) -> None:
        """Writes metrics, and shows the progress.

        Args:
          step: number of finished steps.
          metrics: means over the steps since the last report, ``[S]``, one per seed.
        """
        now = time.monotonic()
        steps_per_second = (step - self._last_step) / max(now - self._last_report, 1e-9)
        self._last_report, self._last_step = now, step
        if self._seed_files:
            for file, own_metrics in zip(self._seed_files, split_seeds(metrics), strict=True):
                file.write(json.dumps({"step": step, **own_metrics}))
        mean = {name: statistics.fmean(values.tolist()) for name, values in metrics.items()}
        record = {"step": step, "steps_per_second": round(steps_per_second, 4), **mean}
        self._file.write(json.dumps(record))
        if self._summary is not None:
            for name, value in record.items():
                self._summary.add_scalar(name, value, step)
        self._show(step, steps_per_second, mean, now)

    def _show(self, step: int, steps_per_second: float, metrics: Mapping[str, float], now: float) -> None:
        shown = ", ".join(form.format(metrics[name]) for name, form in SHOWN.items() if name in metrics)
        if self._bar is not None:
            with contextlib.suppress(OSError):  # the terminal may have been closed
                self._bar.set_postfix_str(shown, refresh=False)
                self._bar.update(step - self._bar.n)
            return
        if now - self._last_line < LOG_EVERY_SECONDS and step < self._total_steps:
            return
        self._last_line = now
        left = (self._total_steps - step) / max(steps_per_second, 1e-9)
        logger.info(
            "step %d/%d, %.2f steps/s, %s, %s left", step, self._total_steps, steps_per_second, shown, _clock(left)
        )

    def restart_clock(self) -> None:
        """Excludes the time since the last report from the next speed: it went to pictures and checkpoints."""
        self._last_report = time.monotonic()

    def flush(self) -> None:
        """Writes what is not written yet, so that it outlives this process."""
        for file in (self._file, *self._seed_files):
            file.flush()

    def close(self) -> None:
        """Closes the files and the bar."""
        for file in (self._file, *self._seed_files):
            file.close()
        if self._bar is not None:
            with contextlib.suppress(OSError):
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
