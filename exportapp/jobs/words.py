"""What an export is of, and what was wrong with its rows, in the words of its person."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any, Final

from django.utils import timezone, translation
from django.utils.formats import localize, number_format
from django.utils.text import capfirst, get_text_list
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, pgettext

from exportapp.exceptions import NotAllowed, RequestRefused, SourceChanged, UnknownName
from exportapp.jobs.rights import viewer_of
from exportapp.models import ExportJob
from exportapp.tables.counting import count_rows
from exportapp.tables.inshort import words_in_short
from exportapp.tables.selection import Operator, Selection, Viewer
from exportapp.tables.sheets import SheetSpec
from exportapp.tables.sources import AnySource, Source, find_source

ISSUES: Final[dict[str, Any]] = {
    "text_cut": gettext_lazy("Texts were cut: a cell holds 32,767 characters."),
    "lines_joined": gettext_lazy("Lines were joined: a cell holds 253 line feeds."),
    "characters_replaced": gettext_lazy(
        "Characters that a workbook cannot hold were replaced by �."
    ),
    "not_finite": gettext_lazy("Numbers that are none, such as NaN, are text or left blank."),
    "out_of_range": gettext_lazy("Values beyond what a cell can show were left blank."),
    "value_unsupported": gettext_lazy("Values of another type than their column's were left out."),
    "callable_raised": gettext_lazy("Values could not be computed and were left out."),
    "list_cut": gettext_lazy("Lists were longer than their column shows; they end in “…”."),
}
"""What became of the values, by the issue's code."""


def title_of_source(job: ExportJob) -> str:
    """The export's or the model's own name for its rows; what was asked for when that is gone."""
    return title_of(job.source, job.selection["site"])


def title_of(source: str, site: str = "admin") -> str:
    """The same of what was asked for on an admin site."""
    try:
        return capfirst(str(find_source(source, site).title))
    except UnknownName:
        return source


def issue_words(code: str) -> str:
    """A sentence for an issue's code; rows that an error left out have the code of the error."""
    said = ISSUES.get(code)
    return str(said) if said else _("Rows were left out (%s).") % code


def who(job: ExportJob) -> str:
    """Who asked for it; empty when they are gone."""
    if job.by_operator:
        return str(Operator())
    return str(job.requested_by) if job.requested_by else ""


def asked_for(job: ExportJob) -> str:
    """Which rows, in the language of its person: "status is Paid, search \u201clamp\u201d".

    Empty for all of them. Where the list is no longer there, or takes these filters no longer, it
    is said as it was asked: "status: paid, search: lamp".
    """
    selection = Selection.from_json(job.selection)
    try:
        viewer = viewer_of(job)
        with viewer.active():
            parts = list_parts(find_source(job.source, selection.site), selection, viewer)
    except (NotAllowed, RequestRefused, SourceChanged):
        with translation.override(job.language):
            parts = _raw_parts(selection)
    return ", ".join(parts)


def asked_in_short(job: ExportJob) -> str:
    """The same for a list of many: without a query, in the language of who looks at it."""
    selection = Selection.from_json(job.selection)
    with suppress(UnknownName):
        source = find_source(job.source, selection.site)
        if isinstance(source, Source):
            parts = words_in_short(source.model_admin, selection.query)
            return ", ".join([*_ticked(selection), *parts])
    return ", ".join(_raw_parts(selection))


def list_parts(source: AnySource, selection: Selection, viewer: Viewer) -> list[str]:
    """What narrows and orders the rows; the ticks first. Raises as `source.words` does."""
    return [*_ticked(selection), *source.words(selection, viewer)]


def what_is_asked(
    source: AnySource, selection: Selection, viewer: Viewer, sheets: Sequence[SheetSpec]
) -> str:
    """ "1,204 orders: status is Paid, search \u201clamp\u201d, newest first".

    The rows are counted as long as that is quick, else estimated. `sheets` are those of the
    selection, its parameters settled.
    """
    with viewer.active():
        counted = [_counted(sheet, viewer) for sheet in sheets]
        rows = get_text_list(counted, _("and"))
        parts = list_parts(source, selection, viewer)
        if not parts:
            return rows
        return _("%(rows)s: %(what)s") % {"rows": rows, "what": ", ".join(parts)}


def _counted(sheet: SheetSpec, viewer: Viewer) -> str:
    count, opts = count_rows(sheet.rows, viewer), sheet.rows.model._meta
    name = opts.verbose_name if count.number == 1 else opts.verbose_name_plural
    return _("%(count)s %(name)s") % {"count": count.words, "name": name}


def notes(job: ExportJob) -> list[tuple[str, str]]:
    """Label and text for the sheet that tells of issues; none where there are no issues."""
    if not job.issues_counted:
        return []
    with translation.override(job.language), timezone.override(job.time_zone):
        asked_at = localize(timezone.localtime(job.created_at), use_l10n=True)
        told = [
            (pgettext("export", "Export"), f"{job.source} {job.pk}"),
            (_("Asked for by"), who(job)),
            (_("Asked at"), f"{asked_at} ({job.time_zone})"),
            (_("Rows chosen by"), asked_for(job) or _("all rows")),
        ]
        for code, count in sorted(job.issues_counted.items()):
            times = ngettext("%(count)s value", "%(count)s values", count)
            shown = {"count": number_format(count, use_l10n=True, force_grouping=True)}
            told.append((times % shown, issue_words(code)))
        return told


def _ticked(selection: Selection) -> Iterator[str]:
    if selection.keys is not None:
        number = len(set(selection.keys))
        ticked = ngettext("%(count)s ticked row", "%(count)s ticked rows", number)
        yield ticked % {"count": number_format(number, use_l10n=True, force_grouping=True)}


def _raw_parts(selection: Selection) -> list[str]:
    named = {
        pgettext("export", "search") if name == "q" else name: v
        for name, v in selection.query.items()
    }
    named[pgettext("export", "order")] = list(selection.order)
    for name, value in selection.parameters.items():
        named[name] = value if isinstance(value, list) else [value]
    parts = [f"{name}: {', '.join(map(str, v))}" for name, v in named.items() if any(v)]
    return [*_ticked(selection), *parts]
