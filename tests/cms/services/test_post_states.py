"""The states of posts: each way, each refusal, and what readers and counts see of it."""

import datetime
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser
from django.db import IntegrityError, models

from cms.choices import Status
from cms.errors import InvalidInput, InvalidTransition, PermissionRefused
from cms.models import AuditEvent, Category, Post, Tag, User
from cms.services import post_states
from cms.services.post_states import archive_post, publish_post, restore_post, trash_post, unpublish_post
from cms.services.posts import create_post, update_post

HOUR = datetime.timedelta(hours=1)
ACTS: dict[str, Callable[..., Post]] = {
    "publish": publish_post,
    "unpublish": unpublish_post,
    "archive": archive_post,
    "trash": trash_post,
    "restore": restore_post,
}
# From each state, what each act leads to; what is absent is refused.
TABLE = {
    "draft": {"publish": "published", "archive": "archived", "trash": "trashed"},
    "scheduled": {"publish": "published", "unpublish": "draft", "archive": "archived", "trash": "trashed"},
    "published": {"unpublish": "draft", "archive": "archived", "trash": "trashed"},
    "archived": {"restore": "draft", "trash": "trashed"},
    "trashed": {"restore": "published"},
}
EVENTS = {"publish": "published", "unpublish": "unpublished", "archive": "archived", "trash": "trashed"}
ALLOWED = {
    "draft": ("published", "archived", "trashed"),
    "scheduled": ("draft", "archived", "trashed"),
    "published": ("draft", "archived", "trashed"),
    "archived": ("draft", "trashed"),
    "trashed": ("published",),
}


@pytest.fixture
def in_state(make_post: Callable[..., Post], author: User, now: datetime.datetime) -> Callable[..., Post]:
    def make(state: str, **fields: Any) -> Post:
        post = make_post(
            is_published=state != "draft", published_at=now + HOUR if state == "scheduled" else now - HOUR, **fields
        )
        if state == "archived":
            return archive_post(actor=author, post=post, now=now)
        return trash_post(actor=author, post=post, now=now) if state == "trashed" else post

    return make


@pytest.mark.parametrize("act", ACTS)
@pytest.mark.parametrize("state", TABLE)
def test_every_act_on_every_state(
    in_state: Callable[..., Post], author: User, now: datetime.datetime, events_of: Any, state: str, act: str
) -> None:
    post = in_state(state, tags=["t"])
    version, target = post.version, TABLE[state].get(act)
    moment = max(post.updated_at, now)  # the clock was read before the post was last changed
    if target:
        after = ACTS[act](actor=author, post=post, now=now)
        assert (after.status, after.version, after.updated_at) == (target, version + 1, moment)
        assert events_of(post)[-1] == f"post.{EVENTS.get(act, 'restored')}"
    else:
        with pytest.raises(InvalidTransition) as caught:
            ACTS[act](actor=author, post=post, now=now)
        stored = "published" if state == "scheduled" else state
        assert (caught.value.code, caught.value.current) == ("invalid_transition", stored)
        assert caught.value.allowed == ALLOWED[state]
        for word in (stored, caught.value.wanted, *ALLOWED[state]):
            assert word in caught.value.message
    post = Post.objects.get()
    assert Tag.objects.get().usage_count == post.is_public(now)


@pytest.mark.parametrize("state", ["draft", "published", "archived", "scheduled"])
def test_a_trashed_post_goes_back_to_where_it_was(in_state: Any, author: User, now: Any, state: str) -> None:
    post = in_state(state)
    trashed = trash_post(actor=author, post=post, now=now)
    assert post_states.ways_from(trashed) == (post.status,)
    back = restore_post(actor=author, post=trashed, now=now)
    assert (back.status, back.status_before_trash, back.published_at) == (post.status, "", post.published_at)


def test_a_draft_has_no_instant_of_publication_wherever_it_came_from(in_state: Any, author: User, now: Any) -> None:
    post = restore_post(actor=author, post=in_state("archived"), now=now)
    assert post.published_at is None
    update_post(actor=author, post=post, changes={"expires_at": now - 2 * HOUR}, now=now)


def test_a_schedule_is_moved_by_publishing_again(in_state: Any, author: User, now: Any, events_of: Any) -> None:
    post = publish_post(actor=author, post=in_state("scheduled"), now=now, published_at=now + 5 * HOUR)
    assert (post.published_at, post.is_scheduled(now)) == (now + 5 * HOUR, True)
    assert events_of(post) == ["post.created", "post.scheduled", "post.scheduled"]


def test_a_post_that_became_public_by_the_clock_is_published_already(in_state: Any, author: User, now: Any) -> None:
    post = in_state("scheduled")
    with pytest.raises(InvalidTransition):
        publish_post(actor=author, post=post, now=now + HOUR)


@pytest.mark.parametrize("late", [datetime.timedelta(0), -HOUR])
def test_a_post_is_not_published_to_expire_at_once(in_state: Any, author: User, now: Any, late: Any) -> None:
    post = in_state("draft")
    with pytest.raises(InvalidInput) as caught:
        publish_post(actor=author, post=post, now=now, expires_at=now + late)
    assert [(error.field, error.code) for error in caught.value.errors] == [("expires_at", "too_early")]
    assert Post.objects.get().status == "draft"


def test_an_expiry_that_was_set_before_is_kept_by_publishing(make_post: Any, author: User, now: Any) -> None:
    post = make_post(is_published=False, expires_at=now + HOUR)
    assert publish_post(actor=author, post=post, now=now).expires_at == now + HOUR
    again = unpublish_post(actor=author, post=post, now=now)
    with pytest.raises(InvalidInput):
        publish_post(actor=author, post=again, now=now + HOUR)


@pytest.mark.parametrize("act", ACTS)
def test_strangers_change_no_state(in_state: Any, make_user: Any, now: Any, act: str) -> None:
    post = in_state(next(state for state in TABLE if act in TABLE[state]))
    for actor in (AnonymousUser(), make_user("subscriber"), make_user("author"), make_user("editor", is_active=False)):
        with pytest.raises(PermissionRefused):
            ACTS[act](actor=actor, post=post, now=now)
    assert Post.objects.get().version == post.version


def test_the_state_counts_that_is_stored_not_the_one_in_memory(in_state: Any, author: User, now: Any) -> None:
    stale = in_state("published")
    trash_post(actor=author, post=stale, now=now)
    with pytest.raises(InvalidTransition) as caught:
        archive_post(actor=author, post=stale, now=now)
    assert caught.value.current == "trashed"


def test_a_count_below_zero_stops_the_change_and_leaves_nothing_of_it(in_state: Any, author: User, now: Any) -> None:
    post = in_state("published", tags=["a", "b"])
    Tag.objects.filter(name="b").update(usage_count=0)  # spoilt around the service: taking one away must fail
    events = AuditEvent.objects.count()
    with pytest.raises(IntegrityError):
        trash_post(actor=author, post=post, now=now)
    stored = Post.objects.get()
    assert (stored.status, stored.version, stored.is_counted) == ("published", post.version, True)
    assert (Tag.objects.get(name="a").usage_count, AuditEvent.objects.count()) == (1, events)


@pytest.mark.parametrize("model", [Tag, Category])
def test_what_is_counted(make_post: Any, make_category: Any, author: User, now: Any, model: type[models.Model]) -> None:
    """Public posts of the kind post, at the instant of the change."""
    terms: dict[str, Any] = {"tags": ["t"], "categories": [make_category("c")]}
    field = "usage_count" if model is Tag else "post_count"

    def count() -> int:
        return int(model._default_manager.values_list(field, flat=True).get())

    post = make_post(**terms)
    make_post(**terms, kind="page")
    make_post(**terms, visibility="private")
    make_post(**terms, is_published=False)
    make_post(**terms, published_at=now + HOUR)
    make_post(**terms, published_at=now - 2 * HOUR, expires_at=now - HOUR)
    assert count() == 1
    for changes in ({"kind": "page"}, {"kind": "post"}, {"visibility": "private"}, {"visibility": "public"}):
        post = update_post(actor=author, post=post, changes=changes, now=now)
        assert count() == (post.kind == "post" and post.visibility == "public")
    update_post(actor=author, post=post, changes={"tags": [], "categories": []}, now=now)
    assert count() == 0


def test_an_expired_post_is_counted_off_with_its_next_change(make_post: Any, author: User, now: Any) -> None:
    post = make_post(tags=["t"], expires_at=now + HOUR)
    assert Tag.objects.get().usage_count == 1
    update_post(actor=author, post=post, changes={"title": "B"}, now=now + HOUR)
    assert Tag.objects.get().usage_count == 0


def test_the_ways_of_the_table_are_all_ways() -> None:
    for status, ways in post_states.WAYS.items():
        assert set(ways) | {status} <= set(Status)


def test_a_trashed_post_counts_for_nothing_while_it_is_edited(make_post: Any, author: User, now: Any) -> None:
    post = trash_post(actor=author, post=make_post(tags=["a"]), now=now)
    update_post(actor=author, post=post, changes={"tags": ["a", "b"]}, now=now)
    assert set(Tag.objects.values_list("name", "usage_count")) == {("a", 0), ("b", 0)}


def test_publishing_in_one_transaction_with_creating_counts_once(author: User, now: Any) -> None:
    draft = create_post(actor=author, fields={"title": "A", "content": "a", "tags": ["a"]}, now=now)
    post = publish_post(actor=author, post=draft, now=now)
    assert (post.version, Tag.objects.get().usage_count) == (2, 1)
