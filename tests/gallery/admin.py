from __future__ import annotations

from django.contrib import admin
from django.db.models import Count, F
from django.db.models.functions import Lower

from tests.gallery.models import (
    Artist,
    Country,
    Mural,
    Painting,
    Passport,
    Print,
    Secret,
    SoldPainting,
    Tag,
)


class PriceFilter(admin.SimpleListFilter):
    title = "price"
    parameter_name = "price_band"

    def lookups(self, request, model_admin):
        return [("cheap", "Cheap"), ("dear", "Dear")]

    def queryset(self, request, queryset):
        match self.value():
            case "cheap":
                return queryset.filter(price__lt=100)
            case "dear":
                return queryset.filter(price__gte=100)
        return queryset


@admin.register(Painting)
class PaintingAdmin(admin.ModelAdmin):
    list_display = ("title", "artist", "state", "copies", "works_of_artist", "shout", "is_dear")
    list_filter = (
        "state",
        "stars",
        "sold",
        "made_on",
        "seen_at",
        "artist",
        "tags",
        "artist__country",
        ("price", admin.EmptyFieldListFilter),
        ("title", admin.AllValuesFieldListFilter),
        ("artist__name", admin.AllValuesFieldListFilter),
        ("copies", admin.ChoicesFieldListFilter),
        PriceFilter,
    )
    search_fields = ("title", "=artist__name", "tags__name")
    date_hierarchy = "seen_at"
    list_per_page = 5

    def get_queryset(self, request):
        rows = super().get_queryset(request)
        if not request.user.is_superuser:
            rows = rows.exclude(title__startswith="hidden")
        return rows.annotate(in_hand=Count("artist__works"), half=F("copies") / 2)

    def get_search_results(self, request, queryset, search_term):
        if search_term.startswith("copies:"):
            return queryset.filter(copies=search_term.removeprefix("copies:")), False
        return super().get_search_results(request, queryset, search_term)

    @admin.display(ordering="in_hand", description="works")
    def works_of_artist(self, painting) -> int:
        return int(painting.in_hand)

    @admin.display(ordering=Lower("title"))
    def shout(self, painting):
        return painting.title.upper()

    @admin.display(boolean=True)
    def is_dear(self, painting):
        return painting.price is not None and painting.price >= 100


@admin.register(SoldPainting)
class SoldPaintingAdmin(admin.ModelAdmin):
    list_display = ("title", "price", "artist__name")


@admin.register(Artist)
class ArtistAdmin(admin.ModelAdmin):
    list_display = ("name", "country", "passport")


@admin.register(Secret)
class SecretAdmin(admin.ModelAdmin):
    fields = ("name",)


admin.site.register([Country, Mural, Passport, Print, Tag])
