"""The zip: its bytes, and what copying does when it cannot."""

from __future__ import annotations

import io
import os
import shutil
import struct
import subprocess
import zlib
from zipfile import ZipFile

import pytest

from exportapp.xlsx import (
    PackageWriter,
    Span,
    XlsxError,
    copying,
    pressed,
)
from tests.xlsx.books import merge


def test_equal_input_gives_equal_files(shards):
    one, two = io.BytesIO(), io.BytesIO()
    merge(one, shards, 248)
    merge(two, shards, 248)
    assert one.getvalue() == two.getvalue()


def test_python_and_unzip_find_no_fault(shards, tmp_path):
    path = tmp_path / "merged.xlsx"
    with path.open("wb") as target:
        merge(target, shards, 248)
    with ZipFile(path) as archive:
        assert archive.testzip() is None
        assert archive.namelist()[0] == "[Content_Types].xml"
    unzip = shutil.which("unzip")
    assert (
        unzip is None or subprocess.run([unzip, "-tq", path], capture_output=True).returncode == 0
    )


def test_local_headers_tell_true_sizes_without_descriptor_and_zip64(shards):
    target = io.BytesIO()
    merge(target, shards, 248)
    data = target.getvalue()
    members = ZipFile(target).infolist()
    assert members
    for info in members:
        fields = struct.unpack_from("<4s5H3L2H", data, info.header_offset)
        signature, version, flags, method, at, day, crc, size, raw_size, name, extra = fields
        assert (signature, version, flags, method) == (
            b"PK\x03\x04",
            20,
            0,
            zlib.DEFLATED,
        )
        assert (at, day) == (0, 0x21)
        assert (crc, size, raw_size) == (info.CRC, info.compress_size, info.file_size)
        assert (name, extra, info.extra, info.flag_bits) == (
            len(info.filename),
            0,
            b"",
            0,
        )
    assert b"PK\x06\x06" not in data
    assert b"PK\x06\x07" not in data
    assert b"PK\x07\x08" not in data


def test_splicing_copies_the_compressed_bytes_and_calls_no_codec(shards, monkeypatch):
    def refuse(*args, **kwargs):
        raise AssertionError("a codec was called")

    target = io.BytesIO()
    with PackageWriter(target) as book, book.sheet("a.xml") as sheet:
        codecs = [(zlib, "decompressobj"), (zlib, "decompress"), (zlib, "compressobj")]
        for module, name in codecs:
            monkeypatch.setattr(module, name, refuse)
        monkeypatch.setattr("exportapp.xlsx.deflate._engine.compressobj", refuse)
        monkeypatch.setattr("exportapp.xlsx.deflate._engine.decompressobj", refuse)
        for file, span in shards:
            sheet.splice(file, span)
        monkeypatch.undo()
    for file, span in shards:
        file.seek(span.offset)
        assert file.read(span.size) in target.getvalue()


@pytest.mark.parametrize("broken", [(), ("copy_file_range",), ("copy_file_range", "sendfile")])
def test_splicing_falls_back_where_the_system_cannot_copy(broken, shards, tmp_path, monkeypatch):
    def cannot(*args):
        raise OSError("not on this file system")

    for name in broken:
        monkeypatch.setattr(os, name, cannot)
    path = tmp_path / "merged.xlsx"
    with path.open("w+b") as target:
        merge(target, shards, 248)
    memory = io.BytesIO()
    merge(memory, shards, 248)
    assert path.read_bytes() == memory.getvalue()


def test_progress_is_told_every_byte_in_blocks(shards, monkeypatch):
    monkeypatch.setattr(copying, "BLOCK", 1000)
    told: list[int] = []
    merge(io.BytesIO(), shards, 248, progress=told.append)
    assert sum(told) == sum(span.size for _, span in shards)
    assert max(told) == 1000


def test_an_interrupted_file_is_not_taken_for_whole(shards, tmp_path):
    class Stop(Exception):
        pass

    def stop(copied):
        raise Stop

    path = tmp_path / "merged.xlsx"
    with path.open("wb") as target, pytest.raises(Stop):
        merge(target, shards, 248, progress=stop)
    assert b"PK\x05\x06" not in path.read_bytes()


def test_a_span_beyond_the_end_of_its_file_is_refused(shards):
    file, span = shards[0]
    beyond = Span(span.offset, span.size + 10**6, span.raw_size, span.crc, span.rows)
    with pytest.raises(XlsxError, match="early"):
        merge(io.BytesIO(), [(file, beyond)], 40)


def test_a_span_of_rows_tells_its_place_in_the_file(shards):
    file, span = shards[2]
    file.seek(span.offset)
    xml = zlib.decompressobj(-15).decompress(file.read(span.size))
    assert xml.startswith(b'<row r="43"><c r="A43"')
    assert (xml.count(b"<row "), len(xml), zlib.crc32(xml)) == (
        span.rows,
        span.raw_size,
        span.crc,
    )


def test_rows_stop_where_the_batches_are_interrupted():
    def batches():
        yield b"<row/>"
        raise InterruptedError("asked to stop")

    target = io.BytesIO()
    with (
        pytest.raises(InterruptedError),
        PackageWriter(target) as book,
        book.sheet("a.xml") as sheet,
    ):
        sheet.rows(batches(), 2)
    assert b"PK\x05\x06" not in target.getvalue()


class Growing(io.BytesIO):
    """Remembers whether anything was written in front of its end."""

    went_back = False

    def write(self, data):
        self.went_back |= self.tell() < len(self.getvalue())
        return super().write(data)


def test_a_part_whose_pieces_are_told_is_written_from_front_to_back():
    told, patched = Growing(), Growing()
    pieces = [pressed(b"<a>" * 5000), pressed(b"<b>" * 3)]
    with PackageWriter(told) as target, target.sheet("x.xml", [span for _, span in pieces]) as part:
        for piece in pieces:
            part.splice(*piece)
    with PackageWriter(patched) as target, target.sheet("x.xml") as part:
        for piece in pieces:
            part.splice(*piece)
    assert told.getvalue() == patched.getvalue()
    assert (told.went_back, patched.went_back) == (False, True)
    assert ZipFile(told).read("x.xml") == b"<a>" * 5000 + b"<b>" * 3
