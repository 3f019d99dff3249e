"""The budget of kept bytes: what is counted for whom, and which changes a spent one refuses."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from cms.errors import TooMuchKept
from cms.models import AuditEvent, Post, User
from cms.policy import SYSTEM, Actor
from cms.rate_limits import KEPT_KB, Quota, count
from cms.services.drafts import autosave_post
from cms.services.idempotency import Answer, RepeatableRequest, perform_once
from cms.services.kept_bytes import note_kept, refuse_if_spent
from cms.services.merging import Read, merge_post
from cms.services.posts import create_post, update_post
from cms.services.restoring import apply_revision, restore_revision

Posts = Callable[..., Post]


@pytest.fixture(autouse=True)
def _one_megabyte(settings: Any) -> None:
    settings.RATE_LIMIT_KEPT_MB = 1


def spend(user: User, now: datetime, kilobytes: int = 1_000) -> None:
    count(Quota(KEPT_KB, str(user.pk)), kilobytes, now)


def is_spent(actor: Actor, now: datetime) -> bool:
    try:
        refuse_if_spent(actor, now)
    except TooMuchKept:
        return True
    return False


@pytest.mark.parametrize(("size", "kilobytes"), [(0, 1), (1, 1), (1_000, 1), (1_001, 2)])
def test_bytes_count_as_begun_kilobytes(author: User, now: datetime, size: int, kilobytes: int) -> None:
    spend(author, now, 999 - kilobytes)
    note_kept(author, size, now)
    assert not is_spent(author, now)
    spend(author, now, 1)
    assert is_spent(author, now)


def test_the_last_write_may_go_beyond_and_is_stored_whole(author: User, make_post: Posts, now: datetime) -> None:
    post = make_post(content="한" * 3_000)
    spend(author, now, 999)
    update_post(actor=author, post=post, changes={"title": "Last"}, now=now)
    assert post.revisions.get(number=2).snapshot["content"] == "한" * 3_000
    with pytest.raises(TooMuchKept, match="stored 1 MB of revisions") as caught:
        update_post(actor=author, post=post, changes={"title": "Refused"}, now=now)
    assert 0 < caught.value.retry_after_s <= 2 * 86_400


def test_nobody_else_and_no_command_spends_the_budget_or_is_refused_by_it(
    author: User, editor: User, make_post: Posts, now: datetime
) -> None:
    post = make_post()
    spend(author, now)
    for actor, title in ((SYSTEM, "By a command"), (editor, "By an editor")):
        assert update_post(actor=actor, post=post, changes={"title": title}, now=now).title == title
    for _ in range(3):
        note_kept(SYSTEM, 900_000, now)
    assert not is_spent(SYSTEM, now)


def test_a_day_later_there_is_room_again(author: User, now: datetime) -> None:
    spend(author, now)
    with pytest.raises(TooMuchKept) as caught:
        refuse_if_spent(author, now)
    later = datetime.fromtimestamp(now.timestamp() + caught.value.retry_after_s, now.tzinfo)
    assert not is_spent(author, later)


def change_title(actor: User, post: Post, now: datetime) -> object:
    return update_post(actor=actor, post=post, changes={"title": "Changed"}, now=now)


def merge_title(actor: User, post: Post, now: datetime) -> object:
    read = Read(post.version, {"title": post.title})
    return merge_post(actor=actor, post=post, changes={"title": "Changed"}, read=read, now=now)


def restore(actor: User, post: Post, now: datetime) -> object:
    return restore_revision(actor=actor, post=post, number=1, now=now)


def apply(actor: User, post: Post, now: datetime) -> object:
    return apply_revision(actor=actor, post=post, number=2, now=now)


@pytest.mark.parametrize("act", [change_title, merge_title, restore, apply])
def test_whatever_keeps_old_content_is_refused_and_changes_nothing(
    author: User, make_post: Posts, now: datetime, act: Callable[[User, Post, datetime], object]
) -> None:
    post = make_post()
    autosave_post(actor=author, post=post, texts={"title": "Half"}, base_revision=1, now=now)
    spend(author, now)
    events = AuditEvent.objects.count()
    with pytest.raises(TooMuchKept):
        act(author, post, now)
    post.refresh_from_db()
    assert (post.title, post.revisions.count(), AuditEvent.objects.count()) == ("A post", 2, events)


def test_what_keeps_nothing_is_not_refused(author: User, make_post: Posts, now: datetime) -> None:
    post = make_post(content="Saved.")
    draft = restore_revision(actor=author, post=post, number=1, now=now)
    spend(author, now)
    same = {"title": post.title, "content": "Saved.", "featured_image": None, "tags": ["Tea"], "visibility": "private"}
    assert update_post(actor=author, post=post, changes=same, now=now).visibility == "private"
    assert restore_revision(actor=author, post=post, number=1, now=now).pk == draft.pk
    assert create_post(actor=author, fields={"title": "New", "content": "New."}, now=now)


def test_drafts_count_when_they_are_made_and_applied(author: User, make_post: Posts, now: datetime) -> None:
    post = make_post(content="x" * 3_000)
    autosave_post(actor=author, post=post, texts={"title": "Half"}, base_revision=1, now=now)
    spend(author, now, 992)
    assert not is_spent(author, now)
    apply_revision(actor=author, post=post, number=2, now=now)
    assert is_spent(author, now)


def test_a_stored_response_counts_and_is_given_again_when_the_budget_is_spent(author: User, now: datetime) -> None:
    done = []

    def act(identity: str) -> Answer:
        done.append(identity)
        return Answer(200, {}, b"x" * 900_001)

    def perform(identity: str) -> tuple[Answer, bool]:
        return perform_once(
            actor=author,
            request=RepeatableRequest(identity * 64, "c" * 64),
            perform=lambda: act(identity),
            kept_of=lambda answer: answer,
            now=now,
        )

    assert perform("a") == perform("b")
    with pytest.raises(TooMuchKept):
        perform("d")
    assert [perform(identity)[1] for identity in "ab"] == [True, True]
    assert done == ["a", "b"]
