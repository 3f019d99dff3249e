"""Deliveries to a real receiver that fails, hangs and comes back: later, in order, and once by id."""

import datetime
import os
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from django.db import connection
from django.utils import timezone

from cms.choices import DeliveryStatus
from cms.errors import InvalidTransition, PermissionRefused
from cms.models import Delivery, Tag, User, Webhook
from cms.outgoing.sending import Answer
from cms.policy import SYSTEM
from cms.services.deliveries import _claim_due, _record_answer, deliver_due, hasten_delivery, replay_delivery
from cms.services.tags import create_tag, update_tag
from cms.services.webhooks import create_webhook, update_webhook
from tests.receivers import CUT, HANG, Receiver, receiving

pytestmark = pytest.mark.django_db
At = Callable[[float], datetime.datetime]


@pytest.fixture
def receiver(settings: Any) -> Iterator[Receiver]:
    settings.WEBHOOKS_ALLOW_PRIVATE = True
    settings.WEBHOOK_TIMEOUT_S = 3  # longer than a busy machine stands still
    with receiving() as running:
        yield running


@pytest.fixture
def webhook(receiver: Receiver, db: None, now: Any) -> Webhook:
    return create_webhook(actor=SYSTEM, fields={"url": receiver.url, "events": ["*"]}, now=now)


@pytest.fixture
def at() -> At:
    """`at(2)`: two hours after the test began; `at(0)` is later than all that it has written."""
    start = timezone.now() + datetime.timedelta(seconds=10)
    return lambda hours: start + datetime.timedelta(hours=hours)


def tag_with_events(now: Any, *names: str) -> Tag:
    """One event for each name: created, then updated."""
    tag = create_tag(actor=SYSTEM, fields={"name": names[0]}, now=now)
    for name in names[1:]:
        tag = update_tag(actor=SYSTEM, tag=tag, changes={"name": name}, now=now)
    return tag


def test_an_event_is_delivered_once_and_not_again(webhook: Webhook, receiver: Receiver, now: Any, at: At) -> None:
    tag = tag_with_events(now, "One")
    assert [deliver_due(now=at(0)), deliver_due(now=at(9))] == [1, 0]
    [got] = receiver.requests
    assert got.event == Delivery.objects.get().payload
    assert got.event["object"]["id"] == str(tag.pk)
    delivery = Delivery.objects.get()
    assert (delivery.status, delivery.last_status) == ("delivered", 204)
    assert delivery.delivered_at is not None
    assert at(0) < delivery.delivered_at < at(0) + datetime.timedelta(seconds=30)


def test_a_receiver_that_fails_hangs_and_cuts_gets_the_event_later_with_the_same_id(
    webhook: Webhook, receiver: Receiver, now: Any, at: At
) -> None:
    receiver.answers = [500, HANG, CUT, 302, 204]
    tag_with_events(now, "One")
    turns = [deliver_due(now=at(hours)) for hours in range(0, 60, 7)]
    assert turns == [1, 1, 1, 1, 1, 0, 0, 0, 0]
    assert len(set(receiver.ids)) == 1
    delivery = Delivery.objects.get()
    assert (delivery.status, delivery.attempts, str(delivery.event_id)) == ("delivered", 5, receiver.ids[0])


def test_a_failed_attempt_waits_before_the_next(webhook: Webhook, receiver: Receiver, now: Any, at: At) -> None:
    receiver.answers = [500]
    tag_with_events(now, "One")
    deliver_due(now=at(0))
    delivery = Delivery.objects.get()
    assert 2.5 <= (delivery.next_attempt_at - delivery.updated_at).total_seconds() <= 5
    assert (delivery.last_status, delivery.last_error) == (500, "The receiver answered 500.")
    assert deliver_due(now=at(0) + datetime.timedelta(seconds=2)) == 0
    assert deliver_due(now=delivery.next_attempt_at) == 1


@pytest.mark.slow
def test_the_wait_after_a_timeout_begins_when_it_is_over(
    webhook: Webhook, receiver: Receiver, now: Any, at: At
) -> None:
    receiver.answers = [HANG]
    tag_with_events(now, "One")
    deliver_due(now=at(0))
    assert Delivery.objects.get().next_attempt_at >= at(0) + datetime.timedelta(seconds=1 + 2.5)


def test_a_slow_receiver_keeps_one_turn_busy_and_not_the_next(webhook: Webhook, now: Any, at: At) -> None:
    for number in range(7):
        tag_with_events(now, f"Tag {number}")
    assert [len(_claim_due(at(0))), len(_claim_due(at(0)))] == [5, 0]
    other = create_webhook(actor=SYSTEM, fields={"url": webhook.url, "events": ["tag.created"]}, now=now)
    tag_with_events(now, "Last")
    assert [delivery.webhook_id for delivery in _claim_due(at(0))] == [other.pk]


def test_later_events_of_an_object_wait_and_those_of_others_do_not(
    webhook: Webhook, receiver: Receiver, now: Any, at: At
) -> None:
    receiver.answers = [500]
    held_up = tag_with_events(now, "One", "Uno", "Un")
    deliver_due(now=at(0))
    tag_with_events(now, "Two")
    deliver_due(now=at(0))
    assert len(set(receiver.ids)) == 2  # the first of One, which failed, and Two
    for hours in range(1, 4):
        deliver_due(now=at(hours))
    in_order = Delivery.objects.filter(object_id=held_up.pk).order_by("created_at", "pk")
    first, *later = [str(event_id) for event_id in in_order.values_list("event_id", flat=True)]
    assert [got.id for got in receiver.requests if got.event["object"]["id"] == str(held_up.pk)] == [
        first,
        first,
        *later,
    ]


@pytest.mark.parametrize("answer", [204, 500])
def test_the_next_event_of_an_object_goes_out_as_soon_as_the_one_before_has_ended(
    answer: int, webhook: Webhook, receiver: Receiver, now: Any, at: At, settings: Any
) -> None:
    settings.WEBHOOK_MAX_ATTEMPTS = 1
    receiver.answers = [answer]
    tag_with_events(now, "One", "Uno", "Un")
    seconds = [at(0) + datetime.timedelta(seconds=10 * number) for number in range(3)]
    assert [deliver_due(now=second) for second in seconds] == [1, 1, 1]
    assert receiver.types == ["tag.created", "tag.updated", "tag.updated"]


def test_an_event_behind_one_that_is_sent_again_and_again_is_no_longer_due(
    webhook: Webhook, receiver: Receiver, now: Any, at: At
) -> None:
    receiver.answers = [500]
    tag_with_events(now, "One", "Uno")
    deliver_due(now=at(0))
    behind = Delivery.objects.get(event_type="tag.updated")
    assert behind.next_attempt_at > at(0)
    hasten_delivery(actor=SYSTEM, delivery=behind, now=at(0))
    assert deliver_due(now=at(0)) == 0
    deliver_due(now=at(1))
    behind.refresh_from_db()
    assert behind.next_attempt_at == pytest.approx(at(1), abs=datetime.timedelta(seconds=4))


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(os.environ["DATABASE_URL"].startswith("sqlite"), reason="of PostgreSQL")
def test_an_event_is_not_set_behind_one_that_is_just_ending(webhook: Webhook, now: Any, at: At) -> None:
    """Its end would not see that it has to bring the next one back."""
    tag_with_events(now, "One", "Uno")
    first, behind = Delivery.objects.order_by("created_at")
    with psycopg.connect(**connection.get_connection_params() | {"cursor_factory": None}) as ending:
        ending.execute("SELECT FROM cms_delivery WHERE id = %s FOR UPDATE", [first.pk])
        assert _claim_due(at(0)) == []
        due_at = behind.next_attempt_at
        behind.refresh_from_db()
        assert behind.next_attempt_at == due_at


def test_a_dead_letter_lets_the_next_event_pass_and_is_kept(
    webhook: Webhook, receiver: Receiver, now: Any, at: At, settings: Any
) -> None:
    settings.WEBHOOK_MAX_ATTEMPTS = 2
    receiver.answers = [500, 503]
    tag_with_events(now, "One", "Uno")
    for hours in (0, 1, 2):
        deliver_due(now=at(hours))
    assert receiver.types == ["tag.created", "tag.created", "tag.updated"]
    dead = Delivery.objects.get(status=DeliveryStatus.DEAD)
    assert (dead.event_type, dead.attempts, dead.last_status) == ("tag.created", 2, 503)


@pytest.mark.parametrize("answers", [[500], [204]])
def test_an_admin_replays_a_dead_or_a_delivered_one_with_the_id_it_had(
    answers: list[int], webhook: Webhook, receiver: Receiver, now: Any, at: At, settings: Any, make_user: Any
) -> None:
    tag_with_events(now, "One")
    settings.WEBHOOK_MAX_ATTEMPTS = 1
    receiver.answers = answers
    deliver_due(now=at(0))
    replay_delivery(actor=make_user("admin"), delivery=Delivery.objects.get(event_type="tag.created"), now=at(1))
    settings.WEBHOOK_MAX_ATTEMPTS = 10
    deliver_due(now=at(1))
    replayed = Delivery.objects.get(event_type="tag.created")
    assert (replayed.status, replayed.attempts) == ("delivered", 1)
    assert receiver.ids.count(str(replayed.event_id)) == 2


def test_what_is_still_to_be_delivered_can_not_be_replayed_and_editors_replay_nothing(
    webhook: Webhook, now: Any, editor: User
) -> None:
    tag_with_events(now, "One")
    delivery = Delivery.objects.get(event_type="tag.created")
    with pytest.raises(InvalidTransition):
        replay_delivery(actor=SYSTEM, delivery=delivery, now=now)
    with pytest.raises(PermissionRefused):
        replay_delivery(actor=editor, delivery=delivery, now=now)


def test_a_delivery_in_hand_is_nobody_elses_until_its_lease_runs_out(webhook: Webhook, now: Any, at: At) -> None:
    tag_with_events(now, "One", "Uno")
    [first] = _claim_due(at(0))
    assert _claim_due(at(0) + datetime.timedelta(seconds=61)) == []
    [again] = _claim_due(at(0) + datetime.timedelta(seconds=64))
    assert (again.pk, again.attempts) == (first.pk, 2)


@pytest.mark.parametrize("status", [204, 500])
def test_a_late_answer_changes_nothing_once_another_worker_has_the_lease(
    webhook: Webhook, now: Any, at: At, status: int
) -> None:
    tag_with_events(now, "One")
    [lost] = _claim_due(at(0))
    [current] = _claim_due(at(1))
    _record_answer(lost, Answer(status), at(1))
    delivery = Delivery.objects.get()
    assert (delivery.status, delivery.attempts, delivery.last_status) == ("pending", 2, None)
    assert delivery.leased_until == current.leased_until


def test_a_webhook_that_is_switched_off_gets_what_waits_when_it_is_on_again(
    webhook: Webhook, receiver: Receiver, now: Any, at: At
) -> None:
    tag_with_events(now, "One")
    update_webhook(actor=SYSTEM, webhook=webhook, changes={"is_active": False}, now=now)
    assert deliver_due(now=at(0)) == 0
    update_webhook(actor=SYSTEM, webhook=webhook, changes={"is_active": True}, now=now)
    assert deliver_due(now=at(1)) == 1


def test_a_long_queue_of_one_webhook_leaves_room_for_another(
    webhook: Webhook, receiver: Receiver, now: Any, at: At
) -> None:
    for number in range(30):
        tag_with_events(now, f"Tag {number}")
    with receiving() as second:
        create_webhook(actor=SYSTEM, fields={"url": second.url, "events": ["tag.created"]}, now=now)
        tag_with_events(now, "Last")
        assert deliver_due(now=at(0)) == 6
        assert second.types == ["tag.created"]


def test_a_private_address_is_refused_at_the_time_of_delivery(
    webhook: Webhook, receiver: Receiver, now: Any, at: At, settings: Any
) -> None:
    """A name may have been pointed at it since the webhook was made."""
    settings.WEBHOOKS_ALLOW_PRIVATE = False
    tag_with_events(now, "One")
    deliver_due(now=at(0))
    assert receiver.requests == []
    assert "not a public address" in Delivery.objects.get().last_error


def test_what_a_receiver_answers_is_one_short_line_of_the_log(
    webhook: Webhook, receiver: Receiver, now: Any, at: At, caplog: pytest.LogCaptureFixture
) -> None:
    """h11 repeats a line that is no HTTP in its error."""
    receiver.garbage = b"no HTTP " + b"\x1b[2J\xff" * 2_000 + b"\r\n\r\n"
    tag_with_events(now, "One")
    with caplog.at_level("INFO", logger="cms.services.deliveries"):
        deliver_due(now=at(0))
    [record] = [record for record in caplog.records if record.name == "cms.services.deliveries"]
    assert "illegal status line" in record.getMessage()
    assert len(record.getMessage()) < 1_500
    assert record.getMessage().isprintable()


def test_line_ends_and_escapes_of_an_error_are_escaped_in_the_log(
    webhook: Webhook, now: Any, at: At, caplog: pytest.LogCaptureFixture
) -> None:
    tag_with_events(now, "One")
    [delivery] = _claim_due(at(0))
    with caplog.at_level("INFO", logger="cms.services.deliveries"):
        _record_answer(delivery, Answer(None, "first\r\nsecond \x1b[2J"), now)
    assert caplog.messages[-1].endswith(r"(first\r\nsecond \x1b[2J)")
