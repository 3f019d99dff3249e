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


class DeliveryStatus(TextChoices):
    PENDING = "pending"
    DELIVERED = "delivered"
    DEAD = "dead"


class JobStatus(TextChoices):
    """`DEAD` is a job that failed as often as it may: kept until somebody looks at it."""

    READY = "ready"
    RUNNING = "running"
    SUCCESSFUL = "successful"
    DEAD = "dead"


class TransferKind(TextChoices):
    IMPORT = "import"
    EXPORT = "export"


class TransferState(TextChoices):
    """`CHECKED` waits for somebody who has read what the import would do."""

    CHECKING = "checking"
    CHECKED = "checked"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


class Scope(TextChoices):
    """What an API key may be used for; never more than its owner may do."""

    POSTS_READ = "posts:read"
    POSTS_WRITE = "posts:write"
    COMMENTS_WRITE = "comments:write"
    MEDIA_WRITE = "media:write"
    USERS_READ = "users:read"
    USERS_WRITE = "users:write"
    ROLLOUT_READ = "rollout:read"
    ROLLOUT_RAMP = "rollout:ramp"
    ROLLOUT_ROLLBACK = "rollout:rollback"
    ROLLOUT_LIFECYCLE = "rollout:lifecycle"
    ROLLOUT_SYNTHETIC = "rollout:synthetic"
