"""Categories: a tree by `parent`. That it has no cycles is the service's business, under a lock."""

from django.db import models

from cms import limits
from cms.models.fields import Entity, length_at_most, length_between
from cms.querysets.categories import CategoryQuerySet


class Category(Entity):
    name = models.CharField(max_length=limits.CATEGORY_NAME[1])
    slug = models.CharField(max_length=limits.SLUG[1], unique=True)
    description = models.TextField(blank=True, default="")
    parent = models.ForeignKey("self", models.PROTECT, null=True, blank=True, related_name="children")
    is_active = models.BooleanField(default=True)
    post_count = models.PositiveIntegerField(default=0)

    objects = CategoryQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "categories"
        constraints = [
            models.UniqueConstraint(fields=["parent", "name"], name="cms_category_name_unique"),
            models.UniqueConstraint(
                fields=["name"], condition=models.Q(parent=None), name="cms_category_root_name_unique"
            ),
            models.CheckConstraint(
                condition=length_between("name", *limits.CATEGORY_NAME), name="cms_category_name_length"
            ),
            models.CheckConstraint(
                condition=length_between("slug", *limits.SLUG)
                & models.Q(slug__regex=limits.SLUG_PATTERN)
                & ~models.Q(slug__in=sorted(limits.RESERVED_CATEGORY_SLUGS)),
                name="cms_category_slug_valid",
            ),
            models.CheckConstraint(
                condition=length_at_most("description", limits.DESCRIPTION_MAX), name="cms_category_description_length"
            ),
            models.CheckConstraint(condition=models.Q(post_count__gte=0), name="cms_category_post_count_positive"),
            models.CheckConstraint(
                condition=models.Q(parent=None) | ~models.Q(parent=models.F("id")),
                name="cms_category_not_its_own_parent",
            ),
        ]
        indexes = [models.Index(fields=["name", "id"], name="cms_category_by_name")]

    def __str__(self) -> str:
        return self.name
