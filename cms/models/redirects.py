"""Redirects: addresses under which a post could once be found."""

from django.db import models

from cms import limits
from cms.models.fields import Entity, length_between
from cms.models.posts import Post


class Redirect(Entity):
    """`old_path` is `/posts/SLUG` for a slug that was given up, else the path an imported post had on its old site."""

    old_path = models.CharField(max_length=limits.OLD_PATH_MAX, unique=True)
    post = models.ForeignKey(Post, models.CASCADE, related_name="redirects")

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=length_between("old_path", 2, limits.OLD_PATH_MAX) & models.Q(old_path__startswith="/"),
                name="cms_redirect_old_path_valid",
            )
        ]

    def __str__(self) -> str:
        return self.old_path
