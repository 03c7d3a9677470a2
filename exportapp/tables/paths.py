"""Lookup paths over relations: to one row at most, which a cell can hold, and to many."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.core.exceptions import FieldDoesNotExist
from django.db.models import Field, Model
from django.db.models.constants import LOOKUP_SEP

from exportapp.exceptions import RequestRefused


class ToManyPath(RequestRefused):
    """A path leads to many rows, and a cell holds one value."""

    code = "to_many_path"


@dataclass(frozen=True, slots=True)
class FieldPath:
    fields: tuple[Any, ...]
    """One per step; reverse one-to-one relations are among them."""
    transforms: tuple[str, ...]
    """What is left at the end: "year" of "created_at__year"."""

    @property
    def target(self) -> Any:
        return self.fields[-1]

    @property
    def is_own(self) -> bool:
        """A plain column of the model itself."""
        return len(self.fields) == 1 and not self.transforms

    @property
    def nullable(self) -> bool:
        # The far side of a reverse one-to-one may be missing.
        return bool(self.transforms) or any(
            not isinstance(step, Field) or step.null for step in self.fields
        )


def follow(model: type[Model], path: str) -> FieldPath:
    """The fields along `path`.

    Raises FieldDoesNotExist, also for generic relations, which no query can follow, and
    ToManyPath.
    """
    fields: list[Any] = []
    pieces = path.split(LOOKUP_SEP)
    for index, piece in enumerate(pieces):
        if fields and not fields[-1].is_relation:
            return FieldPath(tuple(fields), tuple(pieces[index:]))
        step: Any = model._meta.pk if piece == "pk" else model._meta.get_field(piece)
        if step.one_to_many or step.many_to_many:
            raise ToManyPath(f"'{path}' leads to many rows at '{piece}'; a cell holds one value.")
        if step.is_relation and step.related_model is None:
            raise FieldDoesNotExist(f"'{piece}' is a generic relation")
        fields.append(step)
        model = step.related_model or model
    return FieldPath(tuple(fields), ())


def steps(model: type[Model], path: str) -> tuple[Any, ...]:
    """The fields along `path`, whatever number of rows they lead to.

    It ends where a lookup begins, or a name that is no field.
    """
    fields: list[Any] = []
    for piece in path.split(LOOKUP_SEP):
        try:
            step: Any = model._meta.pk if piece == "pk" else model._meta.get_field(piece)
        except FieldDoesNotExist:
            break
        fields.append(step)
        if step.related_model is None:
            break
        model = step.related_model
    return tuple(fields)


def relation_to_many(model: type[Model], path: str) -> str | None:
    """The part of `path` that ends at its last step to many rows; None where it has none."""
    many = [
        index
        for index, step in enumerate(steps(model, path))
        if step.one_to_many or step.many_to_many
    ]
    return LOOKUP_SEP.join(path.split(LOOKUP_SEP)[: many[-1] + 1]) if many else None
