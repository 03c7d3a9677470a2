"""Addresses that lead nowhere."""

from __future__ import annotations

from typing import Any, NoReturn

from django.urls import Resolver404, resolve
from django.utils.translation import gettext as _
from rest_framework.exceptions import NotFound
from rest_framework.request import Request

from exportapp.api.base import OwnView


class UnknownAddress(OwnView):
    """404 for everybody and every method: there is nothing that anybody might have."""

    authentication_classes = []
    permission_classes = []
    schema = None

    def dispatch(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        self.http_method_names = [str(request.method).lower()]
        setattr(self, self.http_method_names[0], self._refuse)
        return super().dispatch(request, *args, **kwargs)

    def _refuse(self, request: Request, *args: Any, **kwargs: Any) -> NoReturn:
        path = request.path
        if not path.endswith("/") and _leads_somewhere(f"{path}/"):
            told = _("There is nothing at {path}. Addresses end with a slash: {path}/.")
        else:
            told = _("There is nothing at {path}; the schema lists what there is.")
        raise NotFound(told.format(path=path))


def _leads_somewhere(path: str) -> bool:
    try:
        view: Any = resolve(path).func
    except Resolver404:
        return False
    return getattr(view, "view_class", None) is not UnknownAddress
