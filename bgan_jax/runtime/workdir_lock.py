"""Locks a run's folder for one process, so that no two processes write into it.

The owner holds an operating-system lock on ``.lock`` in the folder, which the system releases when the process dies,
and records its host and process id there. Some shared file systems lock for each host alone, or not at all. So the
owner also updates the file's time regularly, and a process that finds the record of another host watches whether the
time advances before it takes the folder over.
"""

from __future__ import annotations

import contextlib
import errno
import json
import logging
import os
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

try:
    import fcntl
except ImportError:  # not on this operating system
    fcntl = None  # type: ignore[assignment]

logger = logging.getLogger("bgan_jax")

LOCK = ".lock"
#: Seconds between two updates of the file's time.
HEARTBEAT_SECONDS = 5.0
#: Seconds without an update after which an owner that cannot be asked otherwise counts as dead.
DEAD_AFTER_SECONDS = 30.0
#: Seconds that a lock is waited for: the system releases that of a killed process once the process is gone.
PATIENCE_SECONDS = 1.0

#: The file descriptors of the locks that this process holds, by folder.
_held: dict[Path, int] = {}
_guard = threading.Lock()
_heartbeat: threading.Thread | None = None
_scopes = 0


class LockedError(ValueError):
    """Another process works in the folder; the message names its host and process id."""


@contextlib.contextmanager
def keeping_locks() -> Iterator[None]:
    """Keeps every folder that is locked inside this context locked until its end; commands run inside of one."""
    global _scopes
    _scopes += 1
    try:
        yield
    finally:
        _scopes -= 1
        if not _scopes:
            release_all()


def lock(folder: Path) -> None:
    """Locks a folder for this process until the end of :func:`keeping_locks`; outside of it, only checks the lock.

    A folder that this process holds already stays locked.

    Args:
      folder: the run's folder, which exists.

    Raises:
      LockedError: another process holds it.
      OSError: the lock file cannot be written.
    """
    place = folder.resolve()
    if place in _held:
        return
    descriptor = _acquire(place / LOCK)
    with _guard:
        _held[place] = descriptor
    if _scopes:
        _start_heartbeat()
    else:
        release_all()


def release_all() -> None:
    """Releases every folder that this process holds, and removes the lock files."""
    with _guard:
        while _held:
            folder, descriptor = _held.popitem()
            with contextlib.suppress(OSError):
                if _is(descriptor, folder / LOCK):  # otherwise another process has locked the folder again
                    (folder / LOCK).unlink()
            os.close(descriptor)


if hasattr(os, "register_at_fork"):
    # A forked process shares the lock of its parent, which alone may release it.
    os.register_at_fork(after_in_child=_held.clear)


def _acquire(path: Path) -> int:
    """Opens the lock file, locks it, and records this process in it; returns the file descriptor."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o644)
        try:
            supported = _system_lock(descriptor)
            if not _is(descriptor, path):  # its owner has just removed it
                os.close(descriptor)
                continue
            owner = _read_owner(descriptor)
            if not _is_dead(owner, system_locks=supported) and _advances(path, owner):
                raise LockedError(_refusal(path, owner))
            content = json.dumps({"host": socket.gethostname(), "pid": os.getpid()}).encode() + b"\n"
            os.ftruncate(descriptor, 0)
            os.lseek(descriptor, 0, os.SEEK_SET)
            os.write(descriptor, content)
            return descriptor
        except BlockingIOError:
            owner = _read_owner(descriptor)
            os.close(descriptor)
            if time.monotonic() > deadline:
                raise LockedError(_refusal(path, owner)) from None
            time.sleep(0.05)
        except BaseException:
            os.close(descriptor)
            raise


def _system_lock(descriptor: int) -> bool:
    """Takes the operating system's lock; returns false where the file system has none.

    Raises:
      BlockingIOError: another process holds it.
    """
    if fcntl is None:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise
    except OSError as error:
        if error.errno in (errno.EACCES, errno.EAGAIN):
            raise BlockingIOError(*error.args) from error
        return False
    return True


def _is(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), os.stat(path))
    except FileNotFoundError:
        return False


def _read_owner(descriptor: int) -> dict[str, Any]:
    """Reads who has written the lock file; empty where it is new or damaged."""
    os.lseek(descriptor, 0, os.SEEK_SET)
    try:
        found = json.loads(os.read(descriptor, 4096))
    except ValueError:
        return {}
    return found if isinstance(found, dict) and {"host", "pid"} <= found.keys() else {}


def _is_dead(owner: dict[str, Any], *, system_locks: bool) -> bool:
    """Returns whether an owner, whose lock is not in the way, is known to have ended."""
    if not owner:
        return True
    if owner["host"] != socket.gethostname():
        return False
    if system_locks:
        return True
    try:
        os.kill(int(owner["pid"]), 0)
    except (ProcessLookupError, ValueError, TypeError, OverflowError):
        return True
    except OSError:
        return False
    return False


def _advances(path: Path, owner: dict[str, Any]) -> bool:
    """Watches whether the owner still updates the file's time."""
    logger.warning(
        "%s is of process %s on host %s; waiting up to %.0f s to see whether it is still working",
        path, owner["pid"], owner["host"], DEAD_AFTER_SECONDS,
    )  # fmt: skip
    before, deadline = _time_of(path), time.monotonic() + DEAD_AFTER_SECONDS
    while time.monotonic() < deadline:
        time.sleep(min(HEARTBEAT_SECONDS / 5, DEAD_AFTER_SECONDS))
        if _time_of(path) != before:
            return True
    return False


def _time_of(path: Path) -> int | None:
    try:
        # Opened, since network file systems keep the properties of a file that is only looked up.
        with open(path, "rb") as file:
            return os.fstat(file.fileno()).st_mtime_ns
    except FileNotFoundError:
        return None


def _refusal(path: Path, owner: dict[str, Any]) -> str:
    who = f"process {owner['pid']} on host {owner['host']}" if owner else "another process"
    return (
        f"--workdir={path.parent} is in use by {who}; wait for it or stop it, choose another folder, or delete {path} "
        "if that process is gone"
    )


def _start_heartbeat() -> None:
    global _heartbeat
    if _heartbeat is None or not _heartbeat.is_alive():
        _heartbeat = threading.Thread(target=_update_times, name="workdir-lock", daemon=True)
        _heartbeat.start()


def _update_times() -> None:
    while True:
        time.sleep(HEARTBEAT_SECONDS)
        with _guard:
            for descriptor in _held.values():
                with contextlib.suppress(OSError):
                    os.utime(descriptor)
