"""The trash: taking a post back out of it for a moment, and deleting one for ever."""

import datetime
from typing import Final

from django.db import transaction
from django.db.models import Max

from cms import policy
from cms.choices import Status
from cms.errors import InvalidTransition, NothingToUndo, PermissionRefused
from cms.models import AuditEvent, Comment, ImportRecord, Post
from cms.policy import Actor
from cms.services.audit import record_event
from cms.services.locks import lock_row
from cms.services.moderation import UNDO_WITHIN
from cms.services.personal_traces import forget_around
from cms.services.post_states import restore_post, ways_from

TRASHED: Final = "post.trashed"


def last_trashed(*, actor: Actor, since: datetime.datetime) -> list[AuditEvent]:
    """Return the actor's last moves to the trash, if they were after `since`: those of one request, maybe many.

    A post that has changed since is not among them.
    """
    mine = AuditEvent.objects.filter(created_at__gt=since, actor_id=actor.pk, object_type="post", action=TRASHED)
    newest = list(mine.order_by("-created_at", "-pk"))
    of_one = [event for event in newest if event.request_id == newest[0].request_id]
    still = Post.objects.filter(pk__in=[event.object_id for event in of_one], status=Status.TRASHED)
    versions = dict(still.values_list("pk", "version")) if of_one else {}
    return [event for event in of_one if versions.get(event.object_id) == event.after["version"]]


def undo_trash(*, actor: Actor, post: Post, now: datetime.datetime) -> Post:
    """Give a post the state back that it had before the actor's own move to the trash of a moment ago.

    Raises NothingToUndo if that was too long ago, or if anything has happened to the post since.
    """
    moves = last_trashed(actor=actor, since=now - UNDO_WITHIN)
    move = next((event for event in moves if event.object_id == post.pk), None)
    if move is None:
        raise NothingToUndo
    return restore_post(actor=actor, post=post, now=now, expected_version=move.after["version"])


def purge_post(*, actor: Actor, post: Post, now: datetime.datetime) -> None:
    """Delete a trashed post with its comments, revisions and old addresses. Files that it shows stay.

    Nothing that is kept around its comments tells who their guests were.
    """
    if not policy.may_purge_posts(actor):
        raise PermissionRefused("Only admins delete posts for ever.")
    with transaction.atomic():
        post = lock_row(post, is_doomed=True)
        if post.status != Status.TRASHED:
            raise InvalidTransition("post", post.status, "deleted", ways_from(post))
        before = {"title": post.title, "slug": post.slug, "status": post.status_before_trash}
        record_event(actor, "post.deleted", post, before={**before, "comments": _delete_comments(post)}, after={})
        post.delete()


def _delete_comments(post: Post) -> int:
    """Delete the answers before the comments that they answer; return how many there were."""
    comments = Comment.objects.filter(post=post)
    forget_around(comments)  # by the comments alone it can be found
    # Nobody deletes these one by one: a record without its object would look like a loss.
    imported = ImportRecord.objects.filter(object_type="comment", object_id__in=comments.order_by().values("pk"))
    imported.delete()
    deepest = comments.aggregate(deepest=Max("depth"))["deepest"]
    depths = range(deepest, -1, -1) if deepest is not None else ()
    return sum(comments.filter(depth=depth).delete()[0] for depth in depths)
