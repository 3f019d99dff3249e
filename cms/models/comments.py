"""Comments: threads under a post."""

from django.conf import settings
from django.db import models

from cms import limits
from cms.choices import CommentStatus
from cms.models.fields import Entity, length_at_most, length_between
from cms.models.posts import Post
from cms.querysets.comments import CommentQuerySet


class Comment(Entity):
    post = models.ForeignKey(Post, models.CASCADE, related_name="comments")
    author = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="comments")
    author_name = models.CharField(max_length=limits.GUEST_NAME_MAX, blank=True, default="")
    author_email = models.CharField(max_length=limits.EMAIL_MAX, blank=True, default="")
    text = models.TextField()
    status = models.CharField(max_length=9, choices=CommentStatus, default=CommentStatus.PENDING)
    parent = models.ForeignKey("self", models.PROTECT, null=True, blank=True, related_name="children")
    depth = models.PositiveSmallIntegerField(default=0)
    # The keys of its ancestors and its own, in hex: sorted by it, a thread reads from top to bottom.
    thread_path = models.CharField(max_length=33 * (limits.COMMENT_DEPTH_MAX + 1), editable=False)
    edited_at = models.DateTimeField(null=True, blank=True)

    objects = CommentQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=length_between("text", *limits.COMMENT_TEXT)
                | models.Q(status=CommentStatus.DELETED, text=""),
                name="cms_comment_text_length",
            ),
            models.CheckConstraint(
                condition=models.Q(status__in=CommentStatus.values), name="cms_comment_status_valid"
            ),
            models.CheckConstraint(
                condition=models.Q(parent=None, depth=0)
                | models.Q(parent__isnull=False, depth__gte=1, depth__lte=limits.COMMENT_DEPTH_MAX),
                name="cms_comment_depth_valid",
            ),
            models.CheckConstraint(
                condition=models.Q(author__isnull=False) | ~models.Q(author_name=""), name="cms_comment_has_author"
            ),
            models.CheckConstraint(
                condition=length_at_most("author_name", limits.GUEST_NAME_MAX)
                & length_at_most("author_email", limits.EMAIL_MAX),
                name="cms_comment_guest_length",
            ),
            models.UniqueConstraint(fields=["post", "thread_path"], name="cms_comment_thread_unique"),
        ]
        indexes = [
            models.Index(fields=["post", "status", "created_at", "id"], name="cms_comment_of_post"),
            models.Index(fields=["status", "created_at"], name="cms_comment_moderation"),
            models.Index(fields=["-created_at", "-id"], name="cms_comment_newest"),
            models.Index(
                fields=["post", "thread_path"],
                name="cms_comment_answers",
                opclasses=["uuid_ops", "varchar_pattern_ops"],
            ),
            models.Index(fields=["author_email"], name="cms_comment_guest", condition=~models.Q(author_email="")),
        ]

    def __str__(self) -> str:
        return self.text[:80]

    @property
    def edition(self) -> str:
        """The name of the text as it is now, which each edit changes; empty before the first."""
        return f"{self.edited_at:%Y%m%d%H%M%S%f}" if self.edited_at else ""
