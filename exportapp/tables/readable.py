"""Which fields a person may name without the developer having put them on the list.

The rule is what the admin shows anyway: the fields of the change page, and across a relation the
fields of the related model's change page for those who may view that model.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib.admin import ModelAdmin
from django.contrib.admin.utils import flatten, flatten_fieldsets
from django.contrib.auth.base_user import AbstractBaseUser
from django.core.exceptions import FieldDoesNotExist
from django.db.models.constants import LOOKUP_SEP

from exportapp.tables.changelist import request_of
from exportapp.tables.paths import follow
from exportapp.tables.selection import Operator, Viewer


def field_names(model_admin: ModelAdmin[Any], viewer: Viewer) -> list[str]:
    """Names of the model's own fields that `viewer` may see."""
    fields = model_admin.model._meta.concrete_fields
    if isinstance(viewer.user, Operator):
        return [field.name for field in fields]
    shown = _on_change_page(model_admin)
    hidden = set(model_admin.get_exclude(request_of(viewer, {})) or ())
    if issubclass(model_admin.model, AbstractBaseUser):
        # The page shows a summary of the hash, never the hash.
        hidden.add("password")
    return [
        field.name
        for field in fields
        if field.name not in hidden and (shown is None or field.primary_key or field.name in shown)
    ]


def may_read(model_admin: ModelAdmin[Any], path: str, viewer: Viewer) -> bool:
    """Whether `path` is a field, maybe of a related object, that `viewer` may see.

    Raises ToManyPath.
    """
    try:
        found = follow(model_admin.model, path)
    except FieldDoesNotExist:
        return False
    if isinstance(viewer.user, Operator):
        return True
    first, _, rest = path.partition(LOOKUP_SEP)
    step = found.fields[0]
    if step.concrete and step.name not in field_names(model_admin, viewer):
        return False
    if step.concrete and not (step.is_relation and rest):
        return True
    # A reverse one-to-one is no field of this page: the related model's own page decides.
    related = _admin_of(model_admin, step.related_model)
    if related is None or not related.has_view_permission(request_of(viewer, {})):
        return False
    return not rest or may_read(related, rest, viewer)


def may_ask(model_admin: ModelAdmin[Any], found: Sequence[Any], viewer: Viewer) -> bool:
    """Whether `viewer` may see what these fields lead to, be it one row or many."""
    if isinstance(viewer.user, Operator):
        return True
    step, *rest = found
    is_field = step.concrete or not step.auto_created
    if is_field and step.name not in _asked_names(model_admin, step, viewer):
        return False
    if is_field and not rest:
        return True
    # What points here is no field of this page: the related model's own page decides.
    related = _admin_of(model_admin, step.related_model) if step.is_relation else None
    if related is None or not related.has_view_permission(request_of(viewer, {})):
        return False
    return not rest or may_ask(related, rest, viewer)


def _asked_names(model_admin: ModelAdmin[Any], step: Any, viewer: Viewer) -> list[str]:
    if not step.many_to_many:
        return field_names(model_admin, viewer)
    shown, hidden = _on_change_page(model_admin), model_admin.get_exclude(request_of(viewer, {}))
    is_shown = step.name not in (hidden or ()) and (shown is None or step.name in shown)
    return [step.name] if is_shown else []


def _admin_of(model_admin: ModelAdmin[Any], model: Any) -> ModelAdmin[Any] | None:
    site = model_admin.admin_site
    return site.get_model_admin(model) if site.is_registered(model) else None


def _on_change_page(model_admin: ModelAdmin[Any]) -> set[str] | None:
    """The names that the developer laid out; None where the page takes every field."""
    if model_admin.fieldsets:
        return set(flatten_fieldsets(model_admin.fieldsets))
    return set(flatten(model_admin.fields)) if model_admin.fields else None
