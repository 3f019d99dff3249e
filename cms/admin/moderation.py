"""Comments as cards: each with the thread above it and its writer's history, and what was decided a moment ago."""

import datetime
import uuid
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from cms import limits, policy
from cms.admin.dialogs import Change, Words
from cms.admin.status import COMMENT_COLOURS
from cms.choices import CommentStatus
from cms.models import Comment
from cms.services.comments import WAYS
from cms.services.moderation import last_decisions

UNDO_SHOWN = datetime.timedelta(seconds=10)
PENDING_SHOWN = 999


class Writer(NamedTuple):
    name: str
    is_guest: bool
    approved: int
    spam: int
    since: datetime.datetime | None
    """When a user's account was made, or a guest's first comment."""


class Card(NamedTuple):
    comment: Comment
    thread: list[Comment]
    """The comments that it answers, the first one above all."""
    writer: Writer
    colour: str
    changes: list[Change]
    may_be_answered: bool


class Undoable(NamedTuple):
    sentence: str
    ids: list[uuid.UUID]
    left_ms: int


def cards_of(comments: Sequence[Comment], changes: dict[CommentStatus, Change]) -> list[Card]:
    """Build the cards of a page by two queries, however many they are."""
    threads, histories = _threads_above(comments), _histories_of(comments)
    cards = []
    for comment in comments:
        status = CommentStatus(comment.status)
        open_changes = [changes[way] for way in WAYS[status] if way in changes]
        is_hidden = status in (CommentStatus.REJECTED, CommentStatus.SPAM)
        may_be_answered = comment.depth < limits.COMMENT_DEPTH_MAX and not is_hidden
        thread = [threads[pk] for pk in _ancestor_ids(comment) if pk in threads]
        colour = COMMENT_COLOURS[status]
        cards.append(Card(comment, thread, _writer(comment, histories), colour, open_changes, may_be_answered))
    return cards


def undoable(request: HttpRequest, done_by: Mapping[str, Words], now: datetime.datetime) -> Undoable | None:
    """Return what this moderator has decided within the last seconds. `done_by` has a word for each event."""
    decisions = last_decisions(actor=request.user, since=now - UNDO_SHOWN)
    if not decisions:
        return None
    count, done = len(decisions), done_by[decisions[0].action]
    sentence = ngettext("%(count)d comment was %(done)s.", "%(count)d comments were %(done)s.", count)
    left = UNDO_SHOWN - (now - decisions[0].created_at)
    ids = [event.object_id for event in decisions]
    return Undoable(sentence % {"count": count, "done": done}, ids, int(left.total_seconds() * 1000))


def pending_comments(request: HttpRequest) -> str:
    """Return the number for the menu, empty for none and for users who may not moderate."""
    if not policy.may_moderate(request.user):
        return ""
    count = Comment.objects.filter(status=CommentStatus.PENDING)[: PENDING_SHOWN + 1].count()
    return f"{PENDING_SHOWN}+" if count > PENDING_SHOWN else str(count or "")


def _ancestor_ids(comment: Comment) -> list[uuid.UUID]:
    return [uuid.UUID(part) for part in comment.thread_path.split("/")[:-1]]


def _threads_above(comments: Sequence[Comment]) -> dict[uuid.UUID, Comment]:
    wanted = {pk for comment in comments for pk in _ancestor_ids(comment)}
    return {row.pk: row for row in Comment.objects.filter(pk__in=wanted).select_related("author")} if wanted else {}


def _histories_of(comments: Sequence[Comment]) -> dict[Any, dict[str, Any]]:
    """Rows of `counted_by_writer`, by the user's id or the guest's address."""
    if not comments:
        return {}
    users = {comment.author_id for comment in comments if comment.author_id}
    emails = {comment.author_email for comment in comments if comment.author_email and not comment.author_id}
    rows = Comment.objects.of_writers(users, emails).counted_by_writer()
    return {row["author_id"] or row["author_email"]: row for row in rows}


def _writer(comment: Comment, histories: dict[Any, dict[str, Any]]) -> Writer:
    history = histories.get(comment.author_id or comment.author_email or None) or {}
    approved, spam, since = history.get("approved", 0), history.get("spam", 0), history.get("since")
    if comment.author:
        name = comment.author.display_name or comment.author.username
        return Writer(name, False, approved, spam, comment.author.created_at)
    return Writer(comment.author_name or _("Guest"), True, approved, spam, since)
