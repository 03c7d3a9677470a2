from __future__ import annotations

import uuid
from decimal import Decimal

from django.contrib import admin
from django.db import models
from django.db.models import F
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _


class Country(models.Model):
    """A key that is text."""

    code = models.CharField(max_length=2, primary_key=True)
    name = models.CharField(max_length=50)

    def __str__(self):
        return self.name


class Artist(models.Model):
    """Ordered over a relation and by a column that may be NULL."""

    name = models.CharField(_("name"), max_length=50)
    country = models.ForeignKey(Country, models.SET_NULL, null=True, blank=True)
    born = models.DateField(null=True, blank=True)

    class Meta:
        ordering = ("country", F("born").desc(nulls_last=True), "name")

    def __str__(self):
        return self.name

    @property
    def initials(self) -> str:
        return "".join(word[0] for word in self.name.split())


class Passport(models.Model):
    artist = models.OneToOneField(Artist, models.CASCADE)
    number = models.CharField(max_length=20)

    def __str__(self):
        return f"Passport {self.number}"


class Tag(models.Model):
    name = models.CharField(max_length=20, unique=True)

    def __str__(self):
        return self.name


class Painting(models.Model):
    class State(models.TextChoices):
        SKETCH = "sketch", _("No")
        DONE = "done", _("Yes")

    title = models.CharField(_("user"), max_length=50, blank=True)
    artist = models.ForeignKey(Artist, models.CASCADE, null=True, blank=True, related_name="works")
    state = models.CharField(max_length=10, choices=State, default=State.DONE)
    stars = models.IntegerField(null=True, blank=True, choices=[(1, _("Low")), (5, _("High"))])
    copies = models.IntegerField(default=0)
    price = models.DecimalField(max_digits=12, decimal_places=2, null=True, blank=True)
    rate = models.DecimalField(max_digits=12, decimal_places=8, null=True, blank=True)
    weight = models.FloatField(null=True, blank=True)
    sold = models.BooleanField(null=True, blank=True)
    made_on = models.DateField(null=True, blank=True)
    seen_at = models.DateTimeField(null=True, blank=True)
    opens_at = models.TimeField(null=True, blank=True)
    dried_in = models.DurationField(null=True, blank=True)
    serial = models.UUIDField(null=True, blank=True)
    notes = models.JSONField(null=True, blank=True)
    thumbnail = models.BinaryField(null=True, blank=True)
    scan = models.FileField(blank=True)
    address = models.GenericIPAddressField(null=True, blank=True)
    tags = models.ManyToManyField(Tag, blank=True)

    def __str__(self):
        return self.title

    def doubled(self) -> int:
        return self.copies * 2

    @property
    def gross(self) -> Decimal | None:
        return None if self.price is None else self.price * 2

    @cached_property
    def quota(self) -> float:
        return self.copies / 3

    def fragile(self):
        if self.copies < 0:
            raise ValueError(f"no copies of {self.title}")
        return self.copies

    @admin.display(description=_("users"), ordering="artist__name")
    def signature(self):
        return self.artist.name if self.artist else None


class SoldPainting(Painting):
    class Meta:
        proxy = True
        ordering = ("-price",)


class Mural(Painting):
    """Multi-table inheritance: its key is a relation."""

    wall = models.CharField(max_length=20)


class Print(models.Model):
    """A key that is a UUID, and a unique pair of columns."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    series = models.CharField(max_length=10)
    number = models.IntegerField()

    class Meta:
        unique_together = [("series", "number")]
        ordering = ("series", "number")

    def __str__(self):
        return f"{self.series}/{self.number}"


class Hanging(models.Model):
    """A key of two columns."""

    pk = models.CompositePrimaryKey("room", "place")
    room = models.IntegerField()
    place = models.IntegerField()
    painting = models.ForeignKey(Painting, models.CASCADE, null=True)

    def __str__(self):
        return f"{self.room}.{self.place}"


class Secret(models.Model):
    """Its change page leaves out a field."""

    name = models.CharField(max_length=20)
    password = models.CharField(max_length=20)
    artist = models.OneToOneField(Artist, models.CASCADE, null=True)

    class Meta:
        permissions = [("view_note", "Can view the notes of orders")]

    def __str__(self):
        return self.name


class Loan(models.Model):
    """It points at a column that is not the other model's key."""

    theme = models.ForeignKey(Tag, models.CASCADE, to_field="name", null=True)
    borrower = models.ForeignKey(Artist, models.CASCADE, related_name="borrowed", null=True)
    days = models.IntegerField(default=0)

    def __str__(self):
        return f"{self.days} days"


class Relic(models.Model):
    """In the second database: see routing.py."""

    class Age(models.IntegerChoices):
        OLD = 1, _("Low")
        OLDER = 2, _("High")

    name = models.CharField(max_length=20)
    age = models.IntegerField(choices=Age, null=True)
    part_of = models.ForeignKey("self", models.CASCADE, null=True, related_name="parts")

    def __str__(self):
        return self.name
