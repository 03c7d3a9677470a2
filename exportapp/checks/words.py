"""What the checks say to people, by id. docs/checks.md explains each."""

from __future__ import annotations

from typing import Any, Final

from django.core.checks import CheckMessage, Error, Warning

WORKER: Final = "exportapp.jobs.worker.ExportWorker"

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
    "E012": (
        "{name} names '{path}': {error}",
        "Name {valid} by its dotted path, or remove it.",
    ),
    "E013": (
        "{export} is registered as '{name}': {error}",
        "Give each export a `name` of its own, of letters, digits, '-' and '_'.",
    ),
    "E014": ("{export} says no {what}.", "Set `{what}` on the class."),
    "E015": (
        "The parameter '{parameter}' of {export} is wrong: {error}",
        "Declare parameters as Django form fields with plain values, such as "
        "{{'since': forms.DateField(label=_('Since'))}}.",
    ),
    "E016": (
        "{export} cannot be exported: {error}",
        "Correct its `columns`, its `filename` or its get_queryset().",
    ),
    "E017": (
        "{where} asks for the permission '{name}', which no model has.{guess}",
        "Correct it, or name it in Meta.permissions of a model. For one that only a backend of "
        "yours knows give a function of the user instead; an export has has_permission().",
    ),
    "E018": (
        "The sheets of {export} are wrong: {error}",
        "Name classes of exportapp.Sheet in `sheets`, each with a `name` of its own, of letters, "
        "digits, '-' and '_'.",
    ),
    "E020": ("{name}: {error}", "Correct {name}; docs/notifications.md shows each setting."),
    "E021": (
        "EXPORTAPP_NOTIFY has 'email', and nothing says where the link in a mail leads.",
        "Set EXPORTAPP_SITE_URL, such as 'https://shop.example', or install django.contrib.sites.",
    ),
    "E022": (
        "The admin site '{site}' offers an export ({admin}) and has no pages of exports.",
        "Register them there: site.register(ExportJob, ExportJobAdmin).",
    ),
    "E023": (
        "EXPORTAPP_RESULTS is {alias!r}, and that storage cannot be used: {error}",
        "Add STORAGES['{alias}'] or correct EXPORTAPP_RESULTS; \"\" leaves files where they are "
        "made. storages.backends.s3.S3Storage needs pip install 'exportapp[s3]'.",
    ),
    "E024": (
        "STORAGES['{alias}'] gives its objects the ACL '{acl}': anybody could have them.",
        "Remove default_acl, and ACL from object_parameters; downloads go through checked views.",
    ),
    "W001": ("{name} is no setting of exportapp.{guess}", "Valid: {valid}."),
    "W002": (
        "RQ['WORKER_CLASS'] is {worker}, which is no ExportWorker.",
        f"Let WORKER_CLASS in RQ be {WORKER}, or start workers with that --worker-class: "
        "a plain one kills exports where this one hands them over.",
    ),
    "W003": (
        "EXPORTAPP_NOTIFY has 'message', and nothing shows messages: {middleware} is missing.",
        "Add it to MIDDLEWARE, or take 'message' out of EXPORTAPP_NOTIFY.",
    ),
}


def message(number: str, **values: Any) -> CheckMessage:
    level = Error if number.startswith("E") else Warning
    text, hint = (words.format(**values) for words in WORDS[number])
    return level(text, hint=hint, id=f"exportapp.{number}")


def path_of(instance: Any) -> str:
    """Where its class is: "shop.exports.PaidOrders"."""
    return f"{type(instance).__module__}.{type(instance).__qualname__}"
