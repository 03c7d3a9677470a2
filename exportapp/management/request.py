from __future__ import annotations

import contextlib
import uuid
from collections.abc import Sequence
from typing import Any

from django.contrib.auth import get_user_model

from exportapp.exceptions import RequestRefused, UnknownName
from exportapp.jobs.presets import Recipe, preset_named, recipe
from exportapp.jobs.rights import source_for
from exportapp.models import ExportJob
from exportapp.tables.selection import Operator, Selection, Viewer


def selection(options: dict[str, Any]) -> Selection:
    """What the arguments ask for. Raises RequestRefused for a filter that is not `name=value`."""
    query: dict[str, list[str]] = {}
    for given in options["filter"]:
        name, equals, value = given.partition("=")
        if not (name and equals):
            raise RequestRefused(f"--filter takes name=value, such as status=paid; not '{given}'.")
        query.setdefault(name, []).append(value)
    if options["search"]:
        query["q"] = [options["search"]]
    return Selection(
        source=options["model"],
        query=query,
        order=_names(options["order"]),
        columns=_names(options["columns"]) or None,
        parameters=_named("--param", "since=2026-01-31", options["param"]),
        titles=_texts("--title", "number=No.", options["title"]),
        codes=options["codes"],
    )


def recipe_of(options: dict[str, Any], viewer: Viewer) -> Recipe:
    """The selection and the policy, of a preset where one is named; what is said comes first."""
    asked = selection(options)
    if options["preset"] is None:
        return Recipe(asked, options["policy"], (), _of_file(options), options["notify"])
    source = source_for(viewer.user, asked.source)
    found = recipe(preset_named(viewer.user, source, options["preset"]), viewer, asked)
    return found.with_said(options["policy"], _of_file(options), options["notify"])


def viewer(username: str | None) -> Viewer:
    """The person to export as; without a name the operator, who may export everything."""
    user: Any = Operator()
    if username is not None:
        users = get_user_model()._default_manager
        try:
            user = users.get_by_natural_key(username)
        except get_user_model().DoesNotExist as error:
            raise UnknownName("user", username, ()) from error
    return Viewer.now(user)


def with_orders_joined(argv: Sequence[str]) -> list[str]:
    """`--order -created_at` as `--order=-created_at`: argparse takes the value for an option."""
    joined: list[str] = []
    for argument in argv:
        if joined and joined[-1] == "--order":
            joined[-1] = f"--order={argument}"
        else:
            joined.append(argument)
    return joined


def find_job(job_id: str) -> ExportJob:
    """Raises RequestRefused when `job_id` is no export's id."""
    with contextlib.suppress(ValueError):
        found: ExportJob | None = ExportJob.objects.filter(pk=uuid.UUID(job_id)).first()
        if found:
            return found
    raise RequestRefused(f"There is no export '{job_id}'; --list shows them.")


def _of_file(options: dict[str, Any]) -> dict[str, Any]:
    format = {"format": options["format"]} if options["format"] else {}
    return format | _named("--option", "delimiter=;", options["option"])


def _named(argument: str, example: str, given: Sequence[str]) -> dict[str, Any]:
    """One that is given twice has a list of values."""
    found: dict[str, Any] = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not (name and equals):
            raise RequestRefused(f"{argument} takes name=value, such as {example}; not '{text}'.")
        found[name] = [*_listed(found[name]), value] if name in found else value
    return found


def _texts(argument: str, example: str, given: Sequence[str]) -> dict[str, str]:
    """The last of several that are given for one name."""
    named = _named(argument, example, given)
    return {name: _listed(text)[-1] for name, text in named.items()}


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _names(given: str | None) -> tuple[str, ...]:
    return tuple(name.strip() for name in (given or "").split(",") if name.strip())
