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
        raise RequestRefused(
            _("Rows of {name} cannot be ticked: its key is composite.").format(name=label)
        )
    try:
        value = key.to_python(text)
        # A number that the column cannot hold would be an error of the database in a worker.
        key.run_validators(value)
    except (ValidationError, ValueError, OverflowError) as error:
        raise RequestRefused(
            _("'{text}' is not a key of {name} ('{key}').").format(
                text=text[:100], name=label, key=key.name
            )
        ) from error
    return value
