"""Raw DEFLATE and CRC-32: by ISA-L where it is installed, else by zlib.

`compressobj(level)` makes a compressor of a raw stream (RFC 1951); `crc32(data, start)` and
`crc32_combine(first, second, length)` are those of zlib.
"""

from __future__ import annotations

import zlib
from types import ModuleType
from typing import Any, Final

from exportapp.xlsx import crc

try:
    from isal import isal_zlib
except ImportError:
    _engine: ModuleType = zlib
else:
    _engine = isal_zlib

END_OF_STREAM: Final = b"\x03\x00"
"""An empty last block with fixed codes: what ends a stream of pieces that were all flushed."""

FULL_FLUSH: Final = zlib.Z_FULL_FLUSH
"""Ends on a byte and forgets what was seen, so that any other piece may follow (zlib.h)."""

crc32 = _engine.crc32
# The standard library has it from Python 3.15 on.
crc32_combine = getattr(_engine, "crc32_combine", crc.crc32_combine)


def compressobj(level: int) -> Any:
    """A compressor of one raw DEFLATE stream, with the largest window."""
    return _engine.compressobj(level, zlib.DEFLATED, -zlib.MAX_WBITS)
