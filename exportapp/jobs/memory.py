"""The memory of a process that exports: what one batch let go of is for the next.

Left to themselves, Arrow's own allocator keeps about three times what is in use, and glibc hands
each large buffer back to the system and asks for it again, which is given out in pages of zeros.
"""

from __future__ import annotations

import ctypes
import functools
import gc
import sys
from typing import Any, Final

import pyarrow

M_TRIM_THRESHOLD: Final = -1
"""mallopt(3): how much may lie unused at the end before it is handed back."""

M_MMAP_THRESHOLD: Final = -3
"""mallopt(3): from which size on a buffer is asked of the system by itself."""

KEPT_BYTES: Final = 2**27
MAPPED_BYTES: Final = 2**25
"""The most that glibc takes."""

MADV_HUGEPAGE: Final = 14
"""madvise(2): give memory out in large pages."""

PAGE_BYTES: Final = 2**21
BLOCK_BYTES: Final = 2**24
BLOCKS: Final = 6
"""Room for the buffers of an export: about what one uses."""


@functools.cache
def keep_memory() -> None:
    """Let Arrow and glibc use again what this process had already; once for the process."""
    pyarrow.set_memory_pool(pyarrow.system_memory_pool())
    libc = ctypes.CDLL(None)
    # Neither musl nor macOS has it.
    if hasattr(libc, "mallopt"):
        libc.mallopt(M_MMAP_THRESHOLD, MAPPED_BYTES)
        libc.mallopt(M_TRIM_THRESHOLD, KEPT_BYTES)
        if sys.platform == "linux":
            _take_large_pages(libc)


def _take_large_pages(libc: Any) -> None:
    """Have what comes next on the heap given out by 2 MiB where the system may do that.

    A work-horse is new, and touches each page of its buffers for the first time: an interruption
    for every 4 KiB otherwise. Nothing is touched here, so nothing is used that is not needed.
    """
    libc.malloc.restype = ctypes.c_void_p
    blocks = [libc.malloc(ctypes.c_size_t(BLOCK_BYTES)) for _ in range(BLOCKS)]
    # One behind the other unless they had to be taken from elsewhere, or there is no more.
    if all(blocks) and 0 < blocks[-1] - blocks[0] < BLOCKS * BLOCK_BYTES:
        begin = -(-blocks[0] // PAGE_BYTES) * PAGE_BYTES
        size = (blocks[-1] + BLOCK_BYTES - begin) // PAGE_BYTES * PAGE_BYTES
        libc.madvise(ctypes.c_void_p(begin), ctypes.c_size_t(size), MADV_HUGEPAGE)
    for block in blocks:
        libc.free(ctypes.c_void_p(block))


def keep_loaded() -> None:
    """What has been loaded stays: no work-horse should walk through it at each collection, and
    copy its pages by that."""
    gc.collect()
    gc.freeze()
    # Querysets come and go by the thousand, and hardly one of them is part of a circle.
    gc.set_threshold(10_000, 20, 20)
