"""Rows as a file while they are read: no job, nothing kept, and so nothing to resume.

What a stream of each kind of file lacks is said at the door; `growing` makes the workbook.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Any, Final

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from exportapp.conf import conf
from exportapp.exceptions import RequestRefused
from exportapp.flat import render_lines
from exportapp.jobs.feed import Feed, Room
from exportapp.jobs.filenames import safe_filename
from exportapp.jobs.formats import Format, format_with
from exportapp.jobs.formats.delimited import Delimited
from exportapp.jobs.growing import workbook
from exportapp.jobs.journal import Line, log, trace_id
from exportapp.jobs.options import CSV, PARQUET, XLSX, Options, said
from exportapp.jobs.rights import source_for
from exportapp.jobs.stop import Stop
from exportapp.models import ExportJob
from exportapp.tables.keyset import Keyset
from exportapp.tables.selection import Operator, Selection, Viewer
from exportapp.tables.sheets import SheetSpec
from exportapp.xlsx import Outbox

UNSTREAMED: Final[dict[str, tuple[Any, Any]]] = {
    "strings": ("inline", gettext_lazy("shared texts are known when all rows are read")),
    "verify": (False, gettext_lazy("there is no finished file to read back")),
}
"""Options with the one value that a stream has, and why it has no other."""

BROKEN: Final = b'"This file broke off here: rows are missing.'
"""The last line of a plain CSV after an error: a quote that nobody closes, because not every
server can show its client that a response has no end, and lines alone would look complete."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    filename: str
    content_type: str
    pieces: Generator[bytes]
    """Of some 100 kB, from the first rows on; to close it ends the query."""
    stop: Callable[[], None]
    """Does the same from another thread, while `pieces` waits for the database."""


def stream(
    selection: Selection,
    viewer: Viewer,
    *,
    policy: str | None = None,
    options: Mapping[str, Any] | None = None,
) -> Generator[bytes]:
    """The bytes of `begin`."""
    return begin(selection, viewer, policy=policy, options=options).pieces


def begin(
    selection: Selection,
    viewer: Viewer,
    *,
    policy: str | None = None,
    options: Mapping[str, Any] | None = None,
    traceparent: str | None = None,
    stop: Stop | None = None,
) -> Stream:
    """The file of what `viewer` asks for. `policy`, `options` and `traceparent` as `create`.

    Whoever finds out that nobody waits for it any more asks `stop`, already while rows are counted
    here: that raises WorkInterrupted.

    The cells are those of a job's file of the same rows. What cannot be known ahead differs:

    * widths follow the first BATCH_ROWS rows of a sheet;
    * a column of numbers is text throughout only if a number with over 15 digits is among those
      rows; one that comes later is text by itself;
    * a sheet ends at SHEET_ROWS or at 3.9 GiB of XML that is written, not at a shard's end;
    * there is one workbook, whatever WORKBOOK_BYTES says, and it must end below 4 GiB;
    * sizes follow each part (a data descriptor), and sheets have no `dimension`;
    * bad values are counted on the sheet of notes and in the log, their rows are kept nowhere;
    * options that need a finished file are refused; where the setting OPTIONS has them, left out.

    Raises RequestRefused (UnknownName), also for more than STREAM_ROWS rows, and NotAllowed at
    once, not at the first piece. An error in the middle is raised from the iterator, and what was
    sent is no whole file: a workbook has no central directory, gzip no trailer, and a plain CSV
    ends inside a quote.
    """
    source = source_for(viewer.user, selection.source, selection.site)
    selection = source.settled(selection, viewer)
    sheets = source.sheets(selection, viewer)
    keysets = [Keyset.of(sheet.rows) for sheet in sheets]
    chosen = _options(options or {}, sheets)
    format, stop = format_with(chosen), stop or Stop()
    feeds = _feeds(sheets, keysets, viewer, policy or conf.BAD_VALUES, format, stop)
    asked = _asked(selection, viewer, source.label, chosen, traceparent)
    pieces = workbook(asked, source, feeds)
    if isinstance(format, Delimited):
        pieces = _lines(format, feeds[0])
    return Stream(
        filename=safe_filename(f"{source.filename(selection, viewer)}{format.extension}"),
        content_type=format.content_type,
        pieces=_told(pieces, asked, viewer, feeds, stop),
        stop=stop.ask,
    )


def _feeds(
    sheets: Sequence[SheetSpec],
    keysets: Sequence[Keyset],
    viewer: Viewer,
    policy: str,
    format: Format,
    stop: Stop,
) -> list[Feed]:
    """Raises RequestRefused for more than STREAM_ROWS rows."""
    room = Room.for_rows(keysets, viewer, stop)
    return [
        Feed(sheet, keyset, viewer, policy=policy, format=format, room=room, stop=stop)
        for sheet, keyset in zip(sheets, keysets, strict=True)
    ]


def _asked(
    selection: Selection, viewer: Viewer, label: str, options: Options, traceparent: str | None
) -> ExportJob:
    """Never saved: what a file says of itself is made of these."""
    return ExportJob(
        source=label,
        selection=selection.to_json(),
        options=options.to_json(),
        requested_by=viewer.user if viewer.user.pk else None,
        by_operator=isinstance(viewer.user, Operator),
        language=viewer.language,
        time_zone=viewer.time_zone,
        created_at=timezone.now(),
        trace_id=trace_id(traceparent),
    )


def _options(given: Mapping[str, Any], sheets: Sequence[SheetSpec]) -> Options:
    """Raises RequestRefused (UnknownName) for what a stream cannot be."""
    told = said(given)
    for name, (valid, why) in UNSTREAMED.items():
        if told.get(name, valid) != valid:
            refused = _("A stream cannot have '{name}' = {value}: {why}. Valid: {valid}.")
            raise RequestRefused(
                refused.format(name=name, value=_shown(told[name]), why=why, valid=_shown(valid))
            )
    chosen = Options.asked(given)
    if chosen.format == PARQUET:
        refused = _(
            "A stream cannot have 'format' = {value}: its types are known when all rows are "
            "read. Valid: {valid}."
        )
        raise RequestRefused(refused.format(value=PARQUET, valid=f"{XLSX}, {CSV}"))
    if chosen.format == CSV and len(sheets) > 1:
        refused = _(
            "A stream of CSV is one file, and here are several sheets: {names}. Name columns of "
            "one of them, or ask for xlsx."
        )
        raise RequestRefused(refused.format(names=", ".join(sheet.name for sheet in sheets)))
    return replace(chosen, **{name: valid for name, (valid, _why) in UNSTREAMED.items()})


def _shown(value: Any) -> str:
    return str(value).lower()


def _lines(format: Delimited, feed: Feed) -> Generator[bytes]:
    columns = [(spec.kind, feed.viewer.time_zone) for spec in feed.sheet.columns]
    out = Outbox()
    try:
        with format.envelope(out) as envelope, closing(feed):
            envelope.lines([format.head(feed.sheet.columns)], 0)
            while batch := feed.peek():
                envelope.lines([render_lines(batch, columns, format.dialect)], batch.num_rows)
                feed.drop(batch.num_rows)
                yield out.take()
        yield out.take()
    except Exception:
        if not format.options.gzip:
            yield BROKEN
        raise


def _told(
    pieces: Generator[bytes],
    asked: ExportJob,
    viewer: Viewer,
    feeds: Sequence[Feed],
    stop: Stop,
) -> Generator[bytes]:
    """The same, with a log line at its end: who took what, how much, and whether that was all."""
    end, sent = {"event": "stream_left"}, 0
    try:
        with closing(pieces):
            for piece in pieces:
                yield piece
                sent += len(piece)
        end = {"event": "streamed"}
    except Exception as error:
        # A statement that was ended because nobody listens is an error only of the database's.
        if not stop.asked:
            end = {"event": "stream_broken", "error": f"{type(error).__name__}: {error}"}
        raise
    finally:
        stop.over()
        issues = sum((feed.issues for feed in feeds), Counter[str]())
        log.info(
            Line(
                **end,
                stream=str(asked.pk),
                trace_id=asked.trace_id,
                source=asked.source,
                selection=asked.selection,
                options=asked.options,
                user=str(viewer.user),
                rows=sum(feed.rows for feed in feeds),
                bytes=sent,
                issues=issues,
            )
        )
