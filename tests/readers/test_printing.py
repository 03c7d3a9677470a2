"""LibreOffice shows the files to a person: it opens them without repair and prints them."""

from __future__ import annotations

import pytest

from tests.readers.programs import convert

# For the test database: the test itself only reads files.
pytestmark = pytest.mark.django_db


def test_libreoffice_prints_every_file(files, tmp_path):
    pages = [path.read_bytes() for path in convert(list(files), "pdf", tmp_path)]

    assert [data[:5] for data in pages] == [b"%PDF-"] * 3
    assert min(map(len, pages)) > 10_000
