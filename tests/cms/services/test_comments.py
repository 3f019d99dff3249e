"""Comments: who writes, edits, moderates and deletes them; threads; states."""

import datetime
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser

from cms.choices import CommentStatus
from cms.errors import InvalidInput, InvalidTransition, NotFound, PermissionRefused, RateLimited
from cms.models import AuditEvent, Comment, Post, User
from cms.policy import SYSTEM
from cms.services.comments import create_comment, delete_comment, edit_comment, moderate_comment
from tests.cms.services.conftest import codes

ASTRAL = "\U0001f600"
MINUTE = datetime.timedelta(minutes=1)
WAYS = {
    "pending": {"published", "rejected", "spam", "deleted"},
    "published": {"pending", "rejected", "spam", "deleted"},
    "rejected": {"deleted"},
    "spam": {"deleted"},
    "deleted": set(),
}
EVENTS = {
    "pending": "comment.updated",
    "published": "comment.published",
    "rejected": "comment.rejected",
    "spam": "comment.spam",
    "deleted": "comment.deleted",
}


@pytest.fixture
def post(make_post: Callable[..., Post]) -> Post:
    return make_post()


@pytest.fixture
def reader(make_user: Callable[..., User]) -> User:
    return make_user("subscriber", username="reader")


@pytest.mark.parametrize(
    ("role", "status"),
    [("subscriber", "pending"), ("author", "published"), ("editor", "published"), ("admin", "published")],
)
def test_a_subscriber_waits_for_a_moderator(
    post: Post, make_user: Any, now: Any, events_of: Any, role: str, status: str
) -> None:
    user = make_user(role)
    comment = create_comment(actor=user, post=post, fields={"text": "Well."}, now=now)
    assert (comment.author, comment.status, comment.depth, comment.edited_at) == (user, status, 0, None)
    assert (comment.created_at, events_of(comment)) == (now, ["comment.created"])


def test_strangers_and_suspended_users_write_nothing(post: Post, make_user: Any, now: Any) -> None:
    for actor in (AnonymousUser(), make_user("author", is_active=False)):
        with pytest.raises(PermissionRefused):
            create_comment(actor=actor, post=post, fields={"text": "a"}, now=now)
    assert not Comment.objects.exists()


def test_who_may_not_moderate_writes_so_many_an_hour(post: Post, author: User, now: Any, settings: Any) -> None:
    settings.RATE_LIMIT_COMMENTS = 2
    fields: Any = {"text": "Well said."}
    for _ in range(2):
        create_comment(actor=author, post=post, fields=fields, now=now)
    with pytest.raises(RateLimited, match="Too many comments: try again in"):
        create_comment(actor=author, post=post, fields=fields, now=now)
    later = now + datetime.timedelta(hours=2)
    assert create_comment(actor=author, post=post, fields=fields, now=later).created_at == later


@pytest.mark.parametrize(("role", "limit"), [("editor", 1), ("admin", 1), ("subscriber", 0)])
def test_moderators_and_sites_without_a_limit_take_more(
    post: Post, make_user: Any, now: Any, settings: Any, role: str, limit: int
) -> None:
    settings.RATE_LIMIT_COMMENTS = limit
    user = make_user(role)
    for _ in range(3):
        create_comment(actor=user, post=post, fields={"text": "Well said."}, now=now)
    assert Comment.objects.filter(author=user).count() == 3


@pytest.mark.parametrize("name", ["author", "author_name", "author_email", "status", "created_at"])
def test_nobody_but_an_importer_speaks_for_others(post: Post, editor: User, now: Any, name: str) -> None:
    with pytest.raises(PermissionRefused):
        create_comment(actor=editor, post=post, fields={"text": "a", name: "x"}, now=now)  # type: ignore[misc]


@pytest.mark.parametrize("text", ["x", ASTRAL * 10_000, "e\u0301" * 5_000, " a "])
def test_a_text_within_its_limit_is_kept(post: Post, reader: User, now: Any, text: str) -> None:
    comment = create_comment(actor=reader, post=post, fields={"text": text}, now=now)
    assert Comment.objects.get().text == text
    assert edit_comment(actor=reader, comment=comment, text=text[::-1], now=now).text == text[::-1]


@pytest.mark.parametrize(
    ("text", "code"),
    [("", "required"), (" \n", "required"), (ASTRAL * 10_001, "too_long"), ("a\x00", "invalid_characters")],
)
def test_a_text_beyond_its_limit_is_refused(post: Post, reader: User, now: Any, text: str, code: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        create_comment(actor=reader, post=post, fields={"text": text}, now=now)
    assert codes(caught.value) == [("text", code)]
    comment = create_comment(actor=reader, post=post, fields={"text": "good"}, now=now)
    with pytest.raises(InvalidInput):
        edit_comment(actor=reader, comment=comment, text=text, now=now)
    assert Comment.objects.get().text == "good"


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"author_name": "a" * 201}, ("author_name", "too_long")),
        ({"author_name": "a\x00"}, ("author_name", "invalid_characters")),
        ({"author_name": "Guest", "author_email": "a" * 255}, ("author_email", "too_long")),
        ({"author_name": "Guest", "status": "shown"}, ("status", "invalid_choice")),
        ({}, ("author", "required")),
    ],
)
def test_what_an_importer_writes_has_limits_too(post: Post, now: Any, fields: Any, error: tuple[str, str]) -> None:
    with pytest.raises(InvalidInput) as caught:
        create_comment(actor=SYSTEM, post=post, fields={"text": "a", **fields}, now=now)
    assert codes(caught.value) == [error]


def test_an_imported_comment_stands_where_its_time_puts_it(post: Post, make_comment: Any, now: Any) -> None:
    guest = {"by": None, "author": None, "author_name": "Guest"}
    newer = make_comment(post, created_at=now - MINUTE, **guest)
    older = make_comment(post, created_at=now - 2 * MINUTE, **guest)
    answer = make_comment(post, parent=older, **guest)
    assert list(post.comments.in_thread_order()) == [older, answer, newer]


def test_threads_are_ten_levels_deep_at_most(post: Post, reader: User, now: Any) -> None:
    comment = None
    for depth in range(11):
        fields: Any = {"text": "a", "parent": comment}
        comment = create_comment(actor=reader, post=post, fields=fields, now=now)
        assert comment.depth == depth
    with pytest.raises(InvalidInput) as caught:
        create_comment(actor=reader, post=post, fields={"text": "a", "parent": comment}, now=now)
    assert codes(caught.value) == [("parent", "too_deep")]


def test_an_answer_belongs_to_a_standing_comment_of_the_same_post(
    post: Post, make_post: Any, make_comment: Any, reader: User, now: Any
) -> None:
    elsewhere = make_comment(make_post())
    deleted = delete_comment(actor=SYSTEM, comment=make_comment(post), now=now)
    for parent in (elsewhere, deleted):
        with pytest.raises(InvalidInput) as caught:
            create_comment(actor=reader, post=post, fields={"text": "a", "parent": parent}, now=now)
        assert codes(caught.value) == [("parent", "invalid_parent")]


# -- states -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("wanted", CommentStatus)
@pytest.mark.parametrize("status", WAYS)
def test_every_way_between_states(
    post: Post, make_comment: Any, editor: User, now: Any, events_of: Any, status: str, wanted: CommentStatus
) -> None:
    comment = make_comment(post, status="pending" if status == "deleted" else status)
    if status == "deleted":
        comment = delete_comment(actor=editor, comment=comment, now=now)
    if wanted in WAYS[status]:
        after = moderate_comment(actor=editor, comment=comment, status=wanted, now=now + MINUTE)
        assert (after.status, after.updated_at, events_of(comment)[-1]) == (wanted, now + MINUTE, EVENTS[wanted])
    else:
        with pytest.raises(InvalidTransition) as caught:
            moderate_comment(actor=editor, comment=comment, status=wanted, now=now)
        assert (caught.value.current, caught.value.wanted) == (status, wanted)
        assert set(caught.value.allowed) == WAYS[status]
        assert Comment.objects.get().status == status


@pytest.mark.parametrize("status", ["pending", "published", "rejected", "spam"])
def test_deleting_takes_the_text_and_leaves_the_place(
    post: Post, make_comment: Any, reader: User, now: Any, status: str
) -> None:
    comment = make_comment(post, by=reader, status=status)
    answer = make_comment(post, parent=comment)
    delete_comment(actor=reader, comment=comment, now=now)
    stored = Comment.objects.get(pk=comment.pk)
    assert (stored.status, stored.text, stored.thread_path) == ("deleted", "", comment.thread_path)
    assert Comment.objects.get(pk=answer.pk).parent_id == comment.pk
    assert "Well said" not in str(AuditEvent.objects.filter(object_id=comment.pk).values("before", "after"))


@pytest.mark.parametrize("who", ["stranger", "other", "post_author", "suspended"])
def test_only_its_author_and_moderators_change_a_comment(
    post: Post, make_user: Any, make_comment: Any, reader: User, now: Any, who: str
) -> None:
    comment = make_comment(post, by=reader)
    if who == "suspended":
        reader.is_active = False
    people: Any = {"stranger": AnonymousUser(), "post_author": post.author, "suspended": reader}
    actor = people.get(who) or make_user("subscriber")
    for act in (
        lambda: edit_comment(actor=actor, comment=comment, text="b", now=now),
        lambda: delete_comment(actor=actor, comment=comment, now=now),
        lambda: moderate_comment(actor=actor, comment=comment, status=CommentStatus.SPAM, now=now),
    ):
        with pytest.raises(PermissionRefused):
            act()


def test_an_author_does_not_publish_their_own_waiting_comment(post: Post, reader: User, now: Any) -> None:
    comment = create_comment(actor=reader, post=post, fields={"text": "a"}, now=now)
    with pytest.raises(PermissionRefused):
        moderate_comment(actor=reader, comment=comment, status=CommentStatus.PUBLISHED, now=now)


@pytest.mark.parametrize(
    "case", [(False, "author", "published"), (True, "author", "pending"), (True, "editor", "published")]
)
def test_an_edited_comment_waits_again_when_the_setting_says_so(
    post: Post, make_comment: Any, editor: User, now: Any, settings: Any, case: tuple[bool, str, str]
) -> None:
    settings.COMMENT_EDITS_NEED_REVIEW, by, status = case
    comment = make_comment(post, status="published")
    edited = edit_comment(actor=editor if by == "editor" else post.author, comment=comment, text="b", now=now)
    assert (edited.text, edited.edited_at, edited.status) == ("b", now, status)


def test_a_rejected_comment_is_not_brought_back_by_editing_it(
    post: Post, make_comment: Any, reader: User, now: Any, settings: Any
) -> None:
    settings.COMMENT_EDITS_NEED_REVIEW = True
    comment = make_comment(post, by=reader, status="rejected")
    assert edit_comment(actor=reader, comment=comment, text="b", now=now).status == "rejected"


def test_a_deleted_comment_is_not_edited(post: Post, make_comment: Any, reader: User, now: Any) -> None:
    comment = delete_comment(actor=reader, comment=make_comment(post, by=reader), now=now)
    with pytest.raises(InvalidTransition) as caught:
        edit_comment(actor=reader, comment=comment, text="b", now=now)
    assert caught.value.allowed == ()
    assert Comment.objects.get().text == ""


def test_a_comment_that_is_gone_is_not_found(post: Post, make_comment: Any, editor: User, now: Any) -> None:
    comment = make_comment(post)
    Comment.objects.all().delete()
    for act in (
        lambda: edit_comment(actor=editor, comment=comment, text="b", now=now),
        lambda: delete_comment(actor=editor, comment=comment, now=now),
    ):
        with pytest.raises(NotFound):
            act()
