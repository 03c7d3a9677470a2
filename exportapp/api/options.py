"""How the file is to be, as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rest_framework import serializers

from exportapp.exceptions import UnknownName
from exportapp.jobs.options import CHOICES, Options
from exportapp.models import ExportJob


class Strict(serializers.Serializer[Any]):
    """Refuses members that nobody reads: a misspelt filter would export every row."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, Mapping):
            unknown = [str(name) for name in data if name not in self.fields]
            if unknown:
                raise serializers.ValidationError(
                    {name: [str(UnknownName("member", name, self.fields))] for name in unknown}
                )
        return super().to_internal_value(data)


def _one_of(name: str, help_text: str) -> serializers.ChoiceField:
    return serializers.ChoiceField(choices=CHOICES[name], required=False, help_text=help_text)


def _truth(help_text: str) -> serializers.BooleanField:
    return serializers.BooleanField(required=False, help_text=help_text)


class FileOptions(Strict):
    """What is not said is as the project set it."""

    format = _one_of("format", "What the file is.")
    compact = _truth("xlsx: cells without their references.")
    strings = _one_of("strings", "xlsx: where texts are kept.")
    verify = _truth("xlsx: read the finished file back before it is handed out.")
    bom = _truth("csv: begin with UTF-8's byte order mark.")
    delimiter = serializers.ChoiceField(
        choices=CHOICES["delimiter"],
        required=False,
        help_text="csv: what stands between two values.",
    )
    formulas = _one_of("formulas", "csv: what a text that looks like a formula becomes.")
    gzip = _truth("csv: compress the file.")
    filename = serializers.CharField(
        required=False, help_text="What the file is called, without its ending."
    )

    def to_representation(self, instance: ExportJob) -> Any:
        return super().to_representation(Options.from_json(instance.options))
