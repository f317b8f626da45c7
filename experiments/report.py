"""Writes a page of a run, or of several side by side.

    python -m experiments.report runs/mnist
    python -m experiments.report runs/a runs/b runs/c --out=compared.html

Every run writes its own report.html; this writes it again (also while the run trains), or one page with the numbers,
samples, curves and settings of several runs side by side: rows that differ are highlighted, and runs that differ by
their seed alone get a column with mean, standard deviation and n. The page contains everything it shows and needs no
network.

Seconds; no accelerator.
"""

from __future__ import annotations

from pathlib import Path

from bgan_jax.paths import path_of
from experiments.harness.cli import command, flags
from experiments.harness.cli.command import Command
from experiments.harness.errors import UsageError
from experiments.harness.reports.report_page import write_page
from experiments.harness.reports.run_record import PAGE


@flags.config()
class Config:
    """The flags of this command, and the folders before them."""

    workdirs: str = flags.flag(
        "", "Folders of runs, separated by commas; or give them as plain arguments.", bucket=True
    )
    out: str | None = flags.flag(
        None, "HTML file to write; empty: report.html, in the folder of a single run.", writes="file", bucket=True
    )


def main(config: Config) -> Path:
    """Reads the runs and writes the page."""
    folders = [path_of(name) for name in config.workdirs.split(",") if name]
    if not folders:
        raise UsageError("give the folder of at least one run: python -m experiments.report WORKDIR...")
    path = path_of(config.out) if config.out else (folders[0] if len(folders) == 1 else Path()) / PAGE
    if path.suffix != ".html":
        raise UsageError(f"--out={config.out} must end in .html")
    try:
        write_page(folders, path)
    except ValueError as error:
        raise UsageError(str(error)) from error
    except OSError as error:
        raise UsageError(f"--out={path} cannot be written: {error.strerror or error}") from error
    print(f"report of {len(folders)} run{'s' if len(folders) > 1 else ''} written to {path}")
    return path


COMMAND = Command(main=main, config=Config, description=__doc__, positional="workdirs")

if __name__ == "__main__":
    command.run(COMMAND)
