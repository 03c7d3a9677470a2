"""A site beside the usual one, as a project has it that divides its staff."""

from __future__ import annotations

from django.contrib import admin
from django.urls import include, path

from exportapp.admin import ExportJobAdmin
from exportapp.models import ExportJob

staff = admin.AdminSite(name="staff")
staff.register(ExportJob, ExportJobAdmin)

urlpatterns = [
    path("admin/", admin.site.urls),
    path("staff/", staff.urls),
    path("queues/", include("django_rq.urls")),
]
