"""System checks: what the first export would otherwise find out.

Finders say what is wrong with which names; `WORDS` says it to people. docs/checks.md explains
each id.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from difflib import get_close_matches
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final, get_args

from django.apps import apps
from django.conf import settings
from django.contrib.admin.sites import all_sites
from django.core.cache import InvalidCacheBackendError, caches
from django.core.checks import CheckMessage, Error, Warning, register
from django.core.files.storage import FileSystemStorage, InvalidStorageError, storages
from django.utils import timezone
from django.utils.module_loading import import_string
from django_redis.cache import RedisCache

from exportapp.conf import Settings, conf
from exportapp.exceptions import RequestRefused
from exportapp.tables.readers import Policy
from exportapp.tables.selection import Operator, Viewer
from exportapp.tables.sources import Source
from exportapp.xlsx import MAX_ROWS

PREFIX: Final = "EXPORTAPP_"
WORKER: Final = "exportapp.jobs.worker.ExportWorker"
NEEDED_APPS: Final = (
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django_htmx",
    "django_rq",
)
CHOICES: Final = {"BAD_VALUES": get_args(Policy), "READER": ("auto", "orm")}
RANGES: Final[dict[str, tuple[float, float]]] = {
    # ISA-L has four levels, zlib ten.
    "DEFLATE_LEVEL": (0, 3 if find_spec("isal") else 9),
    # One row is the header's.
    "SHEET_ROWS": (1, MAX_ROWS - 1),
}
"""The smallest and the largest value; any other number must be above 0."""

SHORTER: Final = {"BEAT_SECONDS": "LEASE_SECONDS", "SLICE_SECONDS": "JOB_TIMEOUT"}
"""Each must be less than the other: else leases of the living run out, and RQ kills good work."""

WORDS: Final[dict[str, tuple[str, str]]] = {
    "E001": ("'{app}' is not in INSTALLED_APPS.", "Add '{app}' to INSTALLED_APPS."),
    "E002": (
        "The storage of the exports cannot be used: {error}",
        "Add STORAGES['{alias}'] with the backend exportapp.jobs.files.PrivateFileStorage and a "
        "location that all workers and web processes share.",
    ),
    "E003": (
        "STORAGES['{alias}'] is a {kind}, which is no FileSystemStorage.",
        "Use exportapp.jobs.files.PrivateFileStorage: files are renamed and fsynced in place.",
    ),
    "E004": (
        "Exports would lie in {location}, which is inside {setting}.",
        "Give STORAGES['{alias}'] a location of its own that no web server serves.",
    ),
    "E005": (
        "STORAGES['{alias}'] has the base_url '{url}': files could be had without a right.",
        "Remove base_url from its OPTIONS; downloads go through views that ask the rights.",
    ),
    "E006": (
        "The cache of the anchors cannot be used: {error}",
        "Add CACHES['{alias}'] with the backend django_redis.cache.RedisCache.",
    ),
    "E007": (
        "CACHES['{alias}'] is a {kind}, which is not django-redis: nobody sees live progress.",
        "Use django_redis.cache.RedisCache, or name such an alias in EXPORTAPP_CACHE.",
    ),
    "E008": (
        "The queue '{queue}' is not in RQ_QUEUES.",
        "Add RQ_QUEUES['{queue}'], or name one of these in EXPORTAPP_QUEUE: {known}.",
    ),
    "E009": ("{name} is {value!r}. Valid: {valid}.", "Correct {name} or remove it."),
    "E010": ("{name} is {value}, not less than {other} ({limit}).", "Lower {name}."),
    "E011": (
        "{admin} cannot be exported: {error}",
        "Correct export_columns, or list_display where there is none.",
    ),
    "W001": ("{name} is no setting of exportapp.{guess}", "Valid: {valid}."),
    "W002": (
        "RQ['WORKER_CLASS'] is {worker}, which is no ExportWorker.",
        f"Let WORKER_CLASS in RQ be {WORKER}, or start workers with that --worker-class: "
        "a plain one kills exports where this one hands them over.",
    ),
}


def apps_missing() -> Iterator[CheckMessage]:
    for app in NEEDED_APPS:
        if not apps.is_installed(app):
            yield _message("E001", app=app)


def storage_unfit() -> Iterator[CheckMessage]:
    alias = conf.STORAGE
    try:
        storage = storages[alias]
    except InvalidStorageError as error:
        yield _message("E002", alias=alias, error=error)
        return
    if not isinstance(storage, FileSystemStorage):
        yield _message("E003", alias=alias, kind=type(storage).__name__)
        return
    setting = _public_folder(storage)
    if setting:
        yield _message("E004", alias=alias, location=storage.location, setting=setting)
    url = settings.STORAGES[alias].get("OPTIONS", {}).get("base_url")
    if url:
        yield _message("E005", alias=alias, url=url)


def cache_unfit() -> Iterator[CheckMessage]:
    alias = conf.CACHE
    try:
        cache = caches[alias]
    except InvalidCacheBackendError as error:
        yield _message("E006", alias=alias, error=error)
        return
    if not isinstance(cache, RedisCache):
        yield _message("E007", alias=alias, kind=type(cache).__name__)


def queue_missing() -> Iterator[CheckMessage]:
    known = getattr(settings, "RQ_QUEUES", {})
    if conf.QUEUE not in known:
        yield _message("E008", queue=conf.QUEUE, known=", ".join(known) or "there is none yet")


def values_out_of_range() -> Iterator[CheckMessage]:
    for name, default in vars(Settings).items():
        if name.isupper() and (valid := _out_of_range(name, default, getattr(conf, name))):
            yield _message("E009", name=PREFIX + name, value=getattr(conf, name), valid=valid)


def values_at_odds() -> Iterator[CheckMessage]:
    for name, other in SHORTER.items():
        value, limit = getattr(conf, name), getattr(conf, other)
        if _is_number(value) and _is_number(limit) and value >= limit:
            yield _message(
                "E010", name=PREFIX + name, value=value, other=PREFIX + other, limit=limit
            )


def columns_wrong() -> Iterator[CheckMessage]:
    admins = [model_admin for site in all_sites for model_admin in site._registry.values()]
    language, time_zone = settings.LANGUAGE_CODE, timezone.get_default_timezone_name()
    viewer = Viewer(user=Operator(), language=language, time_zone=time_zone)
    for source in map(Source, admins):
        error = _refusal(source, viewer) if source.is_offered else None
        if error:
            kind = type(source.model_admin)
            named = f"{kind.__module__}.{kind.__qualname__}"
            yield _message("E011", admin=named, error=error)


def names_unknown() -> Iterator[CheckMessage]:
    valid = [PREFIX + name for name in vars(Settings) if name.isupper()]
    for name in dir(settings):
        if name.startswith(PREFIX) and name not in valid:
            close = get_close_matches(name, valid, n=1)
            guess = f" Did you mean {close[0]}?" if close else ""
            yield _message("W001", name=name, guess=guess, valid=", ".join(valid))


def worker_plain() -> Iterator[CheckMessage]:
    named = getattr(settings, "RQ", {}).get("WORKER_CLASS", "rq.Worker")
    try:
        worker = import_string(named) if isinstance(named, str) else named
    except ImportError:
        worker = None
    if worker is None or not issubclass(worker, import_string(WORKER)):
        yield _message("W002", worker=named)


FINDERS: Final[tuple[Callable[[], Iterator[CheckMessage]], ...]] = (
    apps_missing,
    storage_unfit,
    cache_unfit,
    queue_missing,
    values_out_of_range,
    values_at_odds,
    columns_wrong,
    names_unknown,
    worker_plain,
)


@register
def check_exportapp(app_configs: Any = None, **kwargs: Any) -> list[CheckMessage]:
    return [message for find in FINDERS for message in find()]


def _message(number: str, **values: Any) -> CheckMessage:
    level = Error if number.startswith("E") else Warning
    text, hint = (words.format(**values) for words in WORDS[number])
    return level(text, hint=hint, id=f"exportapp.{number}")


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


def _out_of_range(name: str, default: Any, value: Any) -> str | None:
    """What would be right, where `value` is wrong."""
    if name in CHOICES:
        return None if value in CHOICES[name] else ", ".join(CHOICES[name])
    if isinstance(default, str):
        return None if isinstance(value, str) and value else "a name"
    if value is None and default is None:
        return None
    least, most = RANGES.get(name, (0, float("inf")))
    fits = _is_number(value) and (least <= value <= most if name in RANGES else value > 0)
    wanted = f"{least} to {most}" if name in RANGES else "a number above 0"
    return None if fits else wanted


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _refusal(source: Source, viewer: Viewer) -> RequestRefused | None:
    try:
        source.columns(None, viewer)
    except RequestRefused as error:
        return error
    except Exception:
        # A ModelAdmin's own get_queryset may need a real person; only a request can tell then.
        return None
    return None
