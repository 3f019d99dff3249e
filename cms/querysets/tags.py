"""Queries for tags."""

from typing import Any, Self

from django.db import models


class TagQuerySet(models.QuerySet[Any]):
    def by_name(self) -> Self:
        return self.order_by("name", "id")
