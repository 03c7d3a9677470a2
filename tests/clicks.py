"""From a list of the admin to the export, as a person clicks."""

from __future__ import annotations

from typing import Any

from django.test import Client


def click_through(client: Client, address: str, form: Any = None, **more: Any) -> Any:
    """Press the button or the action, and then the first button of the page that asks."""
    asking = client.post(address, form or {})
    return client.post(asking.headers["Location"], **more)
