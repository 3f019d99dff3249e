"""The outbox: who is told of what, in the transaction of the change, and how little they are told."""

import datetime
import json
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone

from cms.models import AuditEvent, Delivery, Post, User, Webhook
from cms.policy import SYSTEM
from cms.services.comments import moderate_comment
from cms.services.events import EVENT_TYPES
from cms.services.origin import Origin, set_origin
from cms.services.post_states import archive_post, publish_post, restore_post, trash_post, unpublish_post
from cms.services.posts import create_post, update_post
from cms.services.tags import create_tag, delete_tag
from cms.services.users import set_password, update_user
from cms.services.webhooks import create_webhook, update_webhook

pytestmark = pytest.mark.django_db
Subscribe = Callable[..., Webhook]


@pytest.fixture
def subscribe(db: None, now: datetime.datetime) -> Subscribe:
    def make(*events: str) -> Webhook:
        fields: Any = {"url": "https://hooks.example/in", "events": list(events)}
        return create_webhook(actor=SYSTEM, fields=fields, now=now)

    return make


def told(webhook: Webhook) -> list[str]:
    return list(webhook.deliveries.order_by("created_at", "pk").values_list("event_type", flat=True))


def test_the_events_are_those_of_the_domain_document(corpora: Path) -> None:
    text = (corpora.parent / "design" / "domain.md").read_text()
    line = text.partition("**Events** (webhooks, audit): ")[2].partition(". Payloads")[0]
    documented: list[str] = []
    for group in line.split(";"):
        first, *rest = [word.strip() for word in group.split(",")]
        documented += [first, *(first.partition(".")[0] + word for word in rest)]
    since = {"comment.spam", "media.updated", "rollout.unguarded", "rollout.guarded", "rollout.approval"}
    assert [event for event in EVENT_TYPES if event not in since] == documented
    assert since <= set(EVENT_TYPES)


def test_a_webhook_hears_of_its_events_only_and_one_with_a_star_of_all(subscribe: Subscribe, now: Any) -> None:
    some, every = subscribe("tag.deleted", "post.created"), subscribe("*")
    tag = create_tag(actor=SYSTEM, fields={"name": "Loud"}, now=now)
    delete_tag(actor=SYSTEM, tag=tag)
    assert told(some) == ["tag.deleted"]
    assert told(every) == ["tag.created", "tag.deleted"]


def test_every_change_of_a_post_has_its_event(subscribe: Subscribe, author: User, now: Any) -> None:
    webhook = subscribe("*")
    post = create_post(actor=author, fields={"title": "A", "content": "b"}, now=now)
    update_post(actor=author, post=post, changes={"title": "B"}, now=now)
    publish_post(actor=author, post=post, now=now, published_at=now + datetime.timedelta(days=1))
    for change in (publish_post, unpublish_post, archive_post, trash_post, restore_post):
        change(actor=author, post=post, now=now)
    names = "created updated scheduled published unpublished archived trashed restored"
    assert told(webhook) == [f"post.{name}" for name in names.split()]


def test_changes_that_are_no_events_are_audited_and_told_to_nobody(
    subscribe: Subscribe, author: User, now: Any
) -> None:
    webhook = subscribe("*")
    set_password(actor=SYSTEM, user=author, password="another long pass-phrase", now=now)
    update_user(actor=SYSTEM, user=author, changes={"bio": "New"}, now=now)
    update_webhook(actor=SYSTEM, webhook=webhook, changes={"events": ["*", "tag.created"]}, now=now)
    assert AuditEvent.objects.filter(action__in=["user.updated", "webhook.updated"]).count() == 2
    assert told(webhook) == []


def test_a_webhook_that_is_switched_off_hears_nothing(subscribe: Subscribe, now: Any) -> None:
    webhook = subscribe("*")
    update_webhook(actor=SYSTEM, webhook=webhook, changes={"is_active": False}, now=now)
    create_tag(actor=SYSTEM, fields={"name": "Quiet"}, now=now)
    assert told(webhook) == []


@pytest.mark.django_db(transaction=True)
def test_a_change_that_rolls_back_sends_nothing(subscribe: Subscribe, now: Any) -> None:
    webhook = subscribe("*")
    with transaction.atomic():
        create_tag(actor=SYSTEM, fields={"name": "Never"}, now=now)
        assert told(webhook) == ["tag.created"]
        transaction.set_rollback(True)
    assert not Delivery.objects.exists()


def test_the_payload_names_the_object_and_nothing_of_what_it_says(subscribe: Subscribe, author: User, now: Any) -> None:
    subscribe("*")
    set_origin(Origin(api_version=2))
    post = create_post(actor=author, fields={"title": "Zyxxy", "content": "zyxxy", "slug": "zyxxy-slug"}, now=now)
    update_post(actor=author, post=post, changes={"title": "Zyxxy too", "tags": ["zyxxy tag"]}, now=now)
    delivery = Delivery.objects.get(event_type="post.updated")
    event = AuditEvent.objects.get(action="post.updated")
    assert delivery.payload == {
        "id": str(event.pk),
        "type": "post.updated",
        "object": {"type": "post", "id": str(post.pk), "version": 2, "status": "draft"},
        "occurred_at": event.created_at.isoformat().replace("+00:00", "Z"),
        "api_version": 2,
    }
    assert delivery.event_id == event.pk
    assert "zyxxy" not in json.dumps([row.payload for row in Delivery.objects.all()]).lower()


def test_events_of_a_post_carry_its_status_after_the_change(subscribe: Subscribe, author: User, now: Any) -> None:
    webhook, later = subscribe("*"), timezone.now() + datetime.timedelta(days=1)
    post = create_post(actor=author, fields={"title": "A", "content": "a"}, now=now)
    post = publish_post(actor=author, post=post, now=now, published_at=later)
    post = update_post(actor=author, post=post, changes={"title": "B"}, now=now)
    post = publish_post(actor=author, post=post, now=now)
    post = archive_post(actor=author, post=post, now=now)
    post = restore_post(actor=author, post=post, now=now)
    trash_post(actor=author, post=post, now=now)
    rows = webhook.deliveries.order_by("created_at", "pk")
    assert [(row.event_type, row.payload["object"]["status"]) for row in rows] == [
        ("post.created", "draft"),
        ("post.scheduled", "scheduled"),
        ("post.updated", "scheduled"),
        ("post.published", "published"),
        ("post.archived", "archived"),
        ("post.restored", "draft"),
        ("post.trashed", "trashed"),
    ]


def test_objects_without_a_version_have_none(subscribe: Subscribe, make_post: Any, make_comment: Any, now: Any) -> None:
    comment = make_comment(make_post(), status="pending")
    subscribe("comment.published")
    moderate_comment(actor=SYSTEM, comment=comment, status="published", now=now)
    payload = Delivery.objects.get().payload
    assert payload["object"] == {"type": "comment", "id": str(comment.pk), "version": None}


def test_the_events_of_one_object_keep_their_order_within_a_transaction(
    subscribe: Subscribe, author: User, now: Any
) -> None:
    webhook = subscribe("*")
    update_user(actor=SYSTEM, user=author, changes={"role": "editor", "email": "new@example.org"}, now=now)
    assert told(webhook) == ["user.role_changed", "user.email_changed"]


def test_deliveries_are_due_at_once_by_the_databases_clock(subscribe: Subscribe, now: Any) -> None:
    subscribe("*")
    create_tag(actor=SYSTEM, fields={"name": "Now"}, now=now + datetime.timedelta(days=99))
    delivery = Delivery.objects.get()
    assert delivery.next_attempt_at == delivery.created_at
    assert abs(delivery.created_at - timezone.now()) < datetime.timedelta(minutes=1)
    assert isinstance(delivery.event_id, uuid.UUID)
    assert Post.objects.count() == 0
