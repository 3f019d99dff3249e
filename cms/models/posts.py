"""Posts and their revisions. `cms/services/post_states.py` changes states; `cms/querysets/` decides who sees what."""

import datetime
import uuid

from django.conf import settings
from django.db import models
from django.db.models.functions import Lower

from cms import limits
from cms.choices import ContentFormat, Kind, Status, Visibility
from cms.models.categories import Category
from cms.models.fields import Entity, PlainEncoder, SnapshotDecoder, length_at_most, length_between
from cms.models.media import MediaFile
from cms.models.tags import Tag
from cms.querysets.posts import PostQuerySet, PostRevisionQuerySet

IS_LISTED = models.Q(status=Status.PUBLISHED, visibility=Visibility.PUBLIC)


class Post(Entity):
    kind = models.CharField(max_length=4, choices=Kind, default=Kind.POST)
    title = models.CharField(max_length=limits.TITLE[1])
    slug = models.CharField(max_length=limits.SLUG[1], unique=True)
    content = models.TextField()
    content_format = models.CharField(max_length=8, choices=ContentFormat, default=ContentFormat.MARKDOWN)
    content_html = models.TextField(blank=True)
    excerpt = models.TextField(blank=True)
    is_excerpt_derived = models.BooleanField(default=True)
    language = models.CharField(max_length=limits.LANGUAGE_MAX, default="en")
    status = models.CharField(max_length=9, choices=Status, default=Status.DRAFT)
    status_before_trash = models.CharField(max_length=9, blank=True, default="")
    visibility = models.CharField(max_length=7, choices=Visibility, default=Visibility.PUBLIC)
    author = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="posts")
    co_authors = models.ManyToManyField(settings.AUTH_USER_MODEL, related_name="co_authored_posts", blank=True)
    tags = models.ManyToManyField(Tag, related_name="posts", blank=True)
    categories = models.ManyToManyField(Category, related_name="posts", blank=True)
    featured_image = models.ForeignKey(MediaFile, models.SET_NULL, null=True, blank=True, related_name="featured_in")
    # The files whose ids are in links and pictures of its content, if the user who put each there could see it.
    embedded_media = models.ManyToManyField(MediaFile, related_name="embedded_in", blank=True, editable=False)
    meta_title = models.CharField(max_length=limits.META_TITLE_MAX, blank=True, default="")
    meta_description = models.TextField(blank=True, default="")
    published_at = models.DateTimeField(null=True, blank=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    version = models.PositiveIntegerField(default=1)
    reading_time_min = models.PositiveIntegerField(default=1)
    # Whether the stored counts of its tags and categories include this post: what a change of state adds or takes away.
    is_counted = models.BooleanField(default=False)
    # The next instant at which time alone changes the post: its `published_at`, then its `expires_at`. It stands until
    # the scheduler has settled the post's counts and sent the event. Empty when there is none.
    settles_at = models.DateTimeField(null=True, blank=True, editable=False)

    objects = PostQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=length_between("title", *limits.TITLE), name="cms_post_title_length"),
            models.CheckConstraint(
                condition=length_between("slug", *limits.SLUG)
                & models.Q(slug__regex=limits.SLUG_PATTERN)
                & ~models.Q(slug__regex=limits.SLUG_EDGE_PATTERN)
                & ~models.Q(slug__regex=limits.UUID_PATTERN),
                name="cms_post_slug_valid",
            ),
            models.CheckConstraint(
                condition=length_between("content", *limits.CONTENT), name="cms_post_content_length"
            ),
            models.CheckConstraint(
                condition=length_at_most("excerpt", limits.EXCERPT_MAX)
                & length_at_most("meta_title", limits.META_TITLE_MAX)
                & length_at_most("meta_description", limits.META_DESCRIPTION_MAX),
                name="cms_post_texts_length",
            ),
            models.CheckConstraint(
                condition=length_between("language", 2, limits.LANGUAGE_MAX), name="cms_post_language_length"
            ),
            models.CheckConstraint(
                condition=models.Q(kind__in=Kind.values)
                & models.Q(status__in=Status.values)
                & models.Q(visibility__in=Visibility.values)
                & models.Q(content_format__in=ContentFormat.values),
                name="cms_post_choices_valid",
            ),
            models.CheckConstraint(
                condition=models.Q(
                    status=Status.TRASHED, status_before_trash__in=[Status.DRAFT, Status.PUBLISHED, Status.ARCHIVED]
                )
                | (~models.Q(status=Status.TRASHED) & models.Q(status_before_trash="")),
                name="cms_post_trash_remembers_state",
            ),
            models.CheckConstraint(
                condition=~models.Q(status=Status.PUBLISHED) | models.Q(published_at__isnull=False),
                name="cms_post_published_has_instant",
            ),
            models.CheckConstraint(
                condition=models.Q(expires_at=None)
                | models.Q(published_at=None)
                | models.Q(expires_at__gt=models.F("published_at")),
                name="cms_post_expires_after_published",
            ),
            models.CheckConstraint(
                condition=models.Q(version__gte=1) & models.Q(reading_time_min__gte=1), name="cms_post_numbers_positive"
            ),
            models.CheckConstraint(
                condition=models.Q(settles_at=None) | models.Q(status=Status.PUBLISHED),
                name="cms_post_settles_while_published",
            ),
        ]
        indexes = [
            # With all columns that make a post public, so that an index alone gives v1's totals and far pages.
            models.Index(
                fields=["kind", "-published_at", "-id", "expires_at"],
                name="cms_post_listed_published",
                condition=IS_LISTED,
            ),
            models.Index(
                fields=["kind", "-created_at", "-id", "published_at", "expires_at"],
                name="cms_post_listed_created",
                condition=IS_LISTED,
            ),
            # For everybody's lists, with any other posts they may see: the indexes above hold public posts alone.
            models.Index(fields=["kind", "status", "-published_at", "-id"], name="cms_post_published"),
            models.Index(fields=["kind", "-updated_at", "-id", "status"], name="cms_post_updated"),
            models.Index(fields=["kind", "status", "title", "id"], name="cms_post_title"),
            models.Index(
                Lower("language"),
                "kind",
                "status",
                models.F("published_at").desc(),
                models.F("id").desc(),
                name="cms_post_language",
            ),
            models.Index(fields=["kind", "-created_at", "-id"], name="cms_post_created"),
            models.Index(fields=["-created_at", "-id"], name="cms_post_newest"),
            models.Index(fields=["author", "-created_at"], name="cms_post_author"),
            models.Index(fields=["featured_image", "id"], name="cms_post_featured"),
            models.Index(fields=["settles_at"], name="cms_post_settles", condition=models.Q(settles_at__isnull=False)),
        ]

    def __str__(self) -> str:
        return self.title

    def is_scheduled(self, now: datetime.datetime) -> bool:
        return self.status == Status.PUBLISHED and self.published_at is not None and self.published_at > now

    def status_at(self, now: datetime.datetime) -> str:
        """Return the stored status, except that a published post whose instant is still to come is scheduled."""
        return "scheduled" if self.is_scheduled(now) else str(self.status)

    def is_written_by(self, user_id: uuid.UUID) -> bool:
        """Return the rule of `PostQuerySet.written_by` for one object. Only a co-author costs a query."""
        return self.author_id == user_id or self.co_authors.filter(pk=user_id).exists()

    def is_public(self, now: datetime.datetime) -> bool:
        """Apply the rule of `PostQuerySet.public` to one object that is already in memory."""
        return (
            self.status == Status.PUBLISHED
            and self.visibility == Visibility.PUBLIC
            and self.published_at is not None
            and self.published_at <= now
            and (self.expires_at is None or self.expires_at > now)
        )


class PostRevision(Entity):
    """A post's content at one point: `snapshot` holds the fields named in `services.revisions.SNAPSHOT_FIELDS`.

    A draft revision (`is_draft`) is what the content may become: nobody reads it in the post until it is applied.
    """

    post = models.ForeignKey(Post, models.CASCADE, related_name="revisions")
    number = models.PositiveIntegerField()
    snapshot = models.JSONField(encoder=PlainEncoder, decoder=SnapshotDecoder)
    is_draft = models.BooleanField(default=False)
    author = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    reason = models.CharField(max_length=200, blank=True, default="")

    objects = PostRevisionQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["post", "number"], name="cms_postrevision_number_unique"),
            models.CheckConstraint(condition=models.Q(number__gte=1), name="cms_postrevision_number_positive"),
        ]
        indexes = [
            # SQLite would read through each snapshot to see whether it is a draft's.
            models.Index(
                fields=["post", "number", "reason"], name="cms_postrevision_waiting", condition=models.Q(is_draft=True)
            ),
        ]

    def __str__(self) -> str:
        return f"revision {self.number}"
