"""What the kernel keeps of files in memory. All of this is a hint: it changes nothing but time."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import BinaryIO


def unneeded(file: BinaryIO, begin: int = 0, size: int = 0) -> None:
    """Nobody reads these bytes again soon; a `size` of 0 is all to the end.

    Linux frees the pages that are on the disk and begins to write the others, which it keeps
    (posix_fadvise(2), POSIX_FADV_DONTNEED); other systems may do nothing. What is written next
    takes the freed ones: memory that nobody had before is slow to come by where the machine is a
    virtual one, and what the server has of the user's files in memory stays there.
    """
    if hasattr(os, "posix_fadvise"):
        with suppress(OSError):
            os.posix_fadvise(file.fileno(), begin, size, os.POSIX_FADV_DONTNEED)
