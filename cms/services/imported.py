"""Services for importers alone: set when an object was created or changed, and keep an old site's addresses alive."""

import datetime
from typing import Any, Final

from cms import policy
from cms.errors import Duplicate, InvalidInput, PermissionRefused
from cms.models import Post, Redirect
from cms.models.fields import Entity
from cms.policy import Actor
from cms.services.checks import check_old_path

TAKEN_OVER: Final = frozenset({"created_at", "updated_at", "edited_at", "deleted_at", "version"})


def backdate_post(*, actor: Actor, post: Post, updated_at: datetime.datetime) -> None:
    """Set the instant of the last change to what the source says. No event: nothing that anyone reads changes."""
    if actor is not policy.SYSTEM:
        raise PermissionRefused("Only importers say when a post was changed.")
    Post.objects.filter(pk=post.pk).update(updated_at=updated_at)


def take_over_columns(*, actor: Actor, row: Entity, columns: dict[str, Any]) -> None:
    """Set what otherwise only time sets, on a row that was made in this transaction of an export of this project."""
    if actor is not policy.SYSTEM or columns.keys() - TAKEN_OVER:
        raise PermissionRefused("Only importers take instants and versions over.")
    type(row)._default_manager.filter(pk=row.pk).update(**columns)


def add_redirect(*, actor: Actor, post: Post, old_path: str, now: datetime.datetime) -> None:
    """Let `old_path` lead to the post. Raises Duplicate when it already leads to another one."""
    if actor is not policy.SYSTEM:
        raise PermissionRefused("Only importers add redirects.")
    if errors := check_old_path("old_path", old_path):
        raise InvalidInput(errors)
    defaults = {"post": post, "created_at": now, "updated_at": now}
    redirect, _ = Redirect.objects.get_or_create(old_path=old_path, defaults=defaults)
    if redirect.post_id != post.pk:
        raise Duplicate("old_path", "This address already leads to another post.")
