"""A shop whose rows have what makes exports hard: long IDs, NULLs, ties in the sort order,
choices, relations and text in every script."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from project.shop.countries import Country


class Customer(models.Model):
    name = models.CharField(_("name"), max_length=200)
    email = models.EmailField(_("email"))
    country = models.CharField(_("country"), max_length=2, choices=Country)
    vip = models.BooleanField(_("VIP"), default=False)
    joined = models.DateField(_("joined"))

    class Meta:
        verbose_name = _("customer")
        verbose_name_plural = _("customers")

    def __str__(self) -> str:
        return self.name


class Product(models.Model):
    sku = models.CharField(_("SKU"), max_length=20, unique=True)
    name = models.CharField(_("name"), max_length=200)
    price = models.DecimalField(_("price"), max_digits=10, decimal_places=2)
    weight = models.FloatField(_("weight in kg"))

    class Meta:
        verbose_name = _("product")
        verbose_name_plural = _("products")

    def __str__(self) -> str:
        return self.name


class Order(models.Model):
    class Status(models.TextChoices):
        NEW = "new", _("New")
        PAID = "paid", _("Paid")
        PACKED = "packed", _("Packed")
        SHIPPED = "shipped", _("Shipped")
        RETURNED = "returned", _("Returned")
        CANCELLED = "cancelled", _("Cancelled")

    number = models.CharField(_("number"), max_length=20, unique=True)
    customer = models.ForeignKey(
        Customer, models.PROTECT, related_name="orders", verbose_name=_("customer")
    )
    status = models.CharField(_("status"), max_length=10, choices=Status, db_index=True)
    amount = models.DecimalField(_("amount"), max_digits=12, decimal_places=2)
    currency = models.CharField(_("currency"), max_length=3)
    paid_at = models.DateTimeField(_("paid at"), null=True, blank=True)
    created_at = models.DateTimeField(_("created at"))
    reference = models.CharField(_("payment reference"), max_length=20)
    """16 to 20 digits: more than a spreadsheet's number holds."""
    ledger_no = models.BigIntegerField(_("ledger number"))
    """Up to 18 digits in some rows."""
    gift = models.BooleanField(_("gift"), default=False)
    # NULL tells "no note" from an empty one; exports must cope with both.
    note = models.TextField(_("note"), null=True, blank=True)  # noqa: DJ001

    class Meta:
        verbose_name = _("order")
        verbose_name_plural = _("orders")
        ordering = ("-created_at", "-id")
        indexes = [
            # Serves the admin's default order and the key ranges of an export in one walk.
            models.Index(fields=("-created_at", "-id"), name="shop_order_newest"),
        ]

    def __str__(self) -> str:
        return self.number


class OrderLine(models.Model):
    order = models.ForeignKey(Order, models.CASCADE, related_name="lines", verbose_name=_("order"))
    product = models.ForeignKey(Product, models.PROTECT, verbose_name=_("product"))
    quantity = models.PositiveIntegerField(_("quantity"))
    unit_price = models.DecimalField(_("unit price"), max_digits=10, decimal_places=2)
    discount = models.DecimalField(
        _("discount"), max_digits=10, decimal_places=2, null=True, blank=True
    )

    class Meta:
        verbose_name = _("order line")
        verbose_name_plural = _("order lines")

    def __str__(self) -> str:
        return f"{self.quantity} × {self.product_id}"
