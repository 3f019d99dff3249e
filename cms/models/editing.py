"""Who is writing at this moment."""

from django.conf import settings
from django.db import models

from cms.models.posts import Post


class Editing(models.Model):
    """Somebody has the form of a post open, and was there at `seen_at`."""

    post = models.ForeignKey(Post, models.CASCADE, related_name="+")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    seen_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["post", "user"], name="cms_editing_unique")]

    def __str__(self) -> str:
        return f"{self.user} at {self.post}"
