"""Deleting data that grows for ever: one rule a table, each with its retention setting, in small transactions."""

import datetime
import logging
import math
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from cms.choices import DeliveryStatus, JobStatus
from cms.models import (
    ApiKey,
    AuditEvent,
    AuthSession,
    BrowserSession,
    Chore,
    Delivery,
    ImportRecord,
    Invitation,
    Job,
    StoredAnswer,
    Transfer,
)
from cms.models.transfers import UNDER_WAY
from cms.services.erasing import resume_erasures
from cms.services.locks import unlocked
from cms.services.personal_traces import KEY_COST, delete_files_later, erase_names_of_key

BATCH: Final = 1_000
ROWS_A_TURN: Final = 10_000
"""By each rule: a worker that is told to stop ends its turn first, within seconds."""
FOREVER: Final = 0
CHORE: Final = "prune"
EVERY: Final = datetime.timedelta(days=1)
LEASE: Final = datetime.timedelta(hours=1)
"""After so long without an end another worker tries: the one that began may have been killed."""
logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Rule:
    name: str
    setting: str
    """The name of a setting in days; FOREVER keeps everything."""
    older_than: Callable[[datetime.datetime], QuerySet[Any]]
    first: Callable[[QuerySet[Any]], None] = lambda rows: None
    """Done with the rows of each batch, in the transaction that deletes them."""
    prepare: Callable[[list[Any], float], tuple[list[Any], int]] = lambda ids, most: (ids, 0)
    """Done before, with the ids of a batch, in transactions of its own and with about as many other rows at most.

    Return the ids that may be deleted now, and how many other rows it took.
    """

    def rows(self, now: datetime.datetime) -> QuerySet[Any] | None:
        """Return the rows to delete at `now`; None when they are kept for ever."""
        days = getattr(settings, self.setting)
        return None if days == FOREVER else self.older_than(now - datetime.timedelta(days=days))


def _finished_deliveries(before: datetime.datetime) -> QuerySet[Any]:
    rows: QuerySet[Any] = Delivery.objects.filter(
        status__in=[DeliveryStatus.DELIVERED, DeliveryStatus.DEAD], updated_at__lt=before
    )
    return rows


def _finished_jobs(before: datetime.datetime) -> QuerySet[Any]:
    return Job.objects.filter(status__in=[JobStatus.SUCCESSFUL, JobStatus.DEAD], finished_at__lt=before)


def _ended_transfers(before: datetime.datetime) -> QuerySet[Any]:
    """Return those that have ended, and those whose job was given up.

    The upload and the report of a check that nobody followed are as old.
    """
    has_ended = ~Q(state__in=UNDER_WAY) & Q(finished_at__lt=before)
    jobs = Job.objects.filter(queue_name=Transfer.queue_name, status__in=[JobStatus.READY, JobStatus.RUNNING])
    expected = [name for args in jobs.values_list("args", flat=True) for name in args]
    was_given_up = Q(state__in=UNDER_WAY, updated_at__lt=before) & ~Q(pk__in=expected)
    return Transfer.objects.filter(has_ended | was_given_up)


def _delete_their_files(transfers: QuerySet[Any]) -> None:
    """Delete the files with the rows, which are locked before: a check may just be followed."""
    locked = transfers.select_for_update(no_key=True)
    for one in locked:
        delete_files_later(one.file_names() | one.report_names())


def _old_events(before: datetime.datetime) -> QuerySet[Any]:
    """Return all old events except those that explain why an imported object is gone: it would pass for lost."""
    records = ImportRecord.objects.filter(object_type=OuterRef("object_type"), object_id=OuterRef("object_id"))
    is_needed = Q(Exists(records), action__endswith=".deleted")
    return AuditEvent.objects.filter(~is_needed, created_at__lt=before)


def _ended_keys(before: datetime.datetime) -> QuerySet[Any]:
    """Return the keys that were revoked or expired before then. A key that was revoked never changes again."""
    return ApiKey.objects.filter(Q(is_active=False, updated_at__lt=before) | Q(expires_at__lt=before))


def _ended_browser_sessions(before: datetime.datetime) -> QuerySet[Any]:
    """Return the old ones, and those of nobody that have expired, such as first steps of a login."""
    now = before + datetime.timedelta(days=settings.SESSION_RETENTION_DAYS)
    return BrowserSession.objects.filter(Q(expire_date__lt=before) | Q(user=None, expire_date__lt=now))


_reached: Final = dict[uuid.UUID, uuid.UUID]()
"""The last event of an API key whose names are erased, where a turn ended with it. Another worker starts over."""


def _forget_key_names(keys: list[uuid.UUID], most: float) -> tuple[list[uuid.UUID], int]:
    """Erase names and contacts from the audit trail: without its key an event no longer leads to the owner.

    A key whose events somebody else is changing stays until the next time.
    """
    forgotten, taken = [], 0
    for key in keys:
        events: list[uuid.UUID] | None = []
        while events is not None and taken < most:
            with transaction.atomic():
                events = erase_names_of_key(key, _reached.get(key), BATCH)
            taken += KEY_COST + len(events or ())
            if events is not None and len(events) < BATCH:
                forgotten.append(key)
                _reached.pop(key, None)
                break
            if events:
                _reached[key] = events[-1]
    return forgotten, taken


RULES: Final = (
    Rule("deliveries", "WEBHOOK_DELIVERY_RETENTION_DAYS", _finished_deliveries),
    Rule("jobs", "JOB_RETENTION_DAYS", _finished_jobs),
    Rule("transfers", "JOB_RETENTION_DAYS", _ended_transfers, _delete_their_files),
    Rule(
        "api_sessions",
        "SESSION_RETENTION_DAYS",
        lambda before: AuthSession.objects.filter(Q(expires_at__lt=before) | Q(revoked_at__lt=before)),
    ),
    Rule("api_keys", "SESSION_RETENTION_DAYS", _ended_keys, prepare=_forget_key_names),
    Rule(
        "browser_sessions",
        "SESSION_RETENTION_DAYS",
        _ended_browser_sessions,
    ),
    Rule(
        "invitations",
        "SESSION_RETENTION_DAYS",
        lambda before: Invitation.objects.filter(Q(expires_at__lt=before) | Q(revoked_at__lt=before)),
    ),
    Rule(
        "stored_answers",
        "IDEMPOTENCY_RETENTION_DAYS",
        lambda before: StoredAnswer.objects.filter(created_at__lt=before),
    ),
    Rule("audit_events", "AUDIT_RETENTION_DAYS", _old_events),
)


def count_prunable(*, now: datetime.datetime) -> dict[str, int]:
    """Return how many rows `prune` would delete, by the name of their rule."""
    return {rule.name: 0 if (rows := rule.rows(now)) is None else rows.count() for rule in RULES}


def prune(*, now: datetime.datetime) -> dict[str, int]:
    """Delete the rows that have outlived their retention; return how many went, by the name of their rule.

    May be interrupted at any time: the rows deleted so far stay deleted, and the next run goes on.
    """
    deleted = {rule.name: _delete(rule, now)[0] for rule in RULES}
    resume_erasures(now)
    Chore.objects.update_or_create(name=CHORE, defaults={"due_at": now + EVERY, "done_at": now})
    return deleted


def prune_if_due(*, now: datetime.datetime) -> bool:
    """Prune a bounded piece once a day; False when it is not due, or another worker has taken it."""
    if not _take(now):
        return False
    pruned = {rule.name: _delete(rule, now, most=ROWS_A_TURN) for rule in RULES}
    resume_erasures(now)
    logger.info("pruned: %s", ", ".join(f"{count} {name}" for name, (count, _) in pruned.items()))
    is_done = all(has_ended for _, has_ended in pruned.values())
    Chore.objects.filter(name=CHORE).update(**({"due_at": now + EVERY, "done_at": now} if is_done else {"due_at": now}))
    return True


def _take(now: datetime.datetime) -> bool:
    """Take the chore: one statement decides among all workers."""
    due = Chore.objects.filter(name=CHORE, due_at__lte=now)
    if due.update(due_at=now + LEASE):
        return True
    if Chore.objects.filter(name=CHORE).exists():
        return False
    Chore.objects.bulk_create([Chore(name=CHORE, due_at=now)], ignore_conflicts=True)
    return due.update(due_at=now + LEASE) > 0


def _delete(rule: Rule, now: datetime.datetime, most: float = math.inf) -> tuple[int, bool]:
    """Return how many rows were deleted, and whether all were looked at. Rows that others hold stay this time."""
    rows, deleted, taken, last = rule.rows(now), 0, 0, None
    while rows is not None:
        # After the last one: it would look again at all that it has passed over before.
        following = rows if last is None else rows.filter(pk__gt=last)
        batch = list(following.order_by("pk").values_list("pk", flat=True)[:BATCH])
        ready, others = rule.prepare(batch, most - taken)
        with transaction.atomic():
            # The condition once more: a delivery may have been replayed since it was looked at.
            held = unlocked(rows.filter(pk__in=ready), are_doomed=True)
            found = rows.model._default_manager.filter(pk__in=list(held.values_list("pk", flat=True)))
            rule.first(found)
            gone = found.delete()[0]
        deleted, taken = deleted + gone, taken + gone + others
        if taken >= most:
            return deleted, False
        if len(batch) < BATCH:
            break
        last = batch[-1]
    return deleted, True
