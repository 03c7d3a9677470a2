"""The memory of a process that exports: what one batch let go of is for the next.

Left to themselves, Arrow's own allocator keeps about three times what is in use, and glibc hands
each large buffer back to the system and asks for it again, which is given out in pages of zeros.
"""

from __future__ import annotations

import ctypes
import functools
from typing import Final

import pyarrow

M_TRIM_THRESHOLD: Final = -1
"""mallopt(3): how much may lie unused at the end before it is handed back."""

M_MMAP_THRESHOLD: Final = -3
"""mallopt(3): from which size on a buffer is asked of the system by itself."""

KEPT_BYTES: Final = 2**26
MAPPED_BYTES: Final = 2**25
"""The most that glibc takes."""


@functools.cache
def keep_memory() -> None:
    """Let Arrow and glibc use again what this process had already; once for the process."""
    pyarrow.set_memory_pool(pyarrow.system_memory_pool())
    # Neither musl nor macOS has it.
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(M_MMAP_THRESHOLD, MAPPED_BYTES)
        mallopt(M_TRIM_THRESHOLD, KEPT_BYTES)
