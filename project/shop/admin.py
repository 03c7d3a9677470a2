from __future__ import annotations

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from exportapp import Column
from exportapp.admin import ExportAdminMixin
from project.shop.models import Customer, Order, OrderLine, Product


@admin.register(Customer)
class CustomerAdmin(ExportAdminMixin, admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ("name", "email", "country", "vip", "joined")
    list_filter = ("vip", "country")
    search_fields = ("name", "email")


@admin.register(Product)
class ProductAdmin(ExportAdminMixin, admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ("sku", "name", "price", "weight")
    search_fields = ("sku", "name")


@admin.register(Order)
class OrderAdmin(ExportAdminMixin, admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = (
        "number",
        "customer",
        "status",
        "amount",
        "currency",
        "paid_at",
        "created_at",
        "reference",
        "ledger_no",
        "gift",
        "note",
    )
    list_display_links = ("number",)
    list_filter = ("status", "gift", "currency", "created_at")
    list_select_related = ("customer",)
    search_fields = ("number", "reference", "customer__name", "note")
    date_hierarchy = "created_at"
    autocomplete_fields = ("customer",)


@admin.register(OrderLine)
class OrderLineAdmin(ExportAdminMixin, admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ("order", "product", "quantity", "unit_price", "discount", "total")
    list_select_related = ("order", "product")
    search_fields = ("order__number", "product__name")
    autocomplete_fields = ("order", "product")
    # The shape a developer writes: lookup paths, a title and width, and a method of the admin.
    export_columns = (
        "order__number",
        Column("order__customer__name", title=_("Customer"), width=30),
        "product__sku",
        "product",
        "quantity",
        "unit_price",
        "discount",
        "total",
    )

    @admin.display(description=_("total"))
    def total(self, line: OrderLine) -> object:
        return line.quantity * line.unit_price - (line.discount or 0)
