"""Undoing a moderator's decision, and that spam is an event of its own."""

import datetime
from functools import partial
from typing import Any

import pytest

from cms.choices import CommentStatus
from cms.errors import CommentEdited, NothingToUndo, PermissionRefused
from cms.models import AuditEvent, Comment, Delivery, User
from cms.policy import SYSTEM
from cms.services.comments import edit_comment, moderate_comment
from cms.services.moderation import last_decisions, undo_moderation
from cms.services.webhooks import create_webhook

MINUTE = datetime.timedelta(minutes=1)


@pytest.fixture
def comment(make_post: Any, make_comment: Any) -> Comment:
    made: Comment = make_comment(make_post(), status="pending")
    return made


@pytest.mark.parametrize("status", ["published", "rejected", "spam"])
def test_a_decision_is_taken_back(comment: Comment, editor: User, now: Any, events_of: Any, status: str) -> None:
    decided = moderate_comment(actor=editor, comment=comment, status=CommentStatus(status), now=now)
    assert undo_moderation(actor=editor, comment=decided, now=now).status == "pending"
    assert events_of(comment) == ["comment.created", f"comment.{status}", "comment.updated"]
    assert last_decisions(actor=editor, since=now - MINUTE) == []


def test_a_decision_about_a_published_comment_publishes_it_again(
    make_post: Any, make_comment: Any, editor: User, now: Any, events_of: Any
) -> None:
    comment = make_comment(make_post(), status="published")
    moderate_comment(actor=editor, comment=comment, status=CommentStatus.SPAM, now=now)
    assert undo_moderation(actor=editor, comment=comment, now=now).status == "published"
    assert events_of(comment)[-1] == "comment.published"


def test_nobody_undoes_what_is_long_ago_or_somebody_elses(
    comment: Comment, editor: User, admin: User, author: User, now: Any
) -> None:
    moderate_comment(actor=editor, comment=comment, status=CommentStatus.SPAM, now=now)
    with pytest.raises(NothingToUndo):
        undo_moderation(actor=admin, comment=comment, now=now)
    with pytest.raises(NothingToUndo):
        undo_moderation(actor=editor, comment=comment, now=now + MINUTE)
    with pytest.raises(PermissionRefused):
        undo_moderation(actor=author, comment=comment, now=now)
    assert Comment.objects.get().status == "spam"


def test_a_change_since_is_not_undone(comment: Comment, editor: User, now: Any) -> None:
    comment = moderate_comment(actor=editor, comment=comment, status=CommentStatus.PUBLISHED, now=now)
    edit_comment(actor=editor, comment=comment, text="Better words", now=now)
    with pytest.raises(NothingToUndo):
        undo_moderation(actor=editor, comment=comment, now=now)


def test_the_last_decisions_are_those_of_one_request(
    comment: Comment, make_comment: Any, editor: User, now: Any
) -> None:
    others = [make_comment(comment.post, status="pending") for _ in range(2)]
    for one in (comment, *others):
        moderate_comment(actor=editor, comment=one, status=CommentStatus.REJECTED, now=now)
    earlier = AuditEvent.objects.filter(object_id=comment.pk, action="comment.rejected")
    earlier.update(request_id="an earlier one")
    decided = last_decisions(actor=editor, since=now - MINUTE)
    assert {event.object_id for event in decided} == {one.pk for one in others}
    assert last_decisions(actor=editor, since=now + MINUTE) == []


def test_only_the_edition_that_was_read_is_published(comment: Comment, editor: User, now: Any) -> None:
    publish: Any = partial(moderate_comment, actor=editor, comment=comment, status=CommentStatus.PUBLISHED, now=now)
    for minutes in (1, 2):
        read = Comment.objects.get().edition
        edited = edit_comment(actor=editor, comment=comment, text="Better words", now=now + minutes * MINUTE)
        with pytest.raises(CommentEdited):
            publish(edition=read)
        assert Comment.objects.get().status == "pending"
    assert publish(edition=edited.edition).status == "published"


def test_who_names_no_edition_publishes_the_text_as_it_is(comment: Comment, editor: User, now: Any) -> None:
    edit_comment(actor=editor, comment=comment, text="Better words", now=now)
    assert moderate_comment(actor=editor, comment=comment, status=CommentStatus.PUBLISHED, now=now).text


@pytest.mark.parametrize(
    ("events", "told"),
    [
        (["comment.rejected"], ["comment.rejected"]),
        (["comment.spam"], ["comment.spam"]),
        (["comment.rejected", "comment.spam"], ["comment.spam"]),
        (["*"], ["comment.spam"]),
        (["comment.published"], []),
    ],
)
def test_a_webhook_that_asks_for_rejected_comments_is_still_told_of_spam(
    comment: Comment, admin: User, now: Any, events: list[str], told: list[str]
) -> None:
    create_webhook(actor=admin, fields={"url": "https://example.org/hook", "events": events}, now=now)
    moderate_comment(actor=SYSTEM, comment=comment, status=CommentStatus.SPAM, now=now)
    deliveries = Delivery.objects.filter(object_id=comment.pk)
    assert [(row.event_type, row.payload["type"]) for row in deliveries] == [(name, name) for name in told]
