"""Where finished files are: the storages of Django that they may be carried to."""

from __future__ import annotations

from django.core.exceptions import ImproperlyConfigured
from django.core.files.storage import InvalidStorageError, Storage, storages

from exportapp.conf import conf
from exportapp.exceptions import StorageRefused
from exportapp.jobs.objects.interface import Objects
from exportapp.jobs.objects.plain import Plain


def results_alias() -> str:
    """The storage that finished files are carried to; empty where they stay."""
    return "" if conf.RESULTS == conf.STORAGE else conf.RESULTS


def objects_in(alias: str) -> Objects:
    """The storage of this alias. Raises StorageRefused where there is none that works."""
    try:
        storage = storages[alias]
    except (InvalidStorageError, ImproperlyConfigured) as error:
        raise StorageRefused(f"STORAGES['{alias}'] cannot be used: {error}") from error
    return _s3(storage) or Plain(storage)


def _s3(storage: Storage) -> Objects | None:
    try:
        from storages.backends.s3 import S3Storage
    except (ImportError, ImproperlyConfigured):
        # django-storages says the second where boto3 is missing.
        return None
    if not isinstance(storage, S3Storage):
        return None
    from exportapp.jobs.objects.s3 import S3

    return S3(storage)
