"""Columns: what a developer declares, and what an export makes of it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field
from typing import Any, Literal, Self, TypeAlias

from exportapp.xlsx import Kind

Align: TypeAlias = Literal["left", "center", "right"]


@dataclass(frozen=True)
class Column:
    """One entry of `export_columns`, where a bare name does not say enough.

    `Column("customer__name", title=_("Customer"), width=30)`
    """

    key: Any
    """A lookup path, an ORM expression, or a callable that takes the instance."""
    _: KW_ONLY
    title: Any = None
    """Text, lazy or not; needed for an expression or a lambda, else the admin's own label."""
    kind: Kind | None = None
    """None takes it from the field or from the function's return annotation."""
    width: float | None = None
    """In characters; None leaves it to the values."""
    align: Align | None = None
    number_format: str | None = None
    """An Excel format code; None takes the kind's."""
    label: bool = True
    """Choices as their label, relations as str() of the object; False gives code and key."""
    permission: str | Callable[[Any], bool] | None = None
    """Who may have it: "shop.view_cost", or a function of the user. For others it is not there."""
    join: str | None = None
    """For a path to many rows: what stands between their texts, ", "."""
    limit: int = 100
    """Of a joined column: items shown at most; a cell that has more ends in "…" and is an issue."""
    order: tuple[str, ...] = ()
    """Of a joined column: fields of the related model, else that model's own order."""


@dataclass(frozen=True, slots=True)
class FieldValue:
    """A value the database gives: a lookup path or an annotation of the queryset."""

    path: str
    encode: Callable[[Any], str | None] | None = None
    """For fields whose values Arrow would take for something else."""
    is_code: bool = False
    """A key or a code where a label was declined."""


@dataclass(frozen=True, slots=True)
class ChoiceLabel:
    path: str
    labels: Mapping[Any, str] = field(compare=False)
    """Label by code, in the viewer's language."""


@dataclass(frozen=True, slots=True)
class RelatedText:
    """str() of the object behind a relation, fetched once per object and not per row."""

    path: str
    """The relation itself, "order__customer"."""
    key_path: str
    """The path of the key it points with, "order__customer_id"."""
    model: Any
    target: str
    """The unique field of `model` that the key holds."""


@dataclass(frozen=True, slots=True)
class JoinedTexts:
    """The texts of many objects, fetched for a batch of rows at a time."""

    key_path: str
    """Where a row has the key of whose objects these are: "pk", "artist__pk"."""
    model: Any
    """Whose objects these are: the row's own model, or the one that the path leads to first."""
    relation: str
    """The path from there to the objects, "works__tags"."""
    related_model: Any
    item: FieldValue | ChoiceLabel | RelatedText
    """What each object's text is made of; its paths begin at `model`."""
    separator: str
    limit: int
    order: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Computed:
    """An ORM expression, annotated onto the queryset."""

    alias: str
    expression: Any = field(compare=False)


@dataclass(frozen=True, slots=True)
class Called:
    """A function of the instance: the whole export then reads instances."""

    function: Callable[[Any], Any]
    relations: tuple[str, ...] = ()
    """Relations it is known to follow."""


Getter: TypeAlias = FieldValue | ChoiceLabel | RelatedText | JoinedTexts | Computed | Called


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnSpec:
    """A column of one export, settled for its viewer."""

    key: str
    """Unique within the export, and the name of the Arrow field."""
    title: str
    """In the viewer's language."""
    kind: Kind
    number_format: str = "General"
    align: Align | None = None
    width: float | None = None
    digits: bool = False
    """An INTEGER that is not a model field's: kept as text, since it may pass 64 bits."""
    loose: bool = field(default=False, compare=False)
    """Values may be of other types than the kind's, as a function's: each is converted."""
    getter: Getter | None = field(default=None, compare=False)
    """How to get the values; None in a spec that was read back from JSON."""

    def to_json(self) -> dict[str, Any]:
        """Everything but the way to the values."""
        return {
            "key": self.key,
            "title": self.title,
            "kind": self.kind.value,
            "number_format": self.number_format,
            "align": self.align,
            "width": self.width,
            "digits": self.digits,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        return cls(**{**data, "kind": Kind(data["kind"])})


def fingerprint(specs: Sequence[ColumnSpec]) -> str:
    """SHA-256, in hex, of what makes two exports' columns the same: order, meaning and titles."""
    columns = [
        [spec.key, spec.kind.value, spec.number_format, spec.title, *_way(spec.getter)]
        for spec in specs
    ]
    text = json.dumps(columns, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _way(getter: Getter | None) -> list[Any]:
    """What decides the text of a cell that the column's name does not say."""
    if isinstance(getter, JoinedTexts):
        return [getter.separator, getter.limit, list(getter.order), *_way(getter.item)]
    return ["code"] if isinstance(getter, FieldValue) and getter.is_code else []
