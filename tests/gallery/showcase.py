"""Differently built ModelAdmins, each with addresses of its list to try."""

from __future__ import annotations

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.db.models import Count, Exists, F, OuterRef, Q, Value
from django.db.models.functions import Coalesce, Lower

from tests.gallery.admin import PaintingAdmin, PriceFilter, SoldPaintingAdmin
from tests.gallery.models import (
    Country,
    Hanging,
    Loan,
    Mural,
    Painting,
    Print,
    Relic,
    SoldPainting,
    Tag,
)


class MuralAdmin(admin.ModelAdmin):
    """Multi-table inheritance: fields, relations and key come from the parent."""

    list_display = ("title", "wall", "artist", "painting_ptr", "price")
    list_filter = ("wall", "artist__country", "state")
    search_fields = ("title", "wall")


class PrintAdmin(admin.ModelAdmin):
    """A key that is a UUID."""

    list_display = ("id", "series", "number")
    list_filter = ("series",)


class CountryAdmin(admin.ModelAdmin):
    """A key that is text."""

    list_display = ("code", "name")
    search_fields = ("^code", "name")


class HangingAdmin(admin.ModelAdmin):
    """A key of two columns, which no admin site takes: for the command line."""

    list_display = ("room", "place", "painting")
    list_filter = ("room",)


class RelicAdmin(admin.ModelAdmin):
    """On a second database."""

    list_display = ("name", "age", "part_of")
    list_filter = ("age", "part_of")
    search_fields = ("name", "parts__name")


class LoanAdmin(admin.ModelAdmin):
    """A relation by a column that is not the key."""

    list_display = ("theme", "borrower", "days", "theme_id")
    list_filter = ("theme", "borrower__country")
    ordering = ("theme", "-days")


class TaggedAdmin(admin.ModelAdmin):
    """Search and filters over many rows: each row once all the same."""

    list_display = ("title", "state")
    list_filter = ("tags", "tags__name")
    search_fields = ("tags__name", "artist__works__title")
    ordering = ("state",)

    def get_search_results(self, request, queryset, search_term):
        found, duplicates = super().get_search_results(request, queryset, search_term)
        if search_term == "any":
            return queryset.filter(tags__isnull=False), True
        return found, duplicates


class DatedAdmin(admin.ModelAdmin):
    """A drill-down by date, objects joined by the list, a text for what is missing."""

    list_display = ("title", "by", "made_on", "origin")
    list_select_related = ("artist__country",)
    date_hierarchy = "made_on"
    ordering = ("-made_on",)

    @admin.display(ordering="artist__name", empty_value="nobody")
    def by(self, painting):
        return painting.artist and painting.artist.name

    def origin(self, painting):
        return painting.artist and painting.artist.country


class ArrangedAdmin(admin.ModelAdmin):
    """Orders by expressions, with a place for NULLs."""

    list_display = ("loud", "stock", "rated", "title")
    ordering = (F("stars").desc(nulls_last=True), Lower("title"))

    @admin.display(ordering=Lower("title"))
    def loud(self, painting):
        return painting.title.upper()

    @admin.display(ordering=F("copies") + Coalesce(F("stars"), Value(0)))
    def stock(self, painting) -> int:
        return painting.copies

    @admin.display(ordering=F("stars").asc(nulls_first=True))
    def rated(self, painting) -> int | None:
        return painting.stars


class PersonalAdmin(admin.ModelAdmin):
    """Everybody has other rows and other columns."""

    list_display = ("title", "price", "copies")

    def get_queryset(self, request):
        rows = super().get_queryset(request)
        return rows if request.user.is_superuser else rows.filter(copies__lt=9)

    def get_list_display(self, request):
        return self.list_display if request.user.is_superuser else self.list_display[:1]


class AnnotatedAdmin(admin.ModelAdmin):
    """Counts, conditions and DISTINCT by the list's own queryset."""

    list_display = ("title", "tag_count", "is_tagged")
    list_filter = (PriceFilter,)

    def get_queryset(self, request):
        tagged = Tag.objects.filter(painting=OuterRef("pk"))
        rows = super().get_queryset(request).annotate(in_tags=Count("tags"), tagged=Exists(tagged))
        return rows.filter(Q(tags__isnull=True) | Q(tags__isnull=False)).distinct()

    @admin.display(ordering="-in_tags")
    def tag_count(self, painting) -> int:
        return painting.in_tags

    @admin.display(boolean=True, ordering="tagged")
    def is_tagged(self, painting):
        return painting.tagged


class NarrowChangeList(ChangeList):
    def get_queryset(self, request, **kwargs):
        return super().get_queryset(request, **kwargs).exclude(state="sketch")


class NarrowAdmin(admin.ModelAdmin):
    """A list with a ChangeList of its own."""

    list_display = ("__str__", "signature", "gross", "sold")

    def get_changelist(self, request, **kwargs):
        return NarrowChangeList


SHOWCASE = (
    (
        Painting,
        PaintingAdmin,
        [
            *("", "o=-2.1", "o=5.-6", "q=Artist+1", "q=copies:3", "price_band=cheap&o=-4"),
            *("copies__in=1,2,3,9", "artist__isnull=True", "copies__gt=3&copies__lte=12"),
            *("seen_at__year=2024&seen_at__month=3", "tags__id__exact=1", "title=No.+03"),
        ],
    ),
    (SoldPainting, SoldPaintingAdmin, ["", "o=3.-2", "copies__gte=4"]),
    (Mural, MuralAdmin, ["", "q=north", "o=-2.1", "artist__country__isnull=True", "wall=south"]),
    (Print, PrintAdmin, ["", "o=1", "o=-1", "series=a&o=-3"]),
    (Country, CountryAdmin, ["", "o=-1", "q=n", "code__in=nl,es"]),
    (Hanging, HangingAdmin, ["", "o=-2", "room__exact=2", "painting__isnull=True"]),
    (Relic, RelicAdmin, ["", "age__exact=1", "q=b", "part_of__isnull=True&o=-2", "o=3"]),
    (Loan, LoanAdmin, ["", "theme__name__exact=oil", "borrower__country__code__exact=nl", "o=1.3"]),
    (Painting, TaggedAdmin, ["", "q=o", "q=any", "q=No", "tags__id__exact=2", "tags__isnull=1"]),
    (Painting, DatedAdmin, ["", "made_on__year=2024", "made_on__gte=2024-03-01", "o=2.3", "o=-3"]),
    (Painting, ArrangedAdmin, ["", "o=1", "o=-1", "o=2", "o=-2", "o=3", "o=-3.1"]),
    (Painting, PersonalAdmin, ["", "o=-2", "price__isnull=False", "price__gte=9&price__lt=50"]),
    (Painting, AnnotatedAdmin, ["", "o=2", "o=-2", "o=3.1", "price_band=dear"]),
    (Painting, NarrowAdmin, ["", "o=-4", "o=2"]),
)
