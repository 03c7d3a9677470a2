"""The validator of the Open XML SDK, which knows what Office takes."""

from __future__ import annotations

import zipfile

import pytest

from tests.readers.files import MODES
from tests.readers.programs import complaints

# For the test database: the tests themselves only read files.
pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", ["several_sheets", "one_sheet", "shard"])
def test_the_validator_finds_nothing_wrong(files_in, mode, name):
    assert complaints(getattr(files_in(mode), name)) == []


def test_the_validator_would_find_something(files, tmp_path):
    path = tmp_path / "wrong.xlsx"
    with zipfile.ZipFile(files.one_sheet) as good, zipfile.ZipFile(path, "w") as wrong:
        for name in good.namelist():
            wrong.writestr(name, good.read(name).replace(b' t="b"', b' t="truth"'))

    assert {found["path"] for found in complaints(path)} == {"/xl/worksheets/sheet1.xml"}
