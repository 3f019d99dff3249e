"""Webhooks: who may make them, and what a URL, a list of events and a secret look like."""

import base64
import threading
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from cms.errors import InvalidInput, NotFound, PermissionRefused
from cms.models import AuditEvent, Delivery, User, Webhook
from cms.policy import SYSTEM
from cms.services.tags import create_tag
from cms.services.webhooks import create_webhook, delete_webhook, update_webhook

pytestmark = pytest.mark.django_db
FIELDS: Any = {"url": "https://hooks.example/in?token=x", "events": ["post.published"]}


@pytest.fixture
def webhook(now: Any) -> Webhook:
    return create_webhook(actor=SYSTEM, fields=FIELDS, now=now)


def test_an_admin_makes_a_webhook_with_a_secret_of_its_own(make_user: Callable[..., User], now: Any) -> None:
    admin = make_user("admin")
    first, second = (create_webhook(actor=admin, fields=FIELDS, now=now) for _ in range(2))
    assert first.created_by == admin
    assert first.secret.startswith("whsec_")
    assert len(base64.b64decode(first.secret.removeprefix("whsec_"), validate=True)) == 32
    assert first.secret != second.secret


@pytest.mark.parametrize("role", ["subscriber", "author", "editor"])
def test_nobody_else_makes_changes_deletes_or_sees_one(role: str, make_user: Any, webhook: Webhook, now: Any) -> None:
    user = make_user(role)
    for refused in (
        partial(create_webhook, actor=user, fields=FIELDS, now=now),
        partial(update_webhook, actor=user, webhook=webhook, changes={"is_active": False}, now=now),
        partial(delete_webhook, actor=user, webhook=webhook),
    ):
        with pytest.raises(PermissionRefused):
            refused()
    assert not Webhook.objects.visible_to(user).exists()
    assert not Delivery.objects.visible_to(user).exists()
    assert Webhook.objects.visible_to(make_user("admin")).newest_first().get() == webhook


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("", "required"),
        ("hooks.example/in", "invalid_url"),
        ("ftp://hooks.example/", "invalid_url"),
        ("javascript:alert(1)", "invalid_url"),
        ("https:///path", "invalid_url"),
        ("https://hooks.example:99999/", "invalid_url"),
        ("https://hooks.example:0/", "invalid_url"),
        ("https://hooks.example/#part", "invalid_url"),
        ("https://hooks.example/a b", "invalid_url"),
        ("https://hooks.example/\r\nX: y", "invalid_url"),
        ("https://hooks.example\\@10.0.0.1/", "invalid_url"),
        ("https://[::1", "invalid_url"),
        ("https://user:word@hooks.example/", "has_credentials"),
        ("https://user@hooks.example/", "has_credentials"),
        ("http://localhost:8000/", "private_address"),
        ("http://app.localhost./", "private_address"),
        ("http://127.0.0.1/", "private_address"),
        ("http://0x7f.1:8000/", "private_address"),
        ("http://2130706433/", "private_address"),
        ("http://0/", "private_address"),
        ("http://127。0。0。1/", "private_address"),
        ("http://[::ffff:10.0.0.1]/", "private_address"),
        ("http://169.254.169.254/latest/meta-data", "private_address"),
        ("https://hooks.example/" + "x" * 2_000, "too_long"),
    ],
)
def test_a_url_that_can_not_be_used_is_refused(url: str, code: str, now: Any) -> None:
    with pytest.raises(InvalidInput) as refused:
        create_webhook(actor=SYSTEM, fields={**FIELDS, "url": url}, now=now)
    assert [(error.field, error.code) for error in refused.value.errors] == [("url", code)]


@pytest.mark.parametrize("url", ["http://127.0.0.1:8000/x", "http://localhost/"])
def test_private_addresses_are_taken_when_the_setting_allows_them(url: str, settings: Any, now: Any) -> None:
    settings.WEBHOOKS_ALLOW_PRIVATE = True
    assert create_webhook(actor=SYSTEM, fields={**FIELDS, "url": url}, now=now).url == url


@pytest.mark.parametrize(
    ("events", "code"), [([], "required"), (["post.publish"], "invalid_choice"), (["post.*"], "invalid_choice")]
)
def test_events_that_do_not_exist_are_refused(events: list[str], code: str, now: Any) -> None:
    with pytest.raises(InvalidInput) as refused:
        create_webhook(actor=SYSTEM, fields={**FIELDS, "events": events}, now=now)
    assert [(error.field, error.code) for error in refused.value.errors] == [("events", code)]


def test_events_are_stored_once_and_in_one_order(now: Any) -> None:
    events = ["tag.created", "user.registered", "tag.created"]
    webhook = create_webhook(actor=SYSTEM, fields={**FIELDS, "events": events}, now=now)
    assert webhook.events == ["user.registered", "tag.created"]


def test_changes_are_audited_without_the_secret(webhook: Webhook, now: Any, events_of: Any) -> None:
    changed = update_webhook(actor=SYSTEM, webhook=webhook, changes={"events": ["*"], "is_active": False}, now=now)
    update_webhook(actor=SYSTEM, webhook=webhook, changes={"events": ["*"]}, now=now)
    assert (changed.secret, changed.is_active) == (webhook.secret, False)
    delete_webhook(actor=SYSTEM, webhook=webhook)
    assert events_of(webhook) == ["webhook.created", "webhook.updated", "webhook.deleted"]
    audited = str(list(AuditEvent.objects.values_list("before", "after")))
    assert webhook.secret not in audited
    with pytest.raises(NotFound):
        update_webhook(actor=SYSTEM, webhook=webhook, changes={"is_active": True}, now=now)


def test_deleting_a_webhook_in_the_middle_of_changes_breaks_neither(in_threads: Any, now: Any) -> None:
    """Their deliveries refer to it: without a lock one of both would end in an integrity error."""
    for turn in range(5):
        webhook = create_webhook(actor=SYSTEM, fields={**FIELDS, "events": ["*"]}, now=now)
        jobs = [
            partial(create_tag, actor=SYSTEM, fields={"name": f"Tag {turn} {number}"}, now=now) for number in range(7)
        ]
        results = in_threads([partial(delete_webhook, actor=SYSTEM, webhook=webhook), *jobs])
        assert [result for result in results if isinstance(result, Exception)] == []
    assert not Delivery.objects.exists()
    assert threading.active_count() < 20
