"""A zip that nobody writes, as foreign programs read it; also where 32 bits are too few."""

from __future__ import annotations

import io
import shutil
import subprocess
import zipfile
import zlib
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exportapp.exceptions import FileDamaged
from exportapp.jobs import archive as module
from exportapp.jobs.archive import Member, archive
from exportapp.jobs.content import Content, FilePiece

AT = datetime(2026, 11, 21, 15, 40, 12)

GIB = 2**30


def member(name: str, data: bytes) -> Member:
    return Member(name=name, crc32=zlib.crc32(data), content=data)


def on_disk(folder: Path, name: str, data: bytes) -> Member:
    path = folder / name
    path.write_bytes(data)
    piece = FilePiece(path, len(data))
    return Member(name=name, crc32=zlib.crc32(data), content=piece)


def whole(content: Content) -> bytes:
    return b"".join(content.read(0, content.size))


def test_foreign_programs_find_the_files_as_they_were(tmp_path: Path) -> None:
    members = [
        on_disk(tmp_path, "one.xlsx", b"first" * 1000),
        on_disk(tmp_path, "two.xlsx", b""),
        member("Aufträge 2.json", b"{}"),
    ]
    target = tmp_path / "all.zip"
    target.write_bytes(whole(archive(members, AT)))

    with zipfile.ZipFile(target) as found:
        assert found.testzip() is None
        assert found.namelist() == ["one.xlsx", "two.xlsx", "Aufträge 2.json"]
        assert found.read("one.xlsx") == b"first" * 1000
        assert {info.date_time for info in found.infolist()} == {(2026, 11, 21, 15, 40, 12)}
        assert {info.compress_type for info in found.infolist()} == {zipfile.ZIP_STORED}
        assert {info.extract_version for info in found.infolist()} == {20}, "no needless zip64"
    tested = subprocess.run(["unzip", "-t", target], capture_output=True, check=False)
    assert tested.returncode == 0, tested.stdout + tested.stderr


def test_its_length_is_known_and_its_bytes_are_the_same_each_time(tmp_path: Path) -> None:
    members = [on_disk(tmp_path, f"{n}.xlsx", bytes([n]) * n * 100) for n in range(5)]
    first, second = archive(members, AT), archive(members, AT)
    assert len(whole(first)) == first.size
    assert whole(first) == whole(second)


@given(st.lists(st.binary(max_size=30), min_size=1, max_size=4), st.data())
def test_any_range_of_it_is_that_part_of_the_whole(data: list[bytes], drawn: st.DataObject) -> None:
    content = archive([member(f"{n}.bin", part) for n, part in enumerate(data)], AT)
    start = drawn.draw(st.integers(0, content.size))
    end = drawn.draw(st.integers(start, content.size))
    assert b"".join(content.read(start, end)) == whole(content)[start:end]


def test_a_file_that_shrank_or_went_breaks_the_transfer(tmp_path: Path) -> None:
    content = archive([on_disk(tmp_path, "one.xlsx", b"x" * 1000)], AT)
    (tmp_path / "one.xlsx").write_bytes(b"x" * 10)
    with pytest.raises(FileDamaged, match="ends at byte 10 of 1000"):
        whole(content)
    (tmp_path / "one.xlsx").unlink()
    with pytest.raises(FileDamaged, match="is gone"):
        whole(content)


def test_many_members_need_a_longer_count(tmp_path: Path) -> None:
    members = [member(f"{n}", b"") for n in range(module.MOST_MEMBERS + 2)]
    with zipfile.ZipFile(io.BytesIO(whole(archive(members, AT)))) as found:
        assert len(found.namelist()) == len(members)


def zeros(folder: Path, name: str, size: int) -> Member:
    """A file that takes no room; nobody reads it here, so its CRC-32 is nobody's."""
    path = folder / name
    with path.open("wb") as file:
        file.truncate(size)
    return Member(name=name, crc32=0, content=FilePiece(path, size))


def save(content: Content, path: Path) -> None:
    """As a client that has no room for zeros, and no time to read them."""
    with path.open("wb") as file:
        for piece in content.pieces:
            if isinstance(piece, bytes):
                file.write(piece)
            else:
                file.seek(piece.size, 1)


@pytest.mark.parametrize(
    "sizes",
    [
        pytest.param([3 * GIB // 2, 3 * GIB // 2, 3 * GIB // 2], id="offset"),
        pytest.param([4 * GIB + 5], id="size"),
        # Not 4 GiB - 1, which unzip 6.0 takes for the mark that it looks like.
        pytest.param([4 * GIB], id="first size that needs it"),
        pytest.param([4 * GIB - 2], id="last size that does not"),
    ],
)
def test_past_four_gibibytes_it_is_right_all_the_same(tmp_path: Path, sizes: list[int]) -> None:
    large = [zeros(tmp_path, f"orders-{n}.xlsx", size) for n, size in enumerate(sizes, 1)]
    content = archive([*large, member("manifest.json", b'{"v": 1}')], AT)
    target = tmp_path / "all.zip"
    save(content, target)

    assert target.stat().st_size == content.size > 4 * GIB
    with zipfile.ZipFile(target) as found:
        assert [info.file_size for info in found.infolist()] == [*sizes, 8]
        # Its local header is found and agrees with the directory, behind 4 GiB.
        assert found.read("manifest.json") == b'{"v": 1}'
        for name in found.namelist():
            found.open(name).close()
        needed = [info.extract_version for info in found.infolist()]
    assert needed[:-1] == [45 if size > 4 * GIB - 2 else 20 for size in sizes]
    assert needed[-1] == 45, "its offset does not fit"
    programs = [["unzip", "-tqq"], ["7z", "t", "-bso0"]]
    for program in filter(lambda words: shutil.which(words[0]), programs):
        tested = subprocess.run(
            [*program, target, "manifest.json"], capture_output=True, text=True, check=False
        )
        assert tested.returncode == 0, (program, tested.stdout, tested.stderr)
    end = b"".join(content.read(content.size - 200, content.size))
    with target.open("rb") as file:
        file.seek(-200, 2)
        assert file.read() == end, "as a download that is resumed there has it"
