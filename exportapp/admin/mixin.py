"""Export to Excel on the list of any model: an action for ticked rows and a button for all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.contrib.admin.views.main import ORDER_VAR
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.template.loader import select_template
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext_lazy as _
from openpyxl import Workbook

from exportapp.admin.asking import to_job
from exportapp.admin.carried import Carried, is_short, ticked
from exportapp.exceptions import NotAllowed, RequestRefused
from exportapp.jobs import lifecycle
from exportapp.jobs.rights import may_export
from exportapp.tables.exports import as_it_is
from exportapp.tables.selection import Selection, Viewer
from exportapp.tables.sources import Source
from exportapp.xlsx import Template

if TYPE_CHECKING:
    ModelAdmin = admin.ModelAdmin[Any]
else:
    ModelAdmin = object

ACTION = "export_to_excel"


class ExportAdminMixin(ModelAdmin):
    """Put it before `admin.ModelAdmin` in the bases.

    The button extends whatever template the list has: `change_list_template`, a template of the
    project, or another mixin's. That template must keep the block `object-tools`.
    """

    export_columns: Sequence[Any] | None = None
    """Lookup paths, `Column`s and callables; None exports what the list shows."""

    export_template: Template | str | None = None
    """A workbook to begin with: where it is, or its bytes. See docs/workbook.md."""

    export_asks = True
    """False starts the export at once; True asks first, for columns, format and file name."""

    export_offered = True
    """False withdraws the export and its permission from this model."""

    def __init__(self, model: Any, admin_site: admin.AdminSite) -> None:
        # A class that lists its own actions would otherwise lose this one; None stays "no actions".
        if self.actions is not None and ACTION not in self.actions:
            self.actions = [*self.actions, ACTION]
        super().__init__(model, admin_site)

    @as_it_is
    def export_workbook(self, workbook: Workbook) -> None:
        """Give the workbook its looks; it is an openpyxl Workbook without the data rows."""

    def has_export_permission(self, request: HttpRequest) -> bool:
        return may_export(request.user, Source(self))

    @admin.action(description=_("Export to Excel"), permissions=["export"])
    def export_to_excel(self, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse | None:
        if request.POST.get("select_across") == "1":
            return self._ask(request, query=dict(request.GET.lists()))
        # The ticks say which rows; of the page's parameters only the order still counts.
        query = {name: values for name, values in request.GET.lists() if name == ORDER_VAR}
        return self._ask(request, query=query, keys=ticked(request))

    def export_list_view(self, request: HttpRequest) -> HttpResponse:
        """All rows of the list with the filters, search and order of the query string."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        if not self.has_export_permission(request):
            raise PermissionDenied
        back = reverse(
            f"admin:{self.opts.app_label}_{self.opts.model_name}_changelist",
            current_app=self.admin_site.name,
        )
        # Refused filters are left behind: the list would refuse them as well.
        return self._ask(request, query=dict(request.GET.lists())) or HttpResponseRedirect(back)

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        response = super().changelist_view(request, extra_context)
        shown = getattr(response, "context_data", None) or {}
        if (
            isinstance(response, TemplateResponse)
            and "cl" in shown
            and self.has_export_permission(request)
        ):
            names: Any = response.template_name
            # The parent is whatever was going to be shown, so no setting of a template is lost.
            shown["export_parent"] = select_template([names] if isinstance(names, str) else names)
            shown["export_url_name"] = f"{self.admin_site.name}:{self._url_name}"
            if self.export_asks:
                every = Carried.from_list(dict(request.GET.lists()))
                shown["export_address"] = every.address(self._asking_page)
            response.template_name = "exportapp/change_list.html"
        return response

    def get_urls(self) -> list[URLPattern]:
        export = path(
            "export-to-excel/",
            self.admin_site.admin_view(self.export_list_view),
            name=self._url_name,
        )
        return [export, *super().get_urls()]

    @property
    def _url_name(self) -> str:
        return f"{self.opts.app_label}_{self.opts.model_name}_{ACTION}"

    @property
    def _asking_page(self) -> str:
        name = "admin:exportapp_exportjob_ask"
        return reverse(name, args=[self.opts.label], current_app=self.admin_site.name)

    def _ask(
        self,
        request: HttpRequest,
        query: dict[str, list[str]],
        keys: tuple[str, ...] | None = None,
    ) -> HttpResponse | None:
        """Go to the page that asks, or start at once; None, with a message, when refused."""
        if not self.export_asks:
            return self._start(request, query, keys)
        carried = Carried.from_list(query, keys)
        address = carried.address(self._asking_page)
        if is_short(address):
            return HttpResponseRedirect(address)
        # The browser sends the form of the list once more, there.
        page = replace(carried, keys=None).address(self._asking_page)
        return HttpResponseRedirect(page, preserve_request=keys is not None)

    def _start(
        self, request: HttpRequest, query: dict[str, list[str]], keys: tuple[str, ...] | None
    ) -> HttpResponse | None:
        asked = Selection(source=self.opts.label, site=self.admin_site.name, query=query, keys=keys)
        try:
            traceparent = request.headers.get("traceparent")
            viewer = Viewer.now(request.user)
            job, is_new = lifecycle.create(asked, viewer, traceparent=traceparent)
        except (RequestRefused, NotAllowed) as error:
            self.message_user(request, str(error), messages.ERROR)
            return None
        return to_job(request, self.admin_site, job, is_new)
