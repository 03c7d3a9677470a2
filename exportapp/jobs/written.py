"""A file on its way to the disk."""

from __future__ import annotations

from dataclasses import dataclass
from typing import BinaryIO

from exportapp.jobs.digests import Following
from exportapp.jobs.pages import unneeded


@dataclass(slots=True)
class Written:
    """A file on its way: `path` relative to the storage, and its digest once it is in place."""

    file: BinaryIO
    path: str
    size: int = 0
    digest: str = ""
    crc32: int | None = None
    """Of a file for others, who find it in a zip."""
    following: Following | None = None
    """Takes these two while it is written."""
    _sent: int = 0

    def send(self) -> None:
        """Have what is written so far go to the disk already, without waiting for it.

        Otherwise all of the waiting is done at the end, with nothing to do meanwhile.
        """
        self.file.flush()
        begin, self._sent = self._sent, self.file.tell()
        if self._sent > begin:
            unneeded(self.file, begin, self._sent - begin)

    def settle(self) -> None:
        """The same, and nothing in front of where the file stands changes any more."""
        self.send()
        if self.following:
            self.following.settle(self._sent)
