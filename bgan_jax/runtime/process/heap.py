"""Sets glibc's allocator for long runs: one heap for all threads, which keeps its memory.

By default glibc gives threads heaps of their own. A checkpoint passes through many threads, and memory that one frees
in another's heap stays there in fragments. Over a thousand steps of digits with a checkpoint every ten, resident memory
grew from 562 to 647 MB; with one heap it stayed at 480 (``docs/faults.md``).

By default glibc also requests a large block from the kernel each time, and returns it when it is freed. A step's
working memory is such a block, and the kernel clears its tens of thousands of pages at every step, which took from a
twelfth to a third of a step (``docs/speed.md``). A heap that keeps its memory is cleared once. Memory that only
compilation, a checkpoint or a picture needed is returned after each of them.
"""

from __future__ import annotations

import ctypes
import sys
from typing import Any

# Options of malloc.h: the trim threshold, the padding at the top, the number of mapped blocks, the number of heaps.
M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_MAX, M_ARENA_MAX = -1, -2, -4, -8
LARGEST_INT = 2**31 - 1
TOP_PAD = 64 * 2**20


def use_one_heap() -> bool:
    """Asks glibc for one heap that holds all blocks and keeps its memory; call it before the process starts threads.

    Returns:
      Whether the C library accepted the options; false where it is not glibc, which is harmless.
    """
    mallopt = _libc_function("mallopt")
    options = {M_ARENA_MAX: 1, M_MMAP_MAX: 0, M_TRIM_THRESHOLD: LARGEST_INT, M_TOP_PAD: TOP_PAD}
    accepted = [mallopt is not None and bool(mallopt(name, value)) for name, value in options.items()]
    return all(accepted)


def release_unused_memory() -> bool:
    """Returns the heap's unused memory to the kernel, which clears the pages again when they are next needed.

    Returns:
      Whether memory was released; false where the C library is not glibc.
    """
    malloc_trim = _libc_function("malloc_trim")
    return malloc_trim is not None and bool(malloc_trim(ctypes.c_size_t(0)))


def _libc_function(name: str) -> Any:
    return getattr(ctypes.CDLL(None), name, None) if sys.platform.startswith("linux") else None
