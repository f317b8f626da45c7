"""Runs an experiment from the command line: its flags, its errors, its exit code."""

from __future__ import annotations

import contextlib
import dataclasses
import logging
import os
import signal
import sys
import tempfile
import traceback
import typing
import uuid
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax
from absl import flags as absl_flags

from bgan_jax.runtime import hosts, workdir, workdir_lock
from bgan_jax.runtime.checkpoints import UnsavedError
from bgan_jax.runtime.nonfinite import NonFiniteError
from bgan_jax.runtime.process import signals
from experiments.harness.cli import flags
from experiments.harness.cli.compilation_cache import disable_unwritable_compilation_cache
from experiments.harness.cli.help import help_text
from experiments.harness.cli.outputs import check_outputs
from experiments.harness.cli.shared_flags import WorkdirFlag
from experiments.harness.errors import UsageError
from experiments.harness.reports.run_log import leaving_a_report
from experiments.harness.reports.run_record import PAGE, WARNINGS

logger = logging.getLogger("bgan_jax")

EXIT_BAD_FLAG = 2


class Command(NamedTuple):
    """An experiment as a command.

    Attributes:
      main: takes the config.
      config: the dataclass of flags.
      description: the experiment's docstring.
      smoke: the values that ``--smoke`` changes.
      presets: the values that each choice of ``--preset`` changes.
      positional: the flag that arguments without dashes belong to; ``None`` refuses them.
    """

    main: Callable[[Any], Any]
    config: type
    description: str | None
    smoke: Mapping[str, Any] | None = None
    presets: Mapping[str, Mapping[str, Any]] | None = None
    positional: str | None = None

    def parse(self, arguments: Sequence[str]) -> Any:
        """Parses command-line arguments to a config; raises as :func:`flags.parse` does."""
        return flags.parse(self.config, arguments, smoke=self.smoke, presets=self.presets, positional=self.positional)


def run(command: Command, *, arguments: Sequence[str] | None = None) -> typing.NoReturn:
    """Runs a command and exits.

    Args:
      command: what to run.
      arguments: instead of the command line's.
    """
    arguments = sys.argv[1:] if arguments is None else arguments
    full = "--helpfull" in arguments
    if full or any(argument in ("--help", "-h", "-help", "--helpshort") for argument in arguments):
        print(help_text(command.config, description=command.description or "", full=full))
        sys.exit(0)
    try:
        config = command.parse(arguments)
    except absl_flags.Error as error:
        _refuse(error)
    logging.basicConfig(level=logging.WARNING, format="%(message)s", stream=sys.stderr)
    logging.getLogger("bgan_jax").setLevel(logging.INFO)
    # Libraries read absl's global flags, which are empty.
    absl_flags.FLAGS.mark_as_parsed()
    if not any(argument.lstrip("-").partition("=")[0] == "workdir" for argument in arguments):
        config = _with_smoke_workdir(config)
    with signals.listening():
        if not hasattr(config, "coordinator"):  # A process of a job has to fork first: ``start`` does it then.
            signals.watch()
        _run_main(command, config)
        number = signals.received()
        # SIGTERM is a cluster's request, and a run that has saved its state has done what it was asked for.
        if number is not None and number != signal.SIGTERM:
            if hosts.joined():
                sys.exit(128 + number)  # An ordinary exit leaves the job; the other hosts may still be working.
            signals.end_by(number)
    sys.exit(0)


def _run_main(command: Command, config: Any) -> None:
    """Runs a command's main function; errors and signals end the process."""
    workdir.forget_made()
    try:
        check_outputs(config)
        check_compiles(config)
        disable_unwritable_compilation_cache()
        with workdir_lock.keeping_locks(), leaving_a_report(config):
            command.main(config)
        hosts.leave()
    except UsageError as error:
        workdir.discard_made([WARNINGS, PAGE])
        _refuse(error)
    except KeyboardInterrupt:
        number = signals.received() or signal.SIGINT
        with contextlib.suppress(OSError):  # the terminal may be gone
            print(signals.message(number), file=sys.stderr)
        signals.end_by(number)
    except BaseException as error:
        if isinstance(error, SystemExit) and not hosts.joined():
            raise
        if isinstance(error, RuntimeError) and "home directory" in str(error):
            _refuse(
                RuntimeError("there is no home folder for a path that begins with ~; give the paths of all folders")
            )
        _fail(error)


def _with_smoke_workdir(config: Any) -> Any:
    """Returns the flags with a new temporary folder where ``--smoke`` is given and a workdir is needed."""
    if not isinstance(config, WorkdirFlag) or not getattr(config, "smoke", False):
        return config
    folder = Path(tempfile.gettempdir()) / f"bgan_jax_smoke_{uuid.uuid4().hex[:12]}"
    logger.info("--smoke without --workdir: the results go to %s", folder)
    return dataclasses.replace(config, workdir=str(folder))


def check_compiles(config: Any) -> None:
    """Refuses a command of compiled programs where a setting of JAX switches compilation off.

    Raises:
      UsageError: says what to do.
    """
    if getattr(jax.config, "jax_disable_jit", False) and isinstance(config, WorkdirFlag):
        raise UsageError(
            "JAX_DISABLE_JIT=1 is set, and this command runs compiled programs only; unset it (the steps of "
            "bgan_jax.algorithms can be called without compilation)"
        )


def _refuse(error: Exception) -> typing.NoReturn:
    print("error: " + " ".join(str(error).split()), file=sys.stderr)
    _exit(EXIT_BAD_FLAG)


def _fail(error: BaseException) -> typing.NoReturn:
    if isinstance(error, NonFiniteError | UnsavedError):
        print(f"error: {error}", file=sys.stderr)
    else:
        traceback.print_exception(error)
    _exit(1)


def _exit(code: int) -> typing.NoReturn:
    sys.stderr.flush()
    if hosts.joined():
        # An ordinary exit would wait for the other hosts, which wait for this one; leaving at once ends the whole job.
        os._exit(code)
    sys.exit(code)
