"""From the name of a channel to what sends by it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, Protocol

from django.utils.module_loading import import_string
from django.utils.translation import gettext_lazy as _

from exportapp.conf import conf
from exportapp.exceptions import NoticeRefused
from exportapp.models import MESSAGE, ExportNotice

EMAIL: Final = "email"

Send = Callable[[ExportNotice], Any]


class Channel(Protocol):
    """What EXPORTAPP_CHANNELS names: such a class, made without arguments, or a mere function."""

    def send(self, notice: ExportNotice) -> Any:
        """Deliver it, or raise. What may pass is tried again (see docs/recovery.md, the table of
        errors); NoticeRefused says that no try will do. The notice's `id` is the same on every try.
        """


def names() -> list[str]:
    """All that there are; a channel of the project's named "email" takes the place of ours."""
    return list(dict.fromkeys([MESSAGE, EMAIL, *conf.WEBHOOKS, *conf.CHANNELS]))


def label_of(name: str) -> str:
    """What a person reads beside the box to tick."""
    if name in conf.CHANNELS:
        return str(getattr(import_string(conf.CHANNELS[name]), "label", name))
    if name in conf.WEBHOOKS:
        return str(conf.WEBHOOKS[name].get("label", name))
    return str({MESSAGE: _("A message in the admin"), EMAIL: _("An e-mail")}[name])


def sender(name: str) -> Send:
    """Raises NoticeRefused for a name that there is none of any more."""
    if name in conf.CHANNELS:
        return named_channel(conf.CHANNELS[name])
    if name in conf.WEBHOOKS:
        from exportapp.jobs.notices.webhook import Webhook

        return Webhook.of(name).send
    if name == EMAIL:
        from exportapp.jobs.notices.mail import send

        return send
    raise NoticeRefused(f"There is no channel '{name}'. Valid: {', '.join(names())}.")


def named_channel(path: str) -> Send:
    """Raises ImportError when there is no such thing, and TypeError when it cannot send."""
    named: Any = import_string(path)
    made = named() if isinstance(named, type) else named
    send = getattr(made, "send", made)
    if not callable(send):
        raise TypeError(f"{named!r} has no send(notice) and cannot be called")
    return send  # type: ignore[no-any-return]
