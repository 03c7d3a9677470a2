"""Lists in pages that hold still: a new export moves no other to the next page."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import FieldDoesNotExist, ValidationError
from django.utils.translation import gettext as _
from rest_framework import serializers
from rest_framework.exceptions import NotFound
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request

PAGE_SIZE = 20
MAX_PAGE_SIZE = 200


class Pages(CursorPagination):
    """`ordering` is said by each list; the last name in it must be unique."""

    page_size = PAGE_SIZE
    page_size_query_param = "page_size"
    max_page_size = MAX_PAGE_SIZE

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> Any:
        self._model = queryset.model
        return super().paginate_queryset(queryset, request, view)

    def decode_cursor(self, request: Request) -> Any:
        """Raises ValidationError for a cursor that no link of ours has."""
        try:
            cursor = super().decode_cursor(request)
            if cursor is not None and cursor.position is not None:
                self._check(str(cursor.position))
        except (NotFound, FieldDoesNotExist, ValidationError, ValueError, OverflowError) as error:
            told = _("This is no cursor: take it from `next` or `previous` of an answer.")
            raise serializers.ValidationError({"cursor": [told]}) from error
        return cursor

    def _check(self, position: str) -> None:
        """The framework hands it to the database as it is."""
        name = self.ordering[0].lstrip("-")
        opts = self._model._meta
        field = opts.pk if name == "pk" else opts.get_field(name)
        field.to_python(position)
        if "\0" in position:
            raise ValueError(position)
