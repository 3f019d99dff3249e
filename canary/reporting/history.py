"""Check that nobody has altered the event log: the chain of events, its seals, and the row at its end."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.db import transaction

from canary.conf import secrets_for
from canary.core import chain
from canary.core.chain import NO_EVENTS, Head, Seals
from canary.core.names import FIRST
from canary.models import Rollout, RolloutEvent
from canary.services.changing import describe_row, event_columns


@dataclass(frozen=True, slots=True)
class LogCheck:
    """`broken_at` is the first event that was changed or is missing, `doubtful` are those that no key vouches for."""

    events: int
    broken_at: int | None
    sealed: int
    doubtful: tuple[int, ...]
    is_exported_found: bool
    """Whether the log goes through the head that was exported earlier; true without one."""

    @property
    def is_whole(self) -> bool:
        return self.broken_at is None and not self.doubtful and self.is_exported_found


def check_log(exported: Head = NO_EVENTS) -> LogCheck:
    """Read the whole log. A row that isn't what the last event says counts as a break of the version that it claims."""
    seals, last = Seals([*secrets_for("canary-chain")], exported), {"version": 0}

    def events() -> Iterator[dict[str, Any]]:
        nonlocal last
        for event in RolloutEvent.objects.order_by("version").iterator():
            seals.take(Head(event.version, event.hash), event.seal)
            last = event_columns(event)
            yield last

    with transaction.atomic():
        row = Rollout.objects.filter(pk=1).first()
        broken_at = chain.verify(events()) or _break_at_the_end(row, last)
        count = RolloutEvent.objects.count()
    return LogCheck(count, broken_at, seals.count, tuple(seals.doubtful), seals.is_vouched_found)


def head_of_log() -> Head:
    last = RolloutEvent.objects.order_by("-version").values_list("version", "hash").first()
    return Head(*last) if last else NO_EVENTS


def first_broken_version() -> int | None:
    """Return the version of the first event that was changed or is missing, None when all is whole."""
    return check_log().broken_at


def _break_at_the_end(row: Rollout | None, last: dict[str, Any]) -> int | None:
    upto = row.version if row else 0
    if last["version"] != upto:
        return int(min(last["version"], upto)) + 1
    # An older release wrote no names, because there were no others.
    return upto if row and {"names": FIRST.as_json(), **last["after"]} != describe_row(row) else None
