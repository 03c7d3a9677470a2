"""The list of exports: what it is filtered by, and what is read for it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ChangeList
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import pgettext_lazy

from exportapp.exceptions import RequestRefused
from exportapp.jobs.words import title_of
from exportapp.tables.bounds import require_query


class JobChangeList(ChangeList):
    def get_queryset(self, request: HttpRequest, *args: Any) -> QuerySet[Any]:
        try:
            require_query(dict(request.GET.lists()))
        except RequestRefused as error:
            raise IncorrectLookupParameters(error) from error
        jobs = super().get_queryset(request, *args).prefetch_related("files")
        return jobs.defer("manifest", "error_snapshot")


class SourceFilter(admin.SimpleListFilter):
    """By what is exported: a model or a registered export."""

    title = pgettext_lazy("export", "export")
    parameter_name = "source"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterator[tuple[str, str]]:
        jobs = model_admin.get_queryset(request).order_by("source")
        for source in jobs.values_list("source", flat=True).distinct():
            yield source, title_of(source)

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(source=self.value()) if self.value() else queryset


class DateFilter(admin.DateFieldListFilter):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.title = pgettext_lazy("export", "date")


class PersonFilter(admin.RelatedOnlyFieldListFilter):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.title = pgettext_lazy("export", "person")


def filters_for(user: Any) -> list[Any]:
    """By person only for those who see more than their own."""
    of_all = [("requested_by", PersonFilter)] if user.is_superuser else []
    return ["status", SourceFilter, ("created_at", DateFilter), *of_all]
