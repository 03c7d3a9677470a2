from __future__ import annotations

from django.urls import include, path
from rest_framework.routers import SimpleRouter

from exportapp.api.views import ExportViewSet

app_name = "exportapp_api"

router = SimpleRouter()
router.register("exports", ExportViewSet, basename="export")

urlpatterns = [path("", include(router.urls))]
