"""Deliveries: sending the outbox in order for each object and webhook, at least once, with one id.

A worker claims a delivery by a lease. If the worker dies, the lease runs out and another worker sends the delivery
again. A receiver that remembers the ids of events processes each of them once.
"""

import datetime
import logging
import secrets
import time
import uuid
from collections import Counter
from typing import Any, Final

from django.conf import settings
from django.db import transaction
from django.db.models import OuterRef, Q, QuerySet, Subquery
from uuid_utils.compat import uuid7

from cms import policy
from cms.choices import DeliveryStatus
from cms.errors import InvalidTransition, PermissionRefused
from cms.jobs.backoff import delay_after
from cms.models import Delivery, Webhook
from cms.outgoing.sending import Answer, Message, send_each
from cms.policy import Actor
from cms.services.audit import record_event
from cms.services.events import Event
from cms.services.locks import lock_row, unlocked

PER_WEBHOOK: Final = 5
AT_ONCE: Final = 20
ANSWERS_KEPT: Final = 20
LOOKED_AT: Final = 250
"""Due deliveries of a webhook that one claim looks at."""
BEHIND: Final = datetime.timedelta(minutes=30)
"""After this long, a delivery behind another one of its object is looked at again, unless that one has ended before."""
NO_TIME: Final = datetime.timedelta(0)
TEST_EVENT: Final = "webhook.test"
"""The type of the event that `send_test` sends. Nobody subscribes to it."""
# 5 s, 20 s, 80 s, … up to 6 hours: ten attempts are spread over 10 to 20 hours, a night's outage of a receiver.
FIRST_DELAY_S, DELAY_FACTOR, LONGEST_DELAY_S = 5, 4, 6 * 3600
logger = logging.getLogger(__name__)
_random = secrets.SystemRandom()


def deliver_due(*, now: datetime.datetime) -> int:
    """Send what is due, at most 20 deliveries and 5 for one webhook, all at the same time; how many were tried.

    Each answer is recorded when it comes: what a good receiver gets next doesn't wait for a slow one.
    """
    claimed = _claim_due(now)
    if not claimed:
        return 0
    messages = [
        Message(
            url=delivery.webhook.url,
            secret=delivery.webhook.secret,
            message_id=str(delivery.event_id),
            timestamp=int(now.timestamp()),
            payload=delivery.payload,
            traceparent=delivery.traceparent,
        )
        for delivery in claimed
    ]
    began = time.monotonic()
    answers = send_each(
        messages, timeout_s=settings.WEBHOOK_TIMEOUT_S, is_private_allowed=settings.WEBHOOKS_ALLOW_PRIVATE
    )
    for index, answer in answers:
        # Counted from the answer: after a timeout, the wait before the next attempt would be over already.
        took = datetime.timedelta(seconds=time.monotonic() - began)
        _record_answer(claimed[index], answer, now + took, took)
    return len(claimed)


def replay_delivery(*, actor: Actor, delivery: Delivery, now: datetime.datetime) -> Delivery:
    """Send a delivered or a dead one again, with the id it had. Later events of its object have gone out before it."""
    if not policy.may_manage_webhooks(actor):
        raise PermissionRefused("Only admins replay deliveries.")
    with transaction.atomic():
        delivery = lock_row(delivery)
        if delivery.status == DeliveryStatus.PENDING:
            raise InvalidTransition("delivery", delivery.status, "replayed", ())
        before = {"status": delivery.status, "attempts": delivery.attempts}
        delivery.status, delivery.attempts = DeliveryStatus.PENDING, 0
        delivery.next_attempt_at = delivery.updated_at = now
        delivery.leased_until = delivery.delivered_at = None
        delivery.save()
        record_event(actor, "delivery.replayed", delivery, before=before, after={"event": delivery.event_type})
    return delivery


def hasten_delivery(*, actor: Actor, delivery: Delivery, now: datetime.datetime) -> Delivery:
    """Send one that waits for its next attempt at once. Raises InvalidTransition for any other."""
    if not policy.may_manage_webhooks(actor):
        raise PermissionRefused("Only admins send deliveries.")
    with transaction.atomic():
        delivery = lock_row(delivery)
        if delivery.status != DeliveryStatus.PENDING:
            raise InvalidTransition("delivery", delivery.status, "sent now", ())
        before = {"next_attempt_at": delivery.next_attempt_at.isoformat()}
        delivery.next_attempt_at = delivery.updated_at = now
        delivery.save(update_fields=["next_attempt_at", "updated_at"])
        record_event(actor, "delivery.hastened", delivery, before=before, after={"event": delivery.event_type})
    return delivery


def send_test(*, actor: Actor, webhook: Webhook, now: datetime.datetime) -> Delivery:
    """Queue an event of the type `webhook.test` for this webhook alone, signed as all others."""
    if not policy.may_manage_webhooks(actor):
        raise PermissionRefused("Only admins send test events.")
    with transaction.atomic():
        webhook = lock_row(webhook)
        if not webhook.is_active:
            raise InvalidTransition("webhook", "switched off", "tested", ())
        event = Event(uuid7(), TEST_EVENT, webhook.pk, None, now, None)
        delivery = Delivery(webhook=webhook, event_id=event.id, event_type=event.type, object_type=event.object_type)
        delivery.object_id, delivery.payload, delivery.next_attempt_at = webhook.pk, event.payload(), now
        delivery.created_at = delivery.updated_at = now
        delivery.save(force_insert=True)
        record_event(actor, "webhook.tested", webhook, before={}, after={})
    return delivery


def _claim_due(now: datetime.datetime) -> list[Delivery]:
    """Claim a few due deliveries of each webhook, so that a long queue or a slow receiver doesn't hold up the others.

    The limit includes what other workers have in hand: a slow receiver keeps one of them busy, not one after the other.
    """
    claimed: list[Delivery] = []
    waiting = list(_due(now).values_list("webhook_id", flat=True).distinct())
    in_hand = Counter(_pending().filter(leased_until__gt=now).values_list("webhook_id", flat=True))
    _random.shuffle(waiting)
    for webhook_id in waiting:
        limit = min(PER_WEBHOOK - in_hand[webhook_id], AT_ONCE - len(claimed))
        claimed += _claim_of(webhook_id, now, max(0, limit))
        if len(claimed) == AT_ONCE:
            break
    return claimed


def _claim_of(webhook_id: uuid.UUID, now: datetime.datetime, limit: int) -> list[Delivery]:
    if not limit:
        return []
    due = _due(now).filter(webhook_id=webhook_id).order_by("next_attempt_at", "created_at", "pk")
    looked_at = dict(due.annotate(first=_first_of_object()).values_list("pk", "first")[:LOOKED_AT])
    rows = unlocked(due.filter(pk__in=[pk for pk, first in looked_at.items() if pk == first]))
    with transaction.atomic():
        claimed = [row for row in rows.select_related("webhook")[:limit] if _take(row, now)]
    _set_behind({pk: first for pk, first in looked_at.items() if first and pk != first}, now)
    return claimed


def _set_behind(first_of: dict[uuid.UUID, uuid.UUID], now: datetime.datetime) -> None:
    """Take deliveries that wait for the first of their object out of the due ones: thousands would hide all others.

    `_hasten_next` brings the next one back when the first has ended. While its row is held here, it can't end unseen.
    """
    if not first_of:
        return
    with transaction.atomic():
        held = set(unlocked(_pending().filter(pk__in=set(first_of.values()))).values_list("pk", flat=True))
        behind = _pending().filter(pk__in=[pk for pk, first in first_of.items() if first in held])
        behind.update(next_attempt_at=now + BEHIND)


def _pending() -> QuerySet[Delivery]:
    return Delivery.objects.filter(status=DeliveryStatus.PENDING)


def _due(now: datetime.datetime) -> QuerySet[Delivery]:
    is_free = Q(leased_until=None) | Q(leased_until__lte=now)
    return _pending().filter(is_free, next_attempt_at__lte=now, webhook__is_active=True)


def _first_of_object() -> Subquery:
    """Return the first pending delivery of the same object to the same webhook: the start of a range of an index."""
    return Subquery(_in_line(OuterRef("webhook"), OuterRef("object_id")).values("pk")[:1])


def _in_line(webhook_id: Any, object_id: Any) -> QuerySet[Delivery]:
    return _pending().filter(webhook=webhook_id, object_id=object_id).order_by("created_at", "pk")


def _take(delivery: Delivery, now: datetime.datetime) -> bool:
    """Take the lease by compare and swap, for longer than an attempt can last; return whether it is ours."""
    lease_s = settings.WEBHOOK_TIMEOUT_S + settings.JOB_LEASE_S
    until = now + datetime.timedelta(seconds=lease_s)
    taken = _unchanged(delivery).update(leased_until=until, attempts=delivery.attempts + 1, updated_at=now)
    delivery.leased_until, delivery.attempts = until, delivery.attempts + 1
    return bool(taken)


def _unchanged(delivery: Delivery) -> QuerySet[Delivery]:
    return _pending().filter(pk=delivery.pk, attempts=delivery.attempts, leased_until=delivery.leased_until)


def _record_answer(
    delivery: Delivery, answer: Answer, now: datetime.datetime, took: datetime.timedelta = NO_TIME
) -> None:
    """Record the answer to an attempt. If the lease was lost, change nothing: the attempt of its new holder counts."""
    values: dict[str, Any] = {"leased_until": None, "last_status": answer.status, "last_error": _storable(answer.error)}
    values["answers"] = [*(delivery.answers or []), _attempt(answer, now, took)][-ANSWERS_KEPT:]
    if answer.is_success:
        values |= {"status": DeliveryStatus.DELIVERED, "delivered_at": now}
    elif delivery.attempts >= settings.WEBHOOK_MAX_ATTEMPTS:
        values |= {"status": DeliveryStatus.DEAD}
    else:
        delay = delay_after(delivery.attempts, first_s=FIRST_DELAY_S, factor=DELAY_FACTOR, longest_s=LONGEST_DELAY_S)
        values |= {"next_attempt_at": now + delay}
    with transaction.atomic():
        if _unchanged(delivery).update(**values, updated_at=now) and "status" in values:
            _hasten_next(delivery, now)
    outcome = values.get("status", "to be tried again")
    logger.info(
        "delivery %s of %s, attempt %d: %s (%s)",
        delivery.pk,
        delivery.event_type,
        delivery.attempts,
        outcome,
        _in_one_line(_storable(answer.error)) or answer.status,
    )


def _hasten_next(ended: Delivery, now: datetime.datetime) -> None:
    """Let the next delivery of the object be sent at once."""
    following = Subquery(_in_line(ended.webhook_id, ended.object_id).values("pk")[:1])
    _pending().filter(pk=following, next_attempt_at__gt=now).update(next_attempt_at=now)


def _attempt(answer: Answer, now: datetime.datetime, took: datetime.timedelta) -> dict[str, Any]:
    return {
        "at": now.isoformat(timespec="seconds"),
        "status": answer.status,
        "error": _storable(answer.error),
        "body": _storable(answer.body),
        "took_ms": round(took.total_seconds() * 1_000),
    }


def _storable(text: str) -> str:
    return text.replace("\x00", "").encode("utf-8", "backslashreplace").decode()[:500]


def _in_one_line(text: str) -> str:
    """Return the text with escapes for control characters: a receiver must not write lines into the log."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
