"""What an export is of, and what was wrong with its rows, in the words of its person."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from django.utils import timezone, translation
from django.utils.formats import localize
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from exportapp.models import ExportJob
from exportapp.tables.selection import Operator

ISSUES: Final[dict[str, Any]] = {
    "text_cut": gettext_lazy("Texts were cut: a cell holds 32,767 characters."),
    "lines_joined": gettext_lazy("Lines were joined: a cell holds 253 line feeds."),
    "characters_replaced": gettext_lazy(
        "Characters that a workbook cannot hold were replaced by \ufffd."
    ),
    "not_finite": gettext_lazy("Numbers that are none, such as NaN, are text or left blank."),
    "out_of_range": gettext_lazy("Values beyond what a cell can show were left blank."),
    "value_unsupported": gettext_lazy("Values of another type than their column's were left out."),
    "callable_raised": gettext_lazy("Values could not be computed and were left out."),
    "list_cut": gettext_lazy("Lists were longer than their column shows; they end in “…”."),
}
"""What became of the values, by the issue's code."""


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
    """Which rows: "status: paid; search: lamp; order: -created_at"; empty for all of them."""
    return "; ".join(_parts(job.selection))


def notes(job: ExportJob) -> list[tuple[str, str]]:
    """Label and text for the sheet that tells of issues; none where there are no issues."""
    if not job.issues_counted:
        return []
    with translation.override(job.language), timezone.override(job.time_zone):
        asked_at = localize(timezone.localtime(job.created_at), use_l10n=True)
        told = [
            (_("Export"), f"{job.source} {job.pk}"),
            (_("Asked for by"), who(job)),
            (_("Asked at"), f"{asked_at} ({job.time_zone})"),
            (_("Rows chosen by"), asked_for(job) or _("all rows")),
        ]
        for code, count in sorted(job.issues_counted.items()):
            times = ngettext("%(count)s value", "%(count)s values", count)
            shown = {"count": localize(count, use_l10n=True)}
            told.append((times % shown, issue_words(code)))
        return told


def _parts(selection: dict[str, Any]) -> Iterator[str]:
    if selection["keys"] is not None:
        ticked = ngettext("%(count)s ticked row", "%(count)s ticked rows", len(selection["keys"]))
        yield ticked % {"count": len(selection["keys"])}
    for name, values in selection["query"].items():
        if any(values):
            yield f"{_('search') if name == 'q' else name}: {', '.join(values)}"
    if selection["order"]:
        yield f"{_('order')}: {', '.join(selection['order'])}"
    for name, value in selection.get("parameters", {}).items():
        shown = ", ".join(map(str, value)) if isinstance(value, list) else value
        yield f"{name}: {shown}"
