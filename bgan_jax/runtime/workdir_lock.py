"""Locks a run's folder for one process, so that no two processes write into it.

The owner holds an operating-system lock on ``.lock`` in the folder, which the system releases when the process dies,
and records its host and process id there. Some shared file systems lock for each host alone, or not at all. So the
owner also updates the file's time regularly, and a process that finds the record of another host watches whether the
time advances before it takes the folder over.

A bucket has neither locks nor times that can be set. There the owner writes the record again and again, each time with
another number, and whoever finds it watches whether it changes.
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
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from bgan_jax.atomic_files import write_object
from bgan_jax.paths import is_remote, resolved, storage_errors_as_os_errors

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


class Held(Protocol):
    """A lock that this process holds."""

    def beat(self) -> None:
        """Writes a sign of life."""

    def release(self) -> None:
        """Removes the lock."""


#: The locks that this process holds, by folder.
_held: dict[Path, Held] = {}
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
    place = resolved(folder)
    if place in _held:
        return
    held: Held = _acquire_object(place / LOCK) if is_remote(place) else _acquire_file(place / LOCK)
    with _guard:
        _held[place] = held
    if _scopes:
        _start_heartbeat()
    else:
        release_all()


def holds(folder: Path) -> bool:
    """Returns whether this process has locked a folder."""
    return resolved(folder) in _held


def release_all() -> None:
    """Releases every folder that this process holds, and removes the lock files."""
    with _guard:
        while _held:
            _, held = _held.popitem()
            held.release()


if hasattr(os, "register_at_fork"):
    # A forked process shares the lock of its parent, which alone may release it.
    os.register_at_fork(after_in_child=_held.clear)


class _LockedFile(NamedTuple):
    descriptor: int
    path: Path

    def beat(self) -> None:
        os.utime(self.descriptor)

    def release(self) -> None:
        with contextlib.suppress(OSError):
            if _is(self.descriptor, self.path):  # otherwise another process has locked the folder again
                self.path.unlink()
        os.close(self.descriptor)


class _LockedObject:
    def __init__(self, path: Path) -> None:
        self.path = path
        self._process = uuid.uuid4().hex  # Containers share names of hosts and process ids.
        self._beats = 0
        self._content = b""

    def beat(self) -> None:
        if self._content and not self.is_there():
            return  # Another process has taken the folder over.
        self._beats += 1
        content = _own_record(process=self._process, beats=self._beats)
        write_object(self.path, content)
        self._content = content

    def is_there(self) -> bool:
        return _content_of(self.path) == self._content

    def release(self) -> None:
        with contextlib.suppress(OSError):
            if self.is_there():
                self.path.unlink()


def _own_record(**more: Any) -> bytes:
    return json.dumps({"host": socket.gethostname(), "pid": os.getpid(), **more}).encode() + b"\n"


def _acquire_object(path: Path) -> _LockedObject:
    """Writes the record of this process where no other one updates its own; of two at once the later one stays."""
    owner = _owner_in(_content_of(path) or b"")
    if not _is_dead(owner, system_locks=False) and _advances(path, owner):
        raise LockedError(_refusal(path, owner))
    held = _LockedObject(path)
    held.beat()
    time.sleep(PATIENCE_SECONDS)
    if not held.is_there():
        raise LockedError(_refusal(path, _owner_in(_content_of(path) or b"")))
    return held


def _content_of(path: Path) -> bytes | None:
    try:
        with storage_errors_as_os_errors():
            return path.read_bytes()
    except FileNotFoundError:
        return None


def _acquire_file(path: Path) -> _LockedFile:
    """Opens the lock file, locks it, and records this process in it."""
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
            os.ftruncate(descriptor, 0)
            os.lseek(descriptor, 0, os.SEEK_SET)
            os.write(descriptor, _own_record())
            return _LockedFile(descriptor, path)
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
    os.lseek(descriptor, 0, os.SEEK_SET)
    return _owner_in(os.read(descriptor, 4096))


def _owner_in(content: bytes) -> dict[str, Any]:
    """Reads who has written a lock file; empty where it is new or damaged."""
    try:
        found = json.loads(content)
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
    """Watches whether the owner still updates the lock."""
    logger.warning(
        "%s is of process %s on host %s; waiting up to %.0f s to see whether it is still working",
        path, owner["pid"], owner["host"], DEAD_AFTER_SECONDS,
    )  # fmt: skip
    before, deadline = _last_beat(path), time.monotonic() + DEAD_AFTER_SECONDS
    while time.monotonic() < deadline:
        time.sleep(min(HEARTBEAT_SECONDS / 5, DEAD_AFTER_SECONDS))
        if _last_beat(path) != before:
            return True
    return False


def _last_beat(path: Path) -> int | bytes | None:
    if is_remote(path):
        return _content_of(path)
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
            for held in _held.values():
                with contextlib.suppress(OSError):
                    held.beat()
