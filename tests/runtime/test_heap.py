"""Memory that many threads allocate and free stays in one heap."""

import platform
import subprocess
import sys

import pytest

from tests.test_layers import ROOT

PROGRAM = """
import sys, threading, ctypes
from bgan_jax.runtime.process.heap import use_one_heap
taken = use_one_heap()
addresses = []
libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
threads = [threading.Thread(target=lambda: addresses.append(libc.malloc(2000))) for _ in range(8)]
for thread in threads: thread.start()
for thread in threads: thread.join()
heap = next(line for line in open("/proc/self/maps") if "[heap]" in line).split()[0].split("-")
inside = [int(heap[0], 16) <= address < int(heap[1], 16) for address in addresses]
print(taken, all(inside))
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other C libraries have their own ways")
def test_threads_share_the_heap():
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, cwd=ROOT, timeout=60)
    assert done.stdout.split() == ["True", "True"], done.stderr


RELEASED = """
import ctypes
from bgan_jax.runtime.process.heap import release_unused_memory, use_one_heap
libc = ctypes.CDLL(None)
libc.malloc.restype, libc.free.argtypes = ctypes.c_void_p, [ctypes.c_void_p]

def megabytes():
    return int(open("/proc/self/statm").read().split()[1]) * 4096 / 2**20

def use(size):
    address = libc.malloc(ctypes.c_size_t(size))
    ctypes.memset(address, 1, size)
    return address

use_one_heap()
before = megabytes()
block, other = use(200 * 2**20), use(2000)  # The other one lies above it, so that the heap cannot simply shrink.
libc.free(block)
kept = megabytes() - before
gave = release_unused_memory()
print(kept > 190, gave, megabytes() - before < 10)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other C libraries have their own ways")
def test_a_large_block_stays_in_the_heap_until_it_is_released():
    done = subprocess.run([sys.executable, "-c", RELEASED], capture_output=True, text=True, cwd=ROOT, timeout=60)
    assert done.stdout.split() == ["True", "True", "True"], done.stderr
