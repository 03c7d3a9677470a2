"""Digests of a file that is taken while it is written."""

from __future__ import annotations

import hashlib
import zlib
from pathlib import Path

import pytest

from exportapp.jobs import digests
from exportapp.jobs.digests import BLOCK, Following, sha256_and_crc32


def test_a_file_that_is_followed_has_the_digests_of_the_whole(tmp_path: Path) -> None:
    data = bytes(range(256)) * (BLOCK // 64)
    with (tmp_path / "file").open("w+b") as file, Following(file) as following:
        for start in range(0, len(data), BLOCK // 3):
            file.write(data[start : start + BLOCK // 3])
            file.flush()
            following.settle(file.tell())
        found = following.digests()
        assert found == sha256_and_crc32(file)
    assert found == (hashlib.sha256(data).hexdigest(), zlib.crc32(data))


def test_an_empty_file_has_digests_too(tmp_path: Path) -> None:
    with (tmp_path / "file").open("w+b") as file, Following(file) as following:
        assert following.digests() == (hashlib.sha256().hexdigest(), 0)


def test_a_file_that_lost_what_was_settled_is_an_error_of_the_disk(tmp_path: Path) -> None:
    with (tmp_path / "file").open("w+b") as file, Following(file) as following:
        following.settle(10)
        with pytest.raises(OSError, match="ends at byte 0"):
            following.digests()


def test_the_reading_ends_with_an_error_of_the_writer(tmp_path: Path) -> None:
    with (tmp_path / "file").open("w+b") as file:
        following = Following(file)
        with pytest.raises(RuntimeError, match="writer"), following:
            raise RuntimeError("writer")
        assert not following._thread.is_alive()


def test_whatever_keeps_it_from_reading_is_no_digest_of_a_part(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> int:
        raise MemoryError("full")

    monkeypatch.setattr(digests, "crc32", full)
    with (tmp_path / "file").open("w+b") as file, Following(file) as following:
        file.write(b"rows")
        file.flush()
        following.settle(4)
        with pytest.raises(MemoryError, match="full"):
            following.digests()
