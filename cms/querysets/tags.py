"""Queries for tags."""

from typing import TYPE_CHECKING, Self

from django.db import models

if TYPE_CHECKING:
    from cms.models.tags import Tag


class TagQuerySet(models.QuerySet["Tag"]):
    def by_name(self) -> Self:
        return self.order_by("name", "id")
