"""The closed vocabularies of the domain: roles, kinds, states and formats."""

from django.db.models import TextChoices


class Role(TextChoices):
    SUBSCRIBER = "subscriber"
    AUTHOR = "author"
    EDITOR = "editor"
    ADMIN = "admin"


class Kind(TextChoices):
    POST = "post"
    PAGE = "page"


class Status(TextChoices):
    """A post's stored states. `scheduled` is none of them: it is `published` with a `published_at` still to come."""

    DRAFT = "draft"
    PUBLISHED = "published"
    ARCHIVED = "archived"
    TRASHED = "trashed"


class Visibility(TextChoices):
    PUBLIC = "public"
    PRIVATE = "private"


class ContentFormat(TextChoices):
    MARKDOWN = "markdown"
    HTML = "html"


class CommentStatus(TextChoices):
    PENDING = "pending"
    PUBLISHED = "published"
    REJECTED = "rejected"
    SPAM = "spam"
    DELETED = "deleted"
