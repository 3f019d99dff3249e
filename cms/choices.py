"""The closed vocabularies of the domain: roles, kinds, states and formats."""

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy


class Role(TextChoices):
    SUBSCRIBER = "subscriber", pgettext_lazy("role", "Subscriber")
    AUTHOR = "author", pgettext_lazy("role", "Author")
    EDITOR = "editor", pgettext_lazy("role", "Editor")
    ADMIN = "admin", pgettext_lazy("role", "Admin")


class Kind(TextChoices):
    POST = "post", _("Post")
    PAGE = "page", _("Page")


class Status(TextChoices):
    """A post's stored states. `scheduled` is none of them: it is `published` with a `published_at` still to come."""

    DRAFT = "draft", _("Draft")
    PUBLISHED = "published", _("Published")
    ARCHIVED = "archived", _("Archived")
    TRASHED = "trashed", _("Trashed")


class Visibility(TextChoices):
    PUBLIC = "public", _("Public")
    PRIVATE = "private", _("Private")


class ContentFormat(TextChoices):
    MARKDOWN = "markdown", _("Markdown")
    HTML = "html", _("Html")


class CommentStatus(TextChoices):
    PENDING = "pending", _("Pending")
    PUBLISHED = "published", _("Published")
    REJECTED = "rejected", _("Rejected")
    SPAM = "spam", _("Spam")
    DELETED = "deleted", _("Deleted")


class DeliveryStatus(TextChoices):
    PENDING = "pending", _("Pending")
    DELIVERED = "delivered", _("Delivered")
    DEAD = "dead", _("Dead")


class JobStatus(TextChoices):
    """`DEAD` is a job that failed as often as it may: kept until somebody looks at it."""

    READY = "ready"
    RUNNING = "running"
    SUCCESSFUL = "successful"
    DEAD = "dead"


class TransferKind(TextChoices):
    IMPORT = "import", _("Import")
    EXPORT = "export", _("Export")


class TransferState(TextChoices):
    """`CHECKED` waits for somebody who has read what the import would do."""

    CHECKING = "checking", _("Checking")
    CHECKED = "checked", _("Checked")
    RUNNING = "running", _("Running")
    DONE = "done", _("Done")
    FAILED = "failed", _("Failed")


class Scope(TextChoices):
    """The permissions of an API key; it never may more than its owner."""

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
