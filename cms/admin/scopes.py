"""The scopes of API keys in the words of their owners, and the sets of them that are asked for most."""

from typing import Any, Final

from django.utils.translation import gettext_lazy as _

from cms.choices import Scope

SENTENCES: Final[dict[Scope, Any]] = {
    Scope.POSTS_READ: _("Read posts and pages, also drafts that the owner may see."),
    Scope.POSTS_WRITE: _("Write, change and publish posts as the owner may."),
    Scope.COMMENTS_WRITE: _("Write comments, and moderate them if the owner may."),
    Scope.MEDIA_WRITE: _("Upload files, describe and delete them."),
    Scope.USERS_READ: _("Read accounts with their e-mail addresses."),
    Scope.USERS_WRITE: _("Create, change, suspend and delete accounts."),
    Scope.ROLLOUT_READ: _("See the rollout of API v2."),
    Scope.ROLLOUT_RAMP: _("Change the share of API v2, its plan and its lists."),
    Scope.ROLLOUT_ROLLBACK: _("Roll API v2 back."),
    Scope.ROLLOUT_LIFECYCLE: _("Deprecate, switch off and restore API v1."),
    Scope.ROLLOUT_SYNTHETIC: _("Send synthetic requests that the statistics leave out."),
}
PRESETS: Final[dict[str, tuple[Any, tuple[Scope, ...]]]] = {
    "read": (_("Read only"), (Scope.POSTS_READ,)),
    "comments": (_("Read posts and write comments"), (Scope.POSTS_READ, Scope.COMMENTS_WRITE)),
    "write": (_("Write posts and upload files"), (Scope.POSTS_READ, Scope.POSTS_WRITE, Scope.MEDIA_WRITE)),
    "accounts": (_("Manage accounts"), (Scope.USERS_READ, Scope.USERS_WRITE)),
    "deploy": (_("Watch and roll back the rollout"), (Scope.ROLLOUT_READ, Scope.ROLLOUT_ROLLBACK)),
}


def presets_within(open_scopes: frozenset[Scope]) -> dict[str, tuple[Any, tuple[Scope, ...]]]:
    """Return those whose scopes are all open to the owner."""
    return {name: (label, scopes) for name, (label, scopes) in PRESETS.items() if set(scopes) <= open_scopes}
