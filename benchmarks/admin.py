from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import admin

from benchmarks.models import Sale
from benchmarks.seeding import COLUMNS
from exportapp.admin import ExportAdminMixin

if TYPE_CHECKING:
    ModelAdmin = admin.ModelAdmin[Sale]
else:
    ModelAdmin = admin.ModelAdmin


@admin.register(Sale)
class SaleAdmin(ExportAdminMixin, ModelAdmin):
    list_display = (*COLUMNS, "buyer")
    export_columns = COLUMNS
    ordering = ("id",)

    @admin.display(description="customer")
    def buyer(self, sale: Sale) -> str:
        """The same text as the column `customer`, but from a function of the instance."""
        return sale.customer
