"""Foreign readers see in a streamed workbook what they see in a job's."""

from __future__ import annotations

import pytest

from exportapp.jobs.stream import stream
from exportapp.tables.selection import Operator, Selection, Viewer
from tests.gallery.models import Tag
from tests.readers.files import site
from tests.readers.readers import INSTALLED, READERS, VALIDATOR
from tests.readers.traps import ROWS

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="session")
def streamed(django_db_setup, django_db_blocker, tmp_path_factory):
    """The same rows as those of `files`."""
    path = tmp_path_factory.mktemp("streamed") / "streamed.xlsx"
    viewer = Viewer(user=Operator(), language="en", time_zone="Europe/Berlin")
    with django_db_blocker.unblock():
        Tag.objects.bulk_create([Tag(name=str(number)) for number in range(ROWS)])
        try:
            selection = Selection(source="gallery.Tag", site=site.name)
            path.write_bytes(b"".join(stream(selection, viewer)))
        finally:
            Tag.objects.all().delete()
    return path


@pytest.mark.parametrize("reader", INSTALLED)
def test_a_reader_sees_the_same_cells_as_in_a_job_s_file(read, streamed, tmp_path, reader):
    _, one_sheet, _ = read(reader)

    (found,) = READERS[reader].read([streamed], tmp_path)

    # Of the stream itself: who asked, when, and what it lost.
    assert found.pop("Notes")
    assert repr(found) == repr(one_sheet)


@pytest.mark.skipif(not VALIDATOR, reason="the validator is not installed")
def test_the_schema_validator_finds_no_error(streamed):
    from tests.readers.programs import complaints

    assert complaints(streamed) == []
