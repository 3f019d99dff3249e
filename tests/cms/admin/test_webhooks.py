import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from cms.admin.webhooks import EVENT_GROUPS
from cms.choices import DeliveryStatus
from cms.models import AuditEvent, Delivery, User, Webhook
from cms.policy import SYSTEM
from cms.services.deliveries import deliver_due
from cms.services.events import EVENT_TYPES
from cms.services.tags import create_tag
from cms.services.webhooks import create_webhook
from tests.receivers import Receiver, receiving

SUBMITTED = {"_form_submitted": "True"}
ADD, LIST, DELIVERIES = "/admin/cms/webhook/add/", "/admin/cms/webhook/", "/admin/cms/delivery/"
SECRET = re.compile(r"whsec_[A-Za-z0-9+/=]{20,}")
FIELDS: Any = {"url": "https://hooks.example.org/in", "events": ["tag.created"]}


@pytest.fixture
def client(admin: User, signed_in: Callable[[User], Client]) -> Client:
    return signed_in(admin)


@pytest.fixture
def webhook(db: None) -> Webhook:
    return create_webhook(actor=SYSTEM, fields=FIELDS, now=timezone.now())


@pytest.fixture
def delivery(webhook: Webhook) -> Delivery:
    """One that was given up after ten attempts."""
    create_tag(actor=SYSTEM, fields={"name": "told of"}, now=timezone.now())
    dead = {"status": DeliveryStatus.DEAD, "attempts": 10, "last_status": 500, "last_error": "It answered 500."}
    Delivery.objects.update(**dead)
    return Delivery.objects.get()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as server:
        yield server


def _change(webhook: Webhook) -> str:
    return f"{LIST}{webhook.pk}/change/"


def test_the_secret_of_a_new_webhook_is_shown_once(client: Client, admin: User, send_form: Callable[..., Any]) -> None:
    page = send_form(client, ADD, button="_save", **FIELDS)
    made = Webhook.objects.get()
    assert (made.url, made.events, made.is_active, made.created_by) == (*FIELDS.values(), True, admin)
    assert made.secret in page.content.decode()
    for address in (LIST, _change(made), DELIVERIES, "/admin/"):
        assert not SECRET.search(client.get(address).content.decode())
    assert made.secret not in str(client.cookies)


@pytest.mark.parametrize(
    ("name", "value"), [("url", "http://127.0.0.1/"), ("url", "ftp://x"), ("url", ""), ("events", [])]
)
def test_what_the_service_refuses_stands_at_its_field(
    client: Client, send_form: Callable[..., Any], name: str, value: Any
) -> None:
    page = send_form(client, ADD, **{**FIELDS, name: value})
    assert name in page.context["adminform"].form.errors
    assert not Webhook.objects.exists()


def test_a_webhook_is_changed_switched_off_and_deleted_through_the_service(
    client: Client, webhook: Webhook, send_form: Callable[..., Any]
) -> None:
    send_form(client, _change(webhook), events=["post.published", "post.created"], is_active=False)
    changed = Webhook.objects.get()
    assert (changed.events, changed.is_active) == (["post.created", "post.published"], False)
    assert changed.secret == webhook.secret
    assert "Deliveries: 0" in client.get(f"{LIST}{webhook.pk}/delete/").content.decode()
    client.post(f"{LIST}{webhook.pk}/delete/", {"post": "yes"})
    assert not Webhook.objects.exists()
    actions = AuditEvent.objects.filter(object_id=webhook.pk).order_by("pk").values_list("action", flat=True)
    assert list(actions) == ["webhook.created", "webhook.updated", "webhook.deleted"]


def test_a_delivery_shows_what_became_of_it(client: Client, delivery: Delivery) -> None:
    for address in (DELIVERIES, f"{DELIVERIES}{delivery.pk}/change/"):
        page = client.get(address).content.decode()
        for shown in ("tag.created", "dead", "10", "It answered 500.", delivery.webhook.url):
            assert shown in page


def test_the_deliveries_of_a_webhook_are_a_click_away(client: Client, delivery: Delivery) -> None:
    create_webhook(actor=SYSTEM, fields=FIELDS, now=timezone.now())
    create_tag(actor=SYSTEM, fields={"name": "told to both"}, now=timezone.now())
    page = client.get(f"{LIST}{delivery.webhook_id}/deliveries/", follow=True)
    assert {row.webhook_id for row in page.context["cl"].result_list} == {delivery.webhook_id}


def test_a_dead_delivery_is_replayed_by_its_button_and_by_the_list(
    client: Client, admin: User, delivery: Delivery, run_action: Callable[..., list[str]]
) -> None:
    page, button = f"{DELIVERIES}{delivery.pk}/change/", f"{DELIVERIES}{delivery.pk}/replay/"
    assert "/replay/" in client.get(page).content.decode()
    client.post(button, {"_form_submitted": "True"})
    delivery.refresh_from_db()
    assert (delivery.status, delivery.attempts) == (DeliveryStatus.PENDING, 0)
    assert AuditEvent.objects.get(action="delivery.replayed").actor == admin
    assert "/replay/" not in client.get(page).content.decode()
    Delivery.objects.update(status=DeliveryStatus.DELIVERED)
    assert run_action(client, DELIVERIES, "replay_selected", [delivery]) == ["1 delivery put back into the queue."]


def test_what_waits_already_is_refused_with_a_sentence(
    client: Client, delivery: Delivery, run_action: Callable[..., list[str]]
) -> None:
    Delivery.objects.update(status=DeliveryStatus.PENDING)
    [sentence] = run_action(client, DELIVERIES, "replay_selected", [delivery])
    assert "pending" in sentence


@pytest.mark.parametrize("role", ["author", "editor"])
def test_nobody_but_admins_sees_makes_changes_or_replays(
    make_user: Callable[..., User], signed_in: Callable[[User], Client], delivery: Delivery, role: str
) -> None:
    client = signed_in(make_user(role))
    for address in (LIST, DELIVERIES, ADD, _change(delivery.webhook), f"{DELIVERIES}{delivery.pk}/change/"):
        page = client.get(address, follow=True)
        assert page.status_code in (403, 404)
        assert delivery.webhook.url not in page.content.decode()
    client.post(ADD, {**FIELDS, "_save": "1"})
    client.post(f"{DELIVERIES}{delivery.pk}/replay/", {"_form_submitted": "True"})
    delivery.refresh_from_db()
    assert (delivery.status, Webhook.objects.count()) == (DeliveryStatus.DEAD, 1)


def test_nobody_finds_a_secret_out_by_filtering(client: Client, delivery: Delivery) -> None:
    for address in (f"{LIST}?secret__startswith=w", f"{DELIVERIES}?webhook__secret__startswith=w"):
        assert client.get(address).status_code != 200


def test_a_test_event_goes_to_one_webhook_and_shows_what_the_receiver_answered(
    client: Client, settings: Any, receiver: Receiver
) -> None:
    settings.WEBHOOKS_ALLOW_PRIVATE = True
    receiver.answers = [500]
    fields: Any = {**FIELDS, "url": receiver.url}
    webhook = create_webhook(actor=SYSTEM, fields=fields, now=timezone.now())
    create_webhook(actor=SYSTEM, fields=FIELDS, now=timezone.now())
    client.post(f"{LIST}{webhook.pk}/send-test/", SUBMITTED)
    delivery = Delivery.objects.get()
    assert (delivery.webhook, delivery.event_type) == (webhook, "webhook.test")
    assert deliver_due(now=timezone.now()) == 1
    assert receiver.types == ["webhook.test"]
    page = client.get(f"{DELIVERIES}{delivery.pk}/change/").content.decode()
    assert "The receiver answered 500." in page
    assert "/send-now/" in page
    client.post(f"{DELIVERIES}{delivery.pk}/send-now/", SUBMITTED)
    assert deliver_due(now=timezone.now()) == 1
    delivery.refresh_from_db()
    assert [answer["status"] for answer in delivery.answers] == [500, 204]
    assert AuditEvent.objects.filter(action__in=["webhook.tested", "delivery.hastened"]).count() == 2


def test_a_new_secret_is_asked_for_first_and_shown_once(client: Client, webhook: Webhook) -> None:
    address, old = f"{LIST}{webhook.pk}/renew-secret/", webhook.secret
    assert "Make a new secret" in client.get(address).content.decode()
    webhook.refresh_from_db()
    assert webhook.secret == old
    page = client.post(address)
    webhook.refresh_from_db()
    assert webhook.secret != old
    assert webhook.secret in page.content.decode()
    assert not SECRET.search(client.get(_change(webhook)).content.decode())


def test_all_events_are_offered_in_groups(client: Client) -> None:
    (every, _), *groups = client.get(ADD).context["adminform"].form.fields["events"].choices
    assert every == "*"
    assert [name for _, events in groups for name, _ in events] == sorted(EVENT_TYPES, key=_place_of_group)


def _place_of_group(event: str) -> int:
    return list(EVENT_GROUPS).index(event.partition(".")[0])
