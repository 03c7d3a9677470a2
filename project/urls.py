from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.shortcuts import redirect
from django.templatetags.static import static
from django.urls import include, path
from django.views.generic import RedirectView
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from project.health import healthz


def favicon(request: HttpRequest) -> Any:
    """What browsers ask for on pages that name no picture."""
    return redirect(static("exportapp/icons/succeeded.svg"))


urlpatterns = [
    path("", RedirectView.as_view(pattern_name="admin:index")),
    path("admin/", admin.site.urls),
    path("api/schema/", SpectacularAPIView.as_view(), name="schema"),
    # Its script comes apart from the page, so a strict Content-Security-Policy lets it run.
    path("api/docs/", SpectacularSwaggerSplitView.as_view(url_name="schema"), name="api-docs"),
    path("api/", include("exportapp.api.urls")),
    path("i18n/", include("django.conf.urls.i18n")),
    path("healthz", healthz),
    path("favicon.ico", favicon),
    path("", include("django_prometheus.urls")),  # /metrics
]
