from __future__ import annotations

from django.apps import AppConfig
from django.db.models.signals import post_migrate
from django.utils.module_loading import autodiscover_modules
from django.utils.translation import pgettext_lazy


class ExportAppConfig(AppConfig):
    name = "exportapp"
    verbose_name = pgettext_lazy("export", "Exports")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from exportapp import checks  # noqa: F401  (registers the system checks)
        from exportapp.jobs.rights import create_export_permissions

        autodiscover_modules("exports")
        post_migrate.connect(
            create_export_permissions, dispatch_uid="exportapp.create_export_permissions"
        )
