"""What all endpoints share: a project's settings for its own views must not change ours."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, TypeVar

from rest_framework.generics import GenericAPIView
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.permissions import IsAuthenticated
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import BaseThrottle
from rest_framework.views import APIView
from rest_framework.viewsets import ViewSetMixin

from exportapp.api.bodies import BoundedJSON
from exportapp.api.options import Strict
from exportapp.api.pages import Pages
from exportapp.api.problems import MEDIA_TYPE, Problem, problem_handler
from exportapp.api.throttles import PersonThrottle

Asked = TypeVar("Asked", bound=Strict)


def problems(*statuses: int) -> dict[Any, Any]:
    return {(status, MEDIA_TYPE): Problem for status in statuses}


class AlwaysJSON(DefaultContentNegotiation):
    """Whoever accepts nothing but a workbook gets one, and its errors as JSON all the same."""

    def select_renderer(self, request: Request, renderers: Any, format_suffix: Any = None) -> Any:
        return renderers[0], renderers[0].media_type


class OwnView(APIView):
    """Who signs in how is the project's; everything else is said here."""

    permission_classes = [IsAuthenticated]
    parser_classes = [BoundedJSON]
    renderer_classes = [JSONRenderer]
    content_negotiation_class = AlwaysJSON
    versioning_class = None
    scopes: ClassVar[dict[str, str]] = {}
    """The scope of EXPORTAPP_API_RATES of each action that has one."""

    def get_exception_handler(self) -> Callable[..., Response]:
        return problem_handler

    def get_throttles(self) -> list[BaseThrottle]:
        scope = self.scopes.get(getattr(self, "action", None) or "")
        return [PersonThrottle(scope)] if scope else []

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        """Answers are one person's: kept by nobody else, and by that person only to ask again."""
        found = super().finalize_response(request, response, *args, **kwargs)
        found.headers.setdefault("Cache-Control", "private, no-cache")
        return found


class OwnViewSet(ViewSetMixin, OwnView, GenericAPIView[Any]):
    pagination_class: Any = Pages
    filter_backends = []

    def paged(self, rows: Any, *order: str) -> Response:
        """One page of `rows` in this order, of which the last name is unique."""
        pages: Any = self.paginator
        pages.ordering = order
        page = self.paginate_queryset(rows)
        return self.get_paginated_response(self.get_serializer(page, many=True).data)

    def asked(self, query_class: type[Asked]) -> Asked:
        """The query string, checked. Raises ValidationError, naming what there is."""
        query = query_class(data=self.request.query_params)
        query.is_valid(raise_exception=True)
        return query
