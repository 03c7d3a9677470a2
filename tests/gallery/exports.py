"""Registered exports: parameters of every kind, rows by person, an order of their own."""

from __future__ import annotations

from django import forms
from django.contrib import admin
from django.db.models import Value
from django.db.models.functions import Concat

from exportapp import Column, Export, Sheet, register
from project.shop.models import Customer, Order, OrderLine, Product


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
        Column("note", permission="gallery.view_note"),
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


class BookedOrders(Sheet):
    """An order of its own, a method, and a column that asks for a permission."""

    name = "orders"
    title = "Orders"
    model = Order
    columns = (
        "number",
        "status",
        "created_at",
        "shout",
        Column("note", permission="gallery.view_note"),
    )

    def get_queryset(self, user, params):
        return Order.objects.filter(created_at__date__gte=params["since"]).order_by("-amount")

    @admin.display(description="Shout")
    def shout(self, order) -> str:
        if order.number in SILENT:
            raise ValueError(order.number)
        return order.number.upper() + "!"


class BookedLines(Sheet):
    """Read by COPY; its title is the model's."""

    name = "lines"
    model = OrderLine
    columns = (
        Column("order__number", title="Order"),
        "product",
        Column("unit_price", number_format='#,##0.00 "EUR"', align="right"),
        "quantity",
    )

    def get_queryset(self, user, params):
        return OrderLine.objects.filter(order__created_at__date__gte=params["since"])


class BookedCustomers(Sheet):
    """Nobody without the permission has any of its columns."""

    name = "customers"
    title = "Customers"
    model = Customer
    columns = (
        Column("name", permission="shop.view_customer"),
        Column("joined", permission="shop.view_customer", number_format="dd/mm/yyyy"),
    )

    def get_queryset(self, user, params):
        ordered = Order.objects.filter(created_at__date__gte=params["since"])
        return Customer.objects.filter(orders__in=ordered).distinct().order_by("name")


SILENT: set[str] = set()
"""The numbers of orders that cannot shout."""


@register
class OrderBook(Export):
    """Orders, their lines and who ordered, each on a sheet."""

    name = "order-book"
    title = "Order book"
    sheets = (BookedOrders, BookedLines, BookedCustomers)
    parameters = {"since": forms.DateField(label="Since")}
    filename = "book-{since}"
