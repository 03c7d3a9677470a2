"""Primary keys as a person gives them: texts."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import Model
from django.utils.translation import gettext as _

from exportapp.exceptions import RequestRefused


def key_of(model: type[Model], text: str) -> Any:
    """The key that `text` is. Raises RequestRefused, also where a key has several columns."""
    label, key = model._meta.label, model._meta.pk
    if len(model._meta.pk_fields) > 1:
        told = _("Rows of {model} cannot be ticked: its key is composite.")
        raise RequestRefused(told.format(model=label))
    try:
        value = key.to_python(text)
        # A number that the column cannot hold would be an error of the database in a worker.
        key.run_validators(value)
    except (ValidationError, ValueError, OverflowError) as error:
        told = _("'{text}' is not a key of {model} ('{field}').")
        shown = told.format(text=text[:100], model=label, field=key.name)
        raise RequestRefused(shown) from error
    return value
