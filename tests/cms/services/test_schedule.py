"""What time does to posts: counts and events, once each, whatever the workers did meanwhile."""

import datetime
from collections.abc import Callable
from functools import partial
from importlib import import_module
from typing import Any

import pytest
from django.apps import apps
from django.db import connection, transaction
from django.db.utils import IntegrityError

from cms.models import Delivery, Post, Tag, User
from cms.policy import SYSTEM
from cms.services.post_states import publish_post, restore_post, trash_post, unpublish_post
from cms.services.posts import update_post
from cms.services.schedule import settle_due_posts
from cms.services.webhooks import create_webhook

pytestmark = pytest.mark.django_db
MakePost = Callable[..., Post]


def days(number: float) -> datetime.timedelta:
    return datetime.timedelta(days=number)


def time_events(events_of: Any, post: Post) -> list[str]:
    return [action for action in events_of(post) if action in ("post.published", "post.expired")]


def usage() -> int:
    return Tag.objects.get().usage_count


@pytest.mark.parametrize("fields", [{}, {"visibility": "private"}, {"kind": "page"}], ids=["post", "private", "page"])
def test_a_scheduled_post_has_its_event_once_and_is_counted_when_it_is_public(
    fields: Any, make_post: MakePost, now: Any, events_of: Any
) -> None:
    post = make_post(published_at=now + days(1), tags=["t"], **fields)
    assert settle_due_posts(now=now + days(0.9)) == 0
    assert (time_events(events_of, post), usage()) == ([], 0)
    assert [settle_due_posts(now=now + days(1)), settle_due_posts(now=now + days(2))] == [1, 0]
    assert time_events(events_of, post) == ["post.published"]
    assert usage() == (0 if fields else 1)


@pytest.mark.parametrize("fields", [{}, {"visibility": "private"}, {"kind": "page"}], ids=["post", "private", "page"])
def test_a_post_that_expires_has_its_event_once_and_is_no_longer_counted(
    fields: Any, make_post: MakePost, now: Any, events_of: Any
) -> None:
    post = make_post(expires_at=now + days(1), tags=["t"], **fields)
    assert usage() == (0 if fields else 1)
    assert [settle_due_posts(now=now + days(n)) for n in (0.9, 1, 2)] == [0, 1, 0]
    assert (time_events(events_of, post), usage()) == (["post.published", "post.expired"], 0)


def test_a_worker_that_comes_back_late_tells_both_in_their_order(make_post: MakePost, now: Any, events_of: Any) -> None:
    post = make_post(published_at=now + days(1), expires_at=now + days(2), tags=["t"])
    settle_due_posts(now=now + days(3))
    assert (time_events(events_of, post), usage()) == (["post.published", "post.expired"], 0)


def test_an_edit_between_the_instant_and_the_worker_loses_no_event(
    make_post: MakePost, now: Any, events_of: Any
) -> None:
    post = make_post(published_at=now + days(1), tags=["t"])
    update_post(actor=SYSTEM, post=post, changes={"title": "New", "expires_at": now + days(3)}, now=now + days(2))
    assert usage() == 1
    settle_due_posts(now=now + days(2))
    settle_due_posts(now=now + days(4))
    assert time_events(events_of, post) == ["post.published", "post.expired"]


def test_a_post_published_before_its_instant_is_told_of_by_that_change_alone(
    make_post: MakePost, now: Any, events_of: Any
) -> None:
    post = make_post(published_at=now + days(2))
    publish_post(actor=SYSTEM, post=post, now=now + days(1))
    assert settle_due_posts(now=now + days(3)) == 0
    assert time_events(events_of, post) == ["post.published"]


def test_a_cancelled_schedule_has_no_event(make_post: MakePost, now: Any, events_of: Any) -> None:
    post = make_post(published_at=now + days(1))
    unpublish_post(actor=SYSTEM, post=post, now=now)
    assert settle_due_posts(now=now + days(2)) == 0
    assert time_events(events_of, post) == []


def test_a_scheduled_post_goes_on_waiting_after_it_was_in_the_trash(
    make_post: MakePost, now: Any, events_of: Any
) -> None:
    post = make_post(published_at=now + days(1))
    trash_post(actor=SYSTEM, post=post, now=now)
    assert Post.objects.get().settles_at is None
    restore_post(actor=SYSTEM, post=post, now=now)
    settle_due_posts(now=now + days(1))
    assert time_events(events_of, post) == ["post.published"]


def test_an_expiry_that_is_moved_is_told_of_when_it_comes(make_post: MakePost, now: Any, events_of: Any) -> None:
    post = make_post(expires_at=now + days(1))
    settle_due_posts(now=now + days(1))
    update_post(actor=SYSTEM, post=post, changes={"title": "Still expired"}, now=now + days(2))
    assert settle_due_posts(now=now + days(2)) == 0
    update_post(actor=SYSTEM, post=post, changes={"expires_at": now + days(5)}, now=now + days(3))
    assert [settle_due_posts(now=now + days(n)) for n in (4, 5)] == [0, 1]
    assert time_events(events_of, post) == ["post.published", "post.expired", "post.expired"]


def test_an_expiry_set_into_the_past_is_told_of_at_once_and_one_taken_away_never(
    make_post: MakePost, now: Any, events_of: Any
) -> None:
    post, lasting = make_post(), make_post(expires_at=now + days(1))
    update_post(actor=SYSTEM, post=post, changes={"expires_at": now - days(0.01)}, now=now)
    update_post(actor=SYSTEM, post=lasting, changes={"expires_at": None}, now=now)
    assert settle_due_posts(now=now + days(2)) == 1
    assert time_events(events_of, post) == ["post.published", "post.expired"]
    assert time_events(events_of, lasting) == ["post.published"]


def test_the_post_itself_stays_as_it_was(make_post: MakePost, now: Any) -> None:
    make_post(published_at=now + days(1))
    before = Post.objects.values("version", "updated_at", "published_at", "status").get()
    settle_due_posts(now=now + days(1))
    assert Post.objects.values("version", "updated_at", "published_at", "status").get() == before


def test_the_webhook_is_told_the_version_and_the_status_of_the_post(make_post: MakePost, now: Any) -> None:
    post = make_post(published_at=now + days(1))
    fields: Any = {"url": "https://hooks.example/", "events": ["post.published"]}
    create_webhook(actor=SYSTEM, fields=fields, now=now)
    settle_due_posts(now=now + days(1))
    told = {"type": "post", "id": str(post.pk), "version": post.version, "status": "published"}
    assert Delivery.objects.get().payload["object"] == told


def test_a_post_that_can_not_be_settled_does_not_hold_up_the_others(make_post: MakePost, now: Any) -> None:
    """Here its tag is counted less often than it is used, which the constraint on counts refuses to make worse."""
    make_post(expires_at=now + days(1), tags=["broken"])
    Tag.objects.update(usage_count=0)
    make_post(published_at=now + days(2))
    assert settle_due_posts(now=now + days(3)) == 1
    assert Post.objects.filter(settles_at__isnull=False).count() == 1


def test_a_draft_waits_for_nothing(make_post: MakePost, now: Any) -> None:
    make_post(is_published=False)
    with pytest.raises(IntegrityError), transaction.atomic():
        Post.objects.update(settles_at=now)


def test_many_workers_at_once_tell_of_each_post_once(in_threads: Any, make_post: MakePost, now: Any) -> None:
    for _ in range(10):
        make_post(published_at=now + days(1), tags=["t"])
    create_webhook(actor=SYSTEM, fields={"url": "https://hooks.example/", "events": ["*"]}, now=now)
    settled = in_threads([partial(settle_due_posts, now=now + days(1))] * 6)
    assert sum(settled) == 10
    assert (Delivery.objects.count(), usage()) == (10, 10)


def test_the_migration_finds_what_time_has_yet_to_do(make_post: MakePost, now: Any) -> None:
    old, soon, later = now - days(2), now + days(1), now + days(2)
    expected = {
        make_post(title="plain").pk: None,
        make_post(title="draft", is_published=False).pk: None,
        make_post(title="scheduled", published_at=soon, expires_at=later).pk: soon,
        make_post(title="private", published_at=soon, visibility="private").pk: soon,
        make_post(title="expires", expires_at=later).pk: later,
        make_post(title="page", kind="page", published_at=old).pk: None,
        (passed := make_post(title="passed", published_at=old)).pk: old,
    }
    Post.objects.filter(pk=passed.pk).update(is_counted=False)
    Post.objects.update(settles_at=None)
    import_module("cms.migrations.0004_settling_and_next_job").plan_settling(apps, None)
    assert dict(Post.objects.values_list("pk", "settles_at")) == expected


def test_the_search_for_what_is_due_uses_its_index(author: User, now: Any) -> None:
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET LOCAL enable_seqscan = off")
        due = Post.objects.filter(settles_at__lte=now).order_by("settles_at").values_list("pk")[:500]
        assert "cms_post_settles" in due.explain()
