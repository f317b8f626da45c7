"""One heap for all threads of a long run, which keeps the memory that it was given.

glibc gives threads heaps of their own, and a checkpoint passes through many threads: what one frees in another's heap
stays there in pieces. Over a thousand steps of digits with a checkpoint every ten, resident memory grew from 562 to 647
MB so, and with one heap it stayed at 480 (``docs/faults.md``).

A large block glibc fetches from the kernel each time, and gives back at once. A step's working memory is such a block,
and the kernel clears its tens of thousands of pages at every step, which took from a twelfth to a third of a step
(``docs/speed.md``). A heap that keeps its memory is cleared once. What compilation, a checkpoint or a picture needed
beside it is given back when they are done.
"""

from __future__ import annotations

import ctypes
import sys
from typing import Any

# Of malloc.h: the trim threshold, the padding at the top, the number of blocks beside the heap, that of heaps.
M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_MAX, M_ARENA_MAX = -1, -2, -4, -8
LARGEST_INT = 2**31 - 1
TOP_PAD = 64 * 2**20


def keep_one_heap() -> bool:
    """Asks glibc for one heap, with all blocks in it, that keeps its memory; early in a process, before its threads.

    Returns:
      Whether the C library took the wishes; false where it is not glibc, which is no harm.
    """
    mallopt = _of_libc("mallopt")
    wishes = {M_ARENA_MAX: 1, M_MMAP_MAX: 0, M_TRIM_THRESHOLD: LARGEST_INT, M_TOP_PAD: TOP_PAD}
    taken = [mallopt is not None and bool(mallopt(name, value)) for name, value in wishes.items()]
    return all(taken)


def give_back() -> bool:
    """Gives the kernel what the heap holds and nobody uses, once; what is taken later is cleared anew.

    Returns:
      Whether anything was given back; false where the C library is not glibc.
    """
    malloc_trim = _of_libc("malloc_trim")
    return malloc_trim is not None and bool(malloc_trim(ctypes.c_size_t(0)))


def _of_libc(name: str) -> Any:
    return getattr(ctypes.CDLL(None), name, None) if sys.platform.startswith("linux") else None
