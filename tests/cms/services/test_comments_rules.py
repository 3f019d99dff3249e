"""Comments: what stays of a deleted one, what editing does to a hidden one, whom one may answer."""

import datetime
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser

from cms.choices import CommentStatus
from cms.errors import InvalidInput, PermissionRefused, RateLimited
from cms.models import Comment, Post, User
from cms.policy import SYSTEM
from cms.services.comments import create_comment, delete_comment, edit_comment, moderate_comment
from cms.services.origin import Origin, set_origin

MINUTE = datetime.timedelta(minutes=1)


@pytest.fixture
def post(make_post: Callable[..., Post]) -> Post:
    return make_post()


@pytest.fixture
def reader(make_user: Callable[..., User]) -> User:
    return make_user("subscriber", username="reader", display_name="Avid Reader")


@pytest.fixture
def thread(post: Post, reader: User, make_comment: Any, editor: User, now: Any) -> list[Comment]:
    """A deleted comment by `reader`, an answer to it, an answer to that."""
    first = make_comment(post, by=reader, status="published", text="Regretted.")
    second = make_comment(post, by=editor, parent=first, status="published", text="An answer.")
    third = make_comment(post, by=editor, parent=second, status="published", text="A second answer.")
    return [delete_comment(actor=reader, comment=first, now=now), second, third]


def seen_by(user: Any, now: datetime.datetime) -> list[Comment]:
    return list(Comment.objects.visible_to(user, now).in_thread_order())


def test_a_deleted_comment_keeps_its_place_above_answers(thread: list[Comment], reader: User, now: Any) -> None:
    for user in (AnonymousUser(), reader):
        assert seen_by(user, now) == thread


def test_a_deleted_comment_without_answers_is_gone(
    post: Post, reader: User, editor: User, make_comment: Any, now: Any
) -> None:
    lone = make_comment(post, by=reader, status="published")
    delete_comment(actor=editor, comment=lone, now=now)
    for user in (AnonymousUser(), reader, editor):
        assert seen_by(user, now) == []


def test_a_place_is_kept_for_answers_at_any_depth(thread: list[Comment], editor: User, now: Any) -> None:
    delete_comment(actor=editor, comment=thread[1], now=now)
    assert [comment.pk for comment in seen_by(AnonymousUser(), now)] == [comment.pk for comment in thread]


def test_a_place_is_given_up_with_its_last_answer(thread: list[Comment], editor: User, now: Any) -> None:
    for comment in thread[1:]:
        delete_comment(actor=editor, comment=comment, now=now)
    assert seen_by(AnonymousUser(), now) == seen_by(editor, now) == []


def test_a_place_is_kept_for_those_alone_who_see_an_answer(
    post: Post, reader: User, make_user: Any, make_comment: Any, editor: User, now: Any
) -> None:
    parent = make_comment(post, by=editor, status="published")
    pending = make_comment(post, by=reader, parent=parent, status="pending")
    parent = delete_comment(actor=editor, comment=parent, now=now)
    assert seen_by(reader, now) == seen_by(editor, now) == [parent, pending]
    assert seen_by(make_user("subscriber"), now) == seen_by(AnonymousUser(), now) == []


def test_the_beginning_of_a_path_is_no_ancestor(post: Post, make_comment: Any, editor: User, now: Any) -> None:
    """Only what stands below it counts, not every path that its own is the beginning of."""
    one = make_comment(post, by=editor, status="published")
    two = make_comment(post, by=editor, status="published")
    Comment.objects.filter(pk=two.pk).update(thread_path=f"{one.thread_path}0")
    delete_comment(actor=editor, comment=one, now=now)
    assert seen_by(AnonymousUser(), now) == [two]


def test_the_address_of_a_guest_goes_with_the_text(post: Post, make_comment: Any, editor: User, now: Any) -> None:
    guest = {"author": None, "author_name": "Guest", "author_email": "guest@example.org"}
    delete_comment(actor=editor, comment=make_comment(post, **guest), now=now)
    stored = Comment.objects.get()
    assert (stored.text, stored.author_email) == ("", "")


@pytest.mark.parametrize("status", ["pending", "rejected", "spam"])
@pytest.mark.parametrize("is_reviewed", [True, False])
def test_editing_never_brings_a_hidden_comment_back(
    post: Post, reader: User, make_comment: Any, now: Any, settings: Any, status: str, is_reviewed: bool
) -> None:
    settings.COMMENT_EDITS_NEED_REVIEW = is_reviewed
    comment = make_comment(post, by=reader, status=status)
    edited = edit_comment(actor=reader, comment=comment, text="Please?", now=now + MINUTE)
    assert (edited.status, edited.text, edited.edited_at) == (status, "Please?", now + MINUTE)
    assert seen_by(AnonymousUser(), now) == []


def test_a_comment_sent_back_by_an_edit_is_published_again_by_a_moderator(
    post: Post, reader: User, editor: User, make_comment: Any, now: Any, settings: Any
) -> None:
    settings.COMMENT_EDITS_NEED_REVIEW = True
    comment = make_comment(post, by=reader, status="published")
    comment = edit_comment(actor=reader, comment=comment, text="Changed.", now=now)
    assert (comment.status, seen_by(AnonymousUser(), now), seen_by(reader, now)) == ("pending", [], [comment])
    comment = moderate_comment(actor=editor, comment=comment, status=CommentStatus.PUBLISHED, now=now)
    assert seen_by(AnonymousUser(), now) == [comment]


@pytest.mark.parametrize("status", ["pending", "rejected", "spam"])
def test_nobody_answers_a_comment_that_is_hidden_from_them(
    post: Post, reader: User, editor: User, make_user: Any, make_comment: Any, now: Any, status: str
) -> None:
    fields: Any = {"text": "Hello.", "parent": make_comment(post, by=reader, status=status)}
    with pytest.raises(InvalidInput) as caught:
        create_comment(actor=make_user("subscriber"), post=post, fields=fields, now=now)
    assert [(error.field, error.code) for error in caught.value.errors] == [("parent", "invalid_parent")]
    for actor in (reader, editor, SYSTEM):
        own: Any = {**fields, **({"author": reader} if actor is SYSTEM else {})}
        assert create_comment(actor=actor, post=post, fields=own, now=now).depth == 1


# -- guests -----------------------------------------------------------------------------------------------------------


def test_a_guest_is_let_in_by_the_setting_alone_and_waits_for_a_moderator(post: Post, now: Any, settings: Any) -> None:
    fields: Any = {"text": "Hello.", "author_name": "Grace", "author_email": "grace@example.org"}
    with pytest.raises(PermissionRefused):
        create_comment(actor=AnonymousUser(), post=post, fields=fields, now=now)
    settings.COMMENTS_BY_GUESTS = True
    comment = create_comment(actor=AnonymousUser(), post=post, fields=fields, now=now)
    assert (comment.author, comment.author_name, comment.status) == (None, "Grace", "pending")


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({}, "author_name"),
        ({"author_name": "Grace", "author_email": "grace"}, "author_email"),
        *(
            ({"author_name": f"Gra{unseen}ce"}, "author_name")
            for unseen in "\n\u2028\u200b\u202e\x07\u034f\u17b4\u3164"
        ),
        *(({"author_name": blank}, "author_name") for blank in ("\u200d", "\u2800", "\ufe0f", "\u0301\u0301")),
    ],
)
def test_a_guest_has_a_name_and_no_invalid_address(
    post: Post, now: Any, settings: Any, fields: dict[str, Any], field: str
) -> None:
    settings.COMMENTS_BY_GUESTS = True
    with pytest.raises(InvalidInput) as caught:
        create_comment(actor=AnonymousUser(), post=post, fields={"text": "Hello.", **fields}, now=now)
    assert [error.field for error in caught.value.errors] == [field]


@pytest.mark.parametrize("name", ["山田\u3000太郎", "Zo\u00eb\u00a0K.", "می\u200cخواهم", "👩\u200d💻"])
def test_a_guests_name_may_be_of_any_script(post: Post, now: Any, settings: Any, name: str) -> None:
    settings.COMMENTS_BY_GUESTS = True
    fields: Any = {"text": "Hello.", "author_name": name}
    assert create_comment(actor=AnonymousUser(), post=post, fields=fields, now=now).author_name == name


def test_a_guest_neither_chooses_the_state_nor_answers_what_is_hidden(
    post: Post, reader: User, make_comment: Any, now: Any, settings: Any
) -> None:
    settings.COMMENTS_BY_GUESTS = True
    guest: Any = {"text": "Hello.", "author_name": "Grace"}
    with pytest.raises(PermissionRefused):
        create_comment(actor=AnonymousUser(), post=post, fields={**guest, "status": "published"}, now=now)
    hidden = make_comment(post, by=reader, status="pending")
    with pytest.raises(InvalidInput):
        create_comment(actor=AnonymousUser(), post=post, fields={**guest, "parent": hidden}, now=now)


@pytest.mark.parametrize("line", ["192.0.2.1", "2001:db8:77:{:x}::1"])
def test_accounts_that_registered_themselves_share_a_limit_of_their_address(
    post: Post, register: Any, make_user: Any, now: Any, settings: Any, line: str
) -> None:
    """Four fresh accounts wrote 240 comments in a minute, and an address may register 100 in an hour."""
    settings.RATE_LIMIT_COMMENTS, fields = 1, {"text": "Buy this."}
    most = 10 if "." in line else 40  # of a /64 and an IPv4 address as many; of a /48, fourfold

    def write(user: User, number: int) -> Comment:
        set_origin(Origin(ip=line.format(number * 256)))  # each its own /56
        return create_comment(actor=user, post=post, fields=fields, now=now)  # type: ignore[arg-type]

    pupils = [register(username=f"pupil{n}", email=f"pupil{n}@example.org") for n in range(most + 1)]
    for number, pupil in enumerate(pupils[:-1]):
        write(pupil, number)
    with pytest.raises(RateLimited, match="Too many comments: try again in"):
        write(pupils[-1], most)
    for user in (make_user(), make_user("author")):
        assert write(user, most).author == user
    set_origin(Origin(ip="192.0.2.2"))
    assert create_comment(actor=pupils[-1], post=post, fields=fields, now=now)  # type: ignore[arg-type]


def test_the_guests_of_one_address_share_a_limit(post: Post, now: Any, settings: Any) -> None:
    settings.COMMENTS_BY_GUESTS, settings.RATE_LIMIT_COMMENTS = True, 1
    fields: Any = {"text": "Hello.", "author_name": "Grace"}
    set_origin(Origin(ip="192.0.2.1"))
    create_comment(actor=AnonymousUser(), post=post, fields=fields, now=now)
    with pytest.raises(RateLimited):
        create_comment(actor=AnonymousUser(), post=post, fields=fields, now=now)
    set_origin(Origin(ip="192.0.2.2"))
    assert create_comment(actor=AnonymousUser(), post=post, fields=fields, now=now).author_name == "Grace"
