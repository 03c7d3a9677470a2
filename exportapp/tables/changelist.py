"""The admin's own list of rows, without a page and without a COUNT."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from django.contrib.admin.exceptions import DisallowedModelAdminLookup, DisallowedModelAdminToField
from django.contrib.admin.options import (
    IS_FACETS_VAR,
    IS_POPUP_VAR,
    TO_FIELD_VAR,
    IncorrectLookupParameters,
)
from django.contrib.admin.views.main import (
    ALL_VAR,
    ERROR_FLAG,
    ORDER_VAR,
    PAGE_VAR,
    SEARCH_VAR,
    ChangeList,
)
from django.contrib.messages import MessageFailure
from django.core.exceptions import FieldError
from django.db.models import OrderBy
from django.http import HttpRequest, QueryDict
from django.utils.translation import gettext as _

from exportapp.exceptions import RequestRefused, UnknownName
from exportapp.tables.paths import steps
from exportapp.tables.selection import Viewer

if TYPE_CHECKING:
    from exportapp.tables.filters import Filters

NOT_FILTERS = frozenset(
    {
        ALL_VAR,
        ERROR_FLAG,
        IS_FACETS_VAR,
        IS_POPUP_VAR,
        ORDER_VAR,
        PAGE_VAR,
        SEARCH_VAR,
        TO_FIELD_VAR,
    }
)

REFUSALS = (
    IncorrectLookupParameters,
    DisallowedModelAdminLookup,
    DisallowedModelAdminToField,
    MessageFailure,
)
"""What a list page answers with an error page, a redirect or, for the last, a message."""


def request_of(viewer: Viewer, query: Mapping[str, Iterable[str]]) -> HttpRequest:
    """The request that the list page would have got from `viewer`."""
    request = HttpRequest()
    request.method = "GET"
    request.META |= {"SERVER_NAME": "localhost", "SERVER_PORT": "80"}
    request.user = viewer.user
    request.LANGUAGE_CODE = viewer.language
    parameters = QueryDict(mutable=True)
    for name, values in query.items():
        parameters.setlist(name, list(values))
    parameters._mutable = False
    request.GET = parameters  # type: ignore[assignment]
    return request


def change_list(filters: Filters, query: Mapping[str, list[str]]) -> ChangeList:
    """The list page's ChangeList for these parameters; its queryset is not evaluated.

    Raises UnknownName or RequestRefused for the parameter that the list page would not take, or
    that `filters` does not.
    """
    filters.check(query)
    try:
        return _build(filters, query)
    except REFUSALS as error:
        raise _refusal(filters, query, error) from error


def _build(filters: Filters, query: Mapping[str, list[str]]) -> ChangeList:
    model_admin, request = filters.model_admin, request_of(filters.viewer, query)
    # A copy, so that the ModelAdmin's own get_changelist_instance() is used with all it may have
    # been overridden to do, while other threads go on counting.
    borrowed = copy.copy(model_admin)
    without_results = _without_results(model_admin.get_changelist(request), filters)
    borrowed.get_changelist = lambda request, **kwargs: without_results  # type: ignore[method-assign]
    return borrowed.get_changelist_instance(request)


def _without_results(base: type[ChangeList], filters: Filters) -> type[ChangeList]:
    class ExportChangeList(base):  # type: ignore[valid-type, misc]
        def get_filters(self, request: HttpRequest) -> Any:
            found = super().get_filters(request)
            # Those that none of the list's own filters took.
            for name in found[2]:
                filters.require(name)
            return found

        def get_results(self, request: HttpRequest) -> None:
            """Nothing: this is where the list page counts its rows, twice."""

    return ExportChangeList


def _refusal(filters: Filters, query: Mapping[str, list[str]], error: Exception) -> RequestRefused:
    for name, values in query.items():
        try:
            _build(filters, {name: values})
        except REFUSALS as cause:
            return _refusal_of(filters, name, values, cause)
    together = "&".join(f"{name}={','.join(values)}" for name, values in query.items())
    return RequestRefused(
        _("The filters '{names}' do not go together: {reason}.").format(
            names=together, reason=_reason(error)
        )
    )


def _refusal_of(filters: Filters, name: str, values: list[str], error: Exception) -> RequestRefused:
    words = {"shown": f"'{name}={','.join(values)}'", "reason": _reason(error)}
    if isinstance(error, MessageFailure):
        told = _("The search {shown} holds characters that cannot be searched for.")
    elif name in NOT_FILTERS:
        told = _("The parameter {shown} is not allowed: {reason}.")
    elif isinstance(error, DisallowedModelAdminLookup):
        told = _("The filter {shown} is not allowed. Valid: {valid}.")
        words["valid"] = ", ".join(filters.names)
    elif not steps(filters.model_admin.model, name):
        return UnknownName("filter", name, filters.names)
    elif isinstance(_cause(error), FieldError):
        told = _("The filter {shown} cannot be used: {reason}. Valid operators: {operators}.")
        words["operators"] = ", ".join(filters.operators(name))
    else:
        told = _("The filter {shown} cannot be used: {reason}.")
    return RequestRefused(told.format(**words))


def sort_field(change_list: ChangeList, name: str) -> Any:
    """What the list sorts by when the heading `name` is clicked; None where it does not sort."""
    try:
        return change_list.get_ordering_field(name)
    except (AttributeError, FieldError):
        return None


def turned(item: Any) -> Any:
    """The same item of an order, the other way round."""
    if isinstance(item, str):
        return item.removeprefix("-") if item.startswith("-") else f"-{item}"
    return item.copy().reverse_ordering() if isinstance(item, OrderBy) else item.desc()


def _cause(error: Any) -> Any:
    """What the admin wrapped."""
    while error.args and isinstance(error.args[0], Exception):
        error = error.args[0]
    return error


def _reason(error: Exception) -> str:
    """The innermost sentence on one line."""
    cause = _cause(error)
    messages = getattr(cause, "messages", None) or [str(cause)]
    return " ".join(" ".join(map(str, messages)).split()).rstrip(".") or type(cause).__name__
