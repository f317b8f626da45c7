"""A bucket in the memory of this process: what ``s3://bucket`` means while a test runs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import fsspec
import pytest
from etils.epath import backend
from fsspec.implementations.memory import MemoryFileSystem
from fsspec.registry import _registry

from bgan_jax import paths


class InMemory(MemoryFileSystem):
    """As a bucket it has objects, and no folders but in their names."""

    protocol = "s3"
    store: dict[str, Any] = {}  # noqa: RUF012
    pseudo_dirs = [""]  # noqa: RUF012

    @classmethod
    def _strip_protocol(cls, path: Any) -> str:
        return super()._strip_protocol(str(path).removeprefix("s3://"))

    def makedirs(self, path: str, exist_ok: bool = False) -> None:
        pass

    def mkdir(self, path: str, create_parents: bool = True, **settings: Any) -> None:
        pass


def made(patch: pytest.MonkeyPatch) -> Iterator[str]:
    """Yields the name of an empty bucket, which is gone afterwards; for fixtures."""
    InMemory.store.clear()
    fsspec.register_implementation("s3", InMemory, clobber=True)
    patch.setattr(paths, "_is_installed", lambda module: module == "s3fs")
    InMemory().pipe("s3://bucket/.made", b"")
    yield "s3://bucket"
    InMemory.store.clear()
    _registry.pop("s3", None)
    backend.fsspec_backend._get_filesystem.cache_clear()
