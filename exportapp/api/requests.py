"""What may be sent: bodies and query strings."""

from __future__ import annotations

from functools import reduce
from operator import or_
from typing import Any, get_args

from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from exportapp.api.options import FileOptions, Strict
from exportapp.api.pages import MAX_PAGE_SIZE, PAGE_SIZE
from exportapp.api.parameters import ParameterValues
from exportapp.exceptions import UnknownName
from exportapp.jobs.presets import Recipe, preset_numbered, recipe
from exportapp.models import Consistency, ExportJob
from exportapp.states import JobState
from exportapp.tables.readers import Policy
from exportapp.tables.selection import Selection, Viewer


@extend_schema_field(
    {
        "oneOf": [
            {"type": "string"},
            {"type": "number"},
            {"type": "boolean"},
            {"type": "array", "items": {"type": "string"}, "minItems": 1},
        ]
    }
)
class FilterValues(serializers.Field[Any, Any, Any, Any]):
    """One value or several of which any may match, as the list page's address has them: texts."""

    values = serializers.ListField(
        child=serializers.CharField(trim_whitespace=False, allow_blank=True), allow_empty=False
    )

    def to_internal_value(self, data: Any) -> list[str]:
        given = data if isinstance(data, list) else [data]
        # The admin's own links say 1 and 0, and every lookup understands them.
        texts = [str(int(value)) if isinstance(value, bool) else value for value in given]
        found: list[str] = self.values.run_validation(texts)
        return found


def _names(help_text: str, *, trim_whitespace: bool = True) -> serializers.ListField:
    return serializers.ListField(
        child=serializers.CharField(trim_whitespace=trim_whitespace),
        required=False,
        allow_empty=False,
        help_text=help_text,
    )


class Asked(Strict):
    """What makes a selection, of a model or of a registered export."""

    source = serializers.CharField(  # type: ignore[assignment]
        required=False, help_text='The model, "shop.Order".'
    )
    export = serializers.CharField(
        required=False, help_text="Instead of `source`: the name of a registered export."
    )
    parameters = ParameterValues(required=False, help_text="Of the registered export, by name.")
    filters = serializers.DictField(
        child=FilterValues(),
        required=False,
        help_text='The list page\'s parameters: {"status": "paid", "gift": true}.',
    )
    search = serializers.CharField(
        required=False, allow_blank=True, help_text="As in the list page's search box."
    )
    order = _names('Column names, "-" before descending ones.')
    columns = _names("Column names in their order; without it the source's own.")
    titles = serializers.DictField(
        child=serializers.CharField(),
        required=False,
        help_text='What columns are called in the file: {"customer__name": "Customer"}.',
    )
    codes = serializers.BooleanField(
        required=False, help_text="Choices as their code instead of their label."
    )
    policy = serializers.ChoiceField(
        choices=get_args(Policy),
        required=False,
        help_text="What a value that cannot be written does.",
    )
    options = FileOptions(required=False, help_text="How the file is to be.")
    notify = serializers.ListField(
        child=serializers.CharField(),
        required=False,
        help_text="Channels by which you are told of the end; empty for none.",
    )

    def validate(self, attrs: Any) -> Any:
        if "source" in attrs and "export" in attrs:
            raise serializers.ValidationError(
                {"export": [_("Give a model in `source` or an export's name here, not both.")]}
            )
        if not attrs.keys() & {"source", "export", "preset"}:
            required = _("This field is required: a model here, or an export's name in `export`.")
            raise serializers.ValidationError({"source": [required]})
        return attrs

    def selection(self) -> Selection:
        asked = self.validated_data
        query = dict(asked.get("filters", {}))
        if asked.get("search"):
            query["q"] = [asked["search"]]
        return Selection(
            source=asked.get("source") or asked.get("export", ""),
            query=query,
            order=tuple(asked.get("order", ())),
            columns=_tuple(asked.get("columns")),
            keys=_tuple(asked.get("keys")),
            parameters=asked.get("parameters", {}),
            titles=asked.get("titles", {}),
            codes=asked.get("codes", False),
        )


class NewExport(Asked):
    keys = _names("Primary keys of the rows; without it all rows.", trim_whitespace=False)
    consistency = serializers.ChoiceField(
        choices=Consistency.choices,
        required=False,
        help_text="Without it what the project set. A snapshot needs PostgreSQL.",
    )
    preset = serializers.IntegerField(
        required=False, help_text="The id of a preset; what else is said comes before it."
    )

    def recipe(self, viewer: Viewer) -> Recipe:
        """Raises UnknownName for a preset that this person may not use, or of something else."""
        asked = self.validated_data
        over, policy = self.selection(), asked.get("policy")
        options, notify = dict(asked.get("options", {})), asked.get("notify")
        if "preset" not in asked:
            return Recipe(over, policy, (), options, notify)
        preset = preset_numbered(viewer.user, asked["preset"])
        if over.source and over.source.lower() != preset.source.lower():
            raise UnknownName("preset of this source", str(preset.pk), ())
        found = recipe(preset, viewer, over)
        return found.with_said(policy, options, notify)


class PageQuery(Strict):
    cursor = serializers.CharField(
        required=False, help_text="From `next` or `previous` of an answer."
    )
    page_size = serializers.IntegerField(
        required=False, min_value=1, max_value=MAX_PAGE_SIZE, help_text=f"{PAGE_SIZE} unless said."
    )


class ListQuery(PageQuery):
    state = serializers.MultipleChoiceField(
        choices=JobState.choices, required=False, help_text="Once for each state."
    )
    source = serializers.ListField(  # type: ignore[assignment]
        child=serializers.CharField(),
        required=False,
        max_length=50,
        help_text='Models and registered exports: "shop.Order".',
    )
    created_after = serializers.DateTimeField(required=False, help_text="At this moment or later.")
    created_before = serializers.DateTimeField(required=False, help_text="Before this moment.")

    def narrowed(self, jobs: QuerySet[ExportJob]) -> QuerySet[ExportJob]:
        asked = self.validated_data
        if asked.get("state"):
            jobs = jobs.filter(status__in=asked["state"])
        if asked.get("source"):
            of_one = (Q(source__iexact=name) for name in asked["source"])
            jobs = jobs.filter(reduce(or_, of_one))
        if "created_after" in asked:
            jobs = jobs.filter(created_at__gte=asked["created_after"])
        if "created_before" in asked:
            jobs = jobs.filter(created_at__lt=asked["created_before"])
        return jobs


class DownloadQuery(Strict):
    file = serializers.IntegerField(
        required=False,
        min_value=1,
        help_text="Number of the file; without it all of several as one zip.",
    )


def _tuple(names: list[str] | None) -> tuple[str, ...] | None:
    return None if names is None else tuple(names)
