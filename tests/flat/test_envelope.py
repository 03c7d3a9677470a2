"""Lines as a file: pieces from several files make the same bytes as one."""

from __future__ import annotations

import gzip
import io
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exportapp.flat import Envelope
from exportapp.xlsx import Span

pieces = st.lists(st.lists(st.binary(max_size=200), max_size=4), max_size=5)


def written(pieces: list[list[bytes]], *, zipped: bool) -> tuple[bytes, list[Span]]:
    out = io.BytesIO()
    with Envelope(out, gzip=zipped) as envelope:
        spans = [envelope.lines(piece, len(piece)) for piece in pieces]
    return out.getvalue(), spans


@given(pieces, st.booleans())
def test_spliced_pieces_hold_what_was_written(given: list[list[bytes]], zipped: bool) -> None:
    shards = [written([piece], zipped=zipped) for piece in given]
    out = io.BytesIO()
    with Envelope(out, gzip=zipped) as envelope:
        envelope.lines([b"head"], 0)
        for data, (span,) in shards:
            envelope.splice(io.BytesIO(data), span)
    made = out.getvalue()
    expected = b"head" + b"".join(b"".join(piece) for piece in given)
    assert (gzip.decompress(made) if zipped else made) == expected
    assert [span.rows for _, (span,) in shards] == [len(piece) for piece in given]
    assert made == written([[b"head"], *given], zipped=zipped)[0]


def test_gzip_itself_finds_nothing_wrong(tmp_path: Path) -> None:
    data, _ = written([[b"a,b\r\n" * 1000], [b"c,d\r\n"]], zipped=True)
    path = tmp_path / "rows.csv.gz"
    path.write_bytes(data)
    done = subprocess.run(["gzip", "-tv", path], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_an_error_leaves_a_file_that_nobody_takes_for_whole() -> None:
    out = io.BytesIO()
    with pytest.raises(OSError, match="full"), Envelope(out, gzip=True) as envelope:
        envelope.lines([b"a" * 100], 1)
        raise OSError("full")
    with pytest.raises(EOFError):
        gzip.decompress(out.getvalue())
