from __future__ import annotations

from django.urls import include, path, re_path
from rest_framework.routers import SimpleRouter

from exportapp.api.links import LinkViewSet
from exportapp.api.live import LiveViewSet
from exportapp.api.presets import ExportPresetViewSet
from exportapp.api.sources import ExportSourceViewSet
from exportapp.api.streaming import StreamViewSet
from exportapp.api.unknown import UnknownAddress
from exportapp.api.views import ExportViewSet
from exportapp.jobs.pump import abandonable

app_name = "exportapp_api"

router = SimpleRouter()
# First: the address of one export would take "presets" for its id.
router.register("exports/presets", ExportPresetViewSet, basename="preset")
router.register("exports/sources", ExportSourceViewSet, basename="source")
router.register("exports", ExportViewSet, basename="export")

urlpatterns = [
    path(
        "exports/stream/",
        abandonable(StreamViewSet.as_view({"get": "stream"})),
        name="export-stream",
    ),
    path("exports/<uuid:pk>/events/stream/", LiveViewSet.as_view({"get": "live"}), name="live"),
    path("exports/link/<str:token>/", LinkViewSet.as_view({"get": "open"}), name="link"),
    path("", include(router.urls)),
    # Last: whatever is left below our own address is a problem, and not the project's page.
    re_path(r"^exports/", UnknownAddress.as_view()),
]
