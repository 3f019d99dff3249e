"""Tags: a flat vocabulary."""

from django.db import models

from cms import limits
from cms.models.fields import Entity, length_at_most, length_between
from cms.querysets.tags import TagQuerySet


class Tag(Entity):
    name = models.CharField(max_length=limits.TAG_NAME[1])
    # The name folded by Unicode's rules: SQLite's lower() knows ASCII only, so uniqueness without case needs a column.
    name_key = models.CharField(max_length=limits.TAG_NAME_KEY_MAX, unique=True, editable=False)
    slug = models.CharField(max_length=limits.SLUG[1], unique=True)
    description = models.TextField(blank=True, default="")
    usage_count = models.PositiveIntegerField(default=0)

    objects = TagQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=length_between("name", *limits.TAG_NAME)
                & ~models.Q(name__contains=",")
                & ~models.Q(name__regex=limits.CONTROL_CHARACTER_PATTERN),
                name="cms_tag_name_valid",
            ),
            models.CheckConstraint(
                condition=length_between("slug", *limits.SLUG) & models.Q(slug__regex=limits.SLUG_PATTERN),
                name="cms_tag_slug_valid",
            ),
            models.CheckConstraint(
                condition=length_at_most("description", limits.DESCRIPTION_MAX), name="cms_tag_description_length"
            ),
            models.CheckConstraint(condition=models.Q(usage_count__gte=0), name="cms_tag_usage_count_positive"),
        ]
        indexes = [models.Index(fields=["name", "id"], name="cms_tag_by_name")]

    def __str__(self) -> str:
        return self.name
