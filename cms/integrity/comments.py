"""Checks of comments: their states, and the threads that `parent`, `depth` and `thread_path` tell of."""

import datetime
import uuid
from collections.abc import Iterator, Sequence

from django.db import IntegrityError, transaction

from cms import limits
from cms.choices import CommentStatus
from cms.integrity.findings import Check, Finding, found, one_by_one
from cms.models import Comment
from cms.policy import SYSTEM
from cms.querysets.walking import walk_by_key
from cms.services.audit import record_event


def find_states(now: datetime.datetime) -> Iterator[Finding]:
    rows = Comment.objects.order_by("pk").values_list("pk", flat=True)
    yield from found("comment", rows.exclude(status__in=CommentStatus.values), "has a status that does not exist")
    shown = rows.filter(status=CommentStatus.DELETED).exclude(text="", author_email="")
    yield from found("comment", shown, "is deleted and still has its text or its author's address")


def mend_state(finding: Finding, now: datetime.datetime) -> bool:
    """Let a comment of unknown state wait for a moderator; take from a deleted one what it should have lost."""
    comment = Comment.objects.select_for_update(no_key=True).filter(pk=finding.object_id).first()
    if comment is None:
        return False
    before = {"status": comment.status}
    if comment.status not in CommentStatus.values:
        comment.status = CommentStatus.PENDING
    if comment.status == CommentStatus.DELETED:
        comment.text = comment.author_email = ""
    comment.updated_at = now
    comment.save(update_fields=["status", "text", "author_email", "updated_at"])
    after = {"status": comment.status, "repaired": "comment_states"}
    record_event(SYSTEM, "comment.updated", comment, before=before, after=after)
    return True


def find_threads(now: datetime.datetime) -> Iterator[Finding]:
    rows = Comment.objects.values_list(
        *("pk", "post_id", "parent_id", "depth", "thread_path"),
        *("parent__post_id", "parent__depth", "parent__thread_path"),
    )
    for pk, post_id, parent_id, depth, path, parent_post_id, parent_depth, parent_path in walk_by_key(rows):
        text = ""
        if parent_id is None:
            is_right = (depth, path) == (0, pk.hex)
        else:
            is_right = (depth, path) == ((parent_depth or 0) + 1, f"{parent_path}/{pk.hex}")
            if parent_post_id is None:
                text = f"answers comment {parent_id}, which does not exist"
            elif parent_post_id != post_id:
                text = "answers a comment of another post"
            elif depth > limits.COMMENT_DEPTH_MAX:
                text = "stands too deep in its thread"
        if text or not is_right:
            yield Finding("comment", pk, text or "has a depth or path that does not match its thread", str(post_id))


def mend_threads(findings: Sequence[Finding], now: datetime.datetime) -> int:
    """Mend each post's comments as a whole, because their places depend on each other."""
    posts = dict.fromkeys(uuid.UUID(finding.field) for finding in findings)
    return sum(_mend_post(post_id) for post_id in posts)


def _mend_post(post_id: uuid.UUID) -> int:
    try:
        with transaction.atomic():
            rows = Comment.objects.select_for_update(no_key=True).filter(post_id=post_id).order_by("pk")
            comments = {comment.pk: comment for comment in rows}
            before = {pk: (c.parent_id, c.depth, c.thread_path) for pk, c in comments.items()}
            place(comments)
            moved = [c for pk, c in comments.items() if (c.parent_id, c.depth, c.thread_path) != before[pk]]
            # First out of each other's way: a path may be taken by one that is about to leave it.
            for comment in moved:
                Comment.objects.filter(pk=comment.pk).update(thread_path=f"~{comment.pk.hex}")
            for comment in moved:
                comment.save(update_fields=["parent", "depth", "thread_path"])
            return len(moved)
    except IntegrityError:
        return 0


def place(comments: dict[uuid.UUID, Comment]) -> None:
    """Set parent, depth and path of one post's comments; those that hang on nothing begin a thread of their own."""
    placed: set[uuid.UUID] = set()
    for start in comments:
        chain: list[uuid.UUID] = []
        above: uuid.UUID | None = start
        while above is not None and above in comments and above not in placed and above not in chain:
            chain.append(above)
            above = comments[above].parent_id
        if above in chain:  # a cycle: its oldest begins the thread
            comments[min(chain[chain.index(above) :])].parent_id = None
            chain = _upwards(comments, start, placed)
        for pk in reversed(chain):
            _put(comments, pk)
            placed.add(pk)


def _upwards(comments: dict[uuid.UUID, Comment], start: uuid.UUID, placed: set[uuid.UUID]) -> list[uuid.UUID]:
    chain = [start]
    while (above := comments[chain[-1]].parent_id) in comments and above not in placed:
        chain.append(above)
    return chain


def _put(comments: dict[uuid.UUID, Comment], pk: uuid.UUID) -> None:
    comment = comments[pk]
    parent = comments.get(comment.parent_id) if comment.parent_id else None
    if parent is not None and parent.depth >= limits.COMMENT_DEPTH_MAX:
        parent = parent.parent
    comment.parent = parent
    comment.depth = parent.depth + 1 if parent else 0
    comment.thread_path = f"{parent.thread_path}/{pk.hex}" if parent else pk.hex


CHECKS = (
    Check("comment_states", "Every comment is in a state that exists.", find_states, one_by_one(mend_state)),
    Check("comment_threads", "Every comment stands at its place in its post's threads.", find_threads, mend_threads),
)
