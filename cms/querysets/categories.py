"""Queries for categories."""

from typing import TYPE_CHECKING, Self

from django.db import models

from cms import policy
from cms.policy import Actor

if TYPE_CHECKING:
    from cms.models.categories import Category


class CategoryQuerySet(models.QuerySet["Category"]):
    def visible_to(self, user: Actor) -> Self:
        return self.all() if policy.may_manage_terms(user) else self.filter(is_active=True)

    def by_name(self) -> Self:
        return self.order_by("name", "id")
