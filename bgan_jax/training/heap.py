"""One heap for all threads of a long run.

glibc gives threads heaps of their own, and a checkpoint passes through many threads: what one frees in another's heap
stays there in pieces. Over a thousand steps of digits with a checkpoint every ten, resident memory grew from 562 to 647
MB so, and with one heap it stayed at 480 (``docs/faults.md``).
"""

from __future__ import annotations

import ctypes
import sys

M_ARENA_MAX = -8  # of malloc.h


def keep_one_heap() -> bool:
    """Asks glibc for no further heaps; early in a process, before most of its threads.

    Returns:
      Whether the C library took the wish; false where it is not glibc, which is no harm.
    """
    if not sys.platform.startswith("linux"):
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    return mallopt is not None and bool(mallopt(M_ARENA_MAX, 1))
