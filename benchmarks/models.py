from __future__ import annotations

from django.db import models


class Sale(models.Model):
    """A row of usual width: eleven columns, about 180 bytes as CSV."""

    id = models.BigAutoField(primary_key=True)
    number = models.CharField(max_length=20)
    customer = models.CharField(max_length=80)
    email = models.CharField(max_length=80)
    status = models.CharField(max_length=20)
    quantity = models.IntegerField()
    amount = models.DecimalField(max_digits=12, decimal_places=2)
    weight = models.FloatField()
    paid = models.BooleanField()
    created_at = models.DateTimeField()
    note = models.TextField()

    class Meta:
        app_label = "benchmarks"

    def __str__(self) -> str:
        return self.number


class Tick(models.Model):
    """A narrow row: four columns, about 25 bytes as CSV."""

    id = models.BigAutoField(primary_key=True)
    number = models.CharField(max_length=20)
    quantity = models.IntegerField()
    paid = models.BooleanField()

    class Meta:
        app_label = "benchmarks"

    def __str__(self) -> str:
        return self.number


class Letter(models.Model):
    """A short text as a rule; a hundredth of them, side by side, have 16 KiB."""

    id = models.BigAutoField(primary_key=True)
    title = models.CharField(max_length=20)
    body = models.TextField()

    class Meta:
        app_label = "benchmarks"

    def __str__(self) -> str:
        return self.title
