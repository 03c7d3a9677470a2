"""Registered exports: parameters of every kind, rows by person, an order of their own."""

from __future__ import annotations

from django import forms
from django.contrib import admin
from django.db.models import Value
from django.db.models.functions import Concat

from exportapp import Column, Export, register
from project.shop.models import Customer, Order, Product


@register
class PaidOrders(Export):
    """Ordered, with an annotation, a method and a column that asks for a permission."""

    name = "paid-orders"
    title = "Paid orders"
    description = "Orders of some states since a day."
    model = Order
    columns = (
        "number",
        Column("customer__name", title="Customer"),
        "status",
        "amount",
        "label",
        "shout",
        Column("note", permission="shop.view_note"),
    )
    parameters = {
        "since": forms.DateField(label="Since", help_text="The first day."),
        "status": forms.MultipleChoiceField(
            label="States", choices=Order.Status, initial=["paid"], required=False
        ),
        "gift": forms.BooleanField(label="Gifts only", required=False),
        "least": forms.DecimalField(label="Least amount", required=False, min_value=0),
    }
    permission = "shop.export_order"
    filename = "{name}-{since}"

    def get_queryset(self, user, params):
        rows = Order.objects.filter(created_at__date__gte=params["since"])
        rows = rows.annotate(label=Concat("number", Value("!")))
        if params["status"]:
            rows = rows.filter(status__in=params["status"])
        if params["gift"]:
            rows = rows.filter(gift=True)
        if params["least"] is not None:
            rows = rows.filter(amount__gte=params["least"])
        return rows.order_by("-amount")

    @admin.display(description="Shout")
    def shout(self, order) -> str:
        return order.number.upper() + "!"


@register
class OrdersOfCustomer(Export):
    """Its choice is narrowed to what a person may see in the admin."""

    name = "orders-of-customer"
    title = "Orders of a customer"
    model = Order
    columns = ("number", "customer")
    parameters = {"customer": forms.ModelChoiceField(Customer.objects.all(), label="Customer")}

    def get_queryset(self, user, params):
        return Order.objects.filter(customer=params["customer"])


@register
class PriceList(Export):
    """No order, no parameters and a right of its own: whoever is called Ann, and the operator."""

    name = "price-list"
    title = "Price list"
    model = Product
    columns = ("sku", "name", "price")

    def get_queryset(self, user, params):
        return Product.objects.order_by()

    def has_permission(self, user):
        return user.get_username() == "ann"
