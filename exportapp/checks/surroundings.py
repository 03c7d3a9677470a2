"""What exportapp stands on: apps, storage, cache, queue, workers, and the columns of admins."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from django.apps import apps
from django.conf import settings
from django.contrib.admin.sites import all_sites
from django.core.cache import InvalidCacheBackendError, caches
from django.core.checks import CheckMessage
from django.core.exceptions import ImproperlyConfigured
from django.core.files.storage import FileSystemStorage, InvalidStorageError, storages
from django.utils import timezone
from django.utils.module_loading import import_string
from django_redis.cache import RedisCache

from exportapp.checks.words import WORKER, message
from exportapp.conf import conf
from exportapp.exceptions import RequestRefused
from exportapp.tables.selection import Operator, Viewer
from exportapp.tables.sources import Source

NEEDED_APPS: Final = (
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django_htmx",
    "django_rq",
)


def apps_missing() -> Iterator[CheckMessage]:
    for app in NEEDED_APPS:
        if not apps.is_installed(app):
            yield message("E001", app=app)


def storage_unfit() -> Iterator[CheckMessage]:
    alias = conf.STORAGE
    try:
        storage = storages[alias]
    except InvalidStorageError as error:
        yield message("E002", alias=alias, error=error)
        return
    if not isinstance(storage, FileSystemStorage):
        yield message("E003", alias=alias, kind=type(storage).__name__)
        return
    yield from _reachable(alias, storage)


def _reachable(alias: str, storage: FileSystemStorage) -> Iterator[CheckMessage]:
    """Ways to its files past the views that ask the rights."""
    setting = _public_folder(storage)
    if setting:
        yield message("E004", alias=alias, location=storage.location, setting=setting)
    url = settings.STORAGES[alias].get("OPTIONS", {}).get("base_url")
    if url:
        yield message("E005", alias=alias, url=url)


def results_unfit() -> Iterator[CheckMessage]:
    alias: Any = conf.RESULTS
    if alias in ("", conf.STORAGE):
        return
    try:
        storage = storages[alias] if isinstance(alias, str) else storages[repr(alias)]
    except (InvalidStorageError, ImproperlyConfigured) as error:
        yield message("E023", alias=alias, error=error)
        return
    acl = getattr(storage, "default_acl", None)
    acl = getattr(storage, "object_parameters", {}).get("ACL", acl)
    if isinstance(acl, str) and acl.startswith("public"):
        yield message("E024", alias=alias, acl=acl)
    if isinstance(storage, FileSystemStorage):
        yield from _reachable(alias, storage)


def cache_unfit() -> Iterator[CheckMessage]:
    alias = conf.CACHE
    try:
        cache = caches[alias]
    except InvalidCacheBackendError as error:
        yield message("E006", alias=alias, error=error)
        return
    if not isinstance(cache, RedisCache):
        yield message("E007", alias=alias, kind=type(cache).__name__)


def queue_missing() -> Iterator[CheckMessage]:
    known = getattr(settings, "RQ_QUEUES", {})
    if conf.QUEUE not in known:
        yield message("E008", queue=conf.QUEUE, known=", ".join(known) or "there is none yet")


def columns_wrong() -> Iterator[CheckMessage]:
    admins = [model_admin for site in all_sites for model_admin in site._registry.values()]
    language, time_zone = settings.LANGUAGE_CODE, timezone.get_default_timezone_name()
    viewer = Viewer(user=Operator(), language=language, time_zone=time_zone)
    for source in map(Source, admins):
        error = _refusal(source, viewer) if source.is_offered else None
        if error:
            kind = type(source.model_admin)
            named = f"{kind.__module__}.{kind.__qualname__}"
            yield message("E011", admin=named, error=error)


def worker_plain() -> Iterator[CheckMessage]:
    named = getattr(settings, "RQ", {}).get("WORKER_CLASS", "rq.Worker")
    try:
        worker = import_string(named) if isinstance(named, str) else named
    except ImportError:
        worker = None
    if worker is None or not issubclass(worker, import_string(WORKER)):
        yield message("W002", worker=named)


def _public_folder(storage: FileSystemStorage) -> str | None:
    """The setting of the folder that web servers serve and this storage lies in."""
    location = Path(storage.location)
    # Without a location it is MEDIA_ROOT, and that is the working folder where it is not set.
    if location == Path(FileSystemStorage().location):
        return "MEDIA_ROOT"
    for setting in ("MEDIA_ROOT", "STATIC_ROOT"):
        root = getattr(settings, setting)
        if root and location.is_relative_to(os.path.abspath(root)):
            return setting
    return None


def _refusal(source: Source, viewer: Viewer) -> RequestRefused | None:
    try:
        source.columns(None, viewer)
    except RequestRefused as error:
        return error
    except Exception:
        # A ModelAdmin's own get_queryset may need a real person; only a request can tell then.
        return None
    return None
