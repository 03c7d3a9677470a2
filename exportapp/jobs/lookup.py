"""Which template shows something of a model: the model's own, its app's, or the one that ships."""

from __future__ import annotations


def templates_for(source: str, name: str) -> list[str]:
    """The names to look for, the most particular first, as the admin does for its own pages.

    `source` is a model's label ("shop.Order") or the name of a registered export, `name` a file
    in templates/exportapp: "exportapp/shop/order/job.html", "exportapp/shop/job.html",
    "exportapp/job.html".
    """
    parts = source.lower().split(".")
    return ["/".join(["exportapp", *parts[:depth], name]) for depth in range(len(parts), -1, -1)]
