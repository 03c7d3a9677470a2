"""How people are told of an end: channels, webhooks, the address in a mail, pages of a link."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from importlib.util import find_spec
from typing import Any, Final
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.admin.sites import all_sites
from django.core.checks import CheckMessage
from django.core.exceptions import ValidationError
from django.core.validators import validate_slug

from exportapp.checks.words import message
from exportapp.conf import conf
from exportapp.exceptions import NoticeRefused
from exportapp.jobs.notices.channels import EMAIL, named_channel, names
from exportapp.jobs.notices.links import knows_site
from exportapp.jobs.notices.webhook import Webhook
from exportapp.models import MESSAGE, ExportJob
from exportapp.tables.sources import Source

MIDDLEWARE: Final = "exportapp.admin.notices.NoticeMiddleware"


def channels_wrong() -> Iterator[CheckMessage]:
    """Of settings that have the wrong shape, nothing else is said."""
    errors = [*_shapes()] or [*_webhooks(), *_hosts(), *_channels(), *_chosen(), *_site()]
    for name, error in errors:
        yield message("E020", name=f"EXPORTAPP_{name}", error=error)


def mail_without_site() -> Iterator[CheckMessage]:
    mails = EMAIL in conf.NOTIFY and EMAIL not in conf.CHANNELS
    if mails and not knows_site():
        yield message("E021")


def message_unseen() -> Iterator[CheckMessage]:
    if MESSAGE in conf.NOTIFY and MIDDLEWARE not in settings.MIDDLEWARE:
        yield message("W003", middleware=MIDDLEWARE)


def pages_missing() -> Iterator[CheckMessage]:
    for site in sorted(all_sites, key=lambda site: site.name):
        offered = [admin for admin in site._registry.values() if Source(admin).is_offered]
        if offered and not site.is_registered(ExportJob):
            named = type(offered[0])
            admin = f"{named.__module__}.{named.__qualname__}"
            yield message("E022", site=site.name, admin=admin)


Errors = Iterable[tuple[str, str]]


def _shapes() -> Errors:
    for name, shape, said in (
        ("NOTIFY", (list, tuple), "a tuple of names"),
        ("WEBHOOK_HOSTS", (list, tuple), "a tuple of hosts and networks"),
        ("WEBHOOKS", Mapping, "webhooks by name"),
        ("CHANNELS", Mapping, "dotted paths by name"),
    ):
        value: Any = getattr(conf, name)
        if not isinstance(value, shape):
            yield name, f"{value!r} is not {said}."


def _webhooks() -> Errors:
    if conf.WEBHOOKS and find_spec("httpx") is None:
        yield "WEBHOOKS", "webhooks need httpx: pip install 'exportapp[webhooks]'."
        return
    for name, told in conf.WEBHOOKS.items():
        if error := _misnamed(name, (MESSAGE, EMAIL)):
            yield "WEBHOOKS", error
        elif not isinstance(told, Mapping):
            yield "WEBHOOKS", f"'{name}' is no mapping with `url` and `secret`."
        elif error := _refusal(name, told):
            yield "WEBHOOKS", error


def _hosts() -> Errors:
    entries: Iterable[Any] = conf.WEBHOOK_HOSTS
    for entry in entries:
        if not isinstance(entry, str) or not entry or "://" in entry:
            yield "WEBHOOK_HOSTS", f"{entry!r} is neither the name of a host nor a network."


def _channels() -> Errors:
    for name, path in conf.CHANNELS.items():
        error = _misnamed(name, (MESSAGE, *conf.WEBHOOKS))
        try:
            named_channel(path)
        except (ImportError, TypeError, AttributeError) as wrong:
            error = error or f"'{name}' names {path!r}: {wrong}."
        if error:
            yield "CHANNELS", error


def _chosen() -> Errors:
    for name in conf.NOTIFY:
        if name not in names():
            yield "NOTIFY", f"there is no channel {name!r}. Valid: {', '.join(names())}."


def _site() -> Errors:
    url: Any = conf.SITE_URL
    if url is None:
        return
    parts = urlsplit(url) if isinstance(url, str) else None
    if parts is None or parts.scheme not in ("https", "http") or not parts.netloc:
        yield "SITE_URL", f"{url!r} is no address such as https://shop.example."


def _misnamed(name: Any, taken: Iterable[str]) -> str:
    try:
        validate_slug(name)
    except ValidationError:
        return f"{name!r} cannot be a name: take letters, digits, '-' and '_'."
    return f"the name '{name}' is taken." if name in taken else ""


def _refusal(name: str, told: Mapping[str, Any]) -> str:
    try:
        Webhook.from_settings(name, told)
    except NoticeRefused as error:
        return str(error)
    return ""
