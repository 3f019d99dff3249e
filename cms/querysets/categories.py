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

    def with_visible_parent(self, user: Actor) -> Self:
        return self.annotate(visible_parent=self.parent_visible_to(user))

    def parent_visible_to(self, user: Actor) -> models.Subquery:
        """Return the expression for the id of a category's parent: null where `user` may not see the parent."""
        parents = self.model.objects.visible_to(user).filter(pk=models.OuterRef("parent_id"))
        return models.Subquery(parents.values("pk"))

    def by_name(self) -> Self:
        return self.order_by("name", "id")
