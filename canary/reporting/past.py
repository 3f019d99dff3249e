"""The rollout at a past instant, by the chain of events and the salts of its cohorts."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.db.models import Q

from canary.core.bucketing import cohort_of
from canary.core.lifecycle import ADVANCE
from canary.core.values import Identity, Snapshot, is_storable
from canary.models import PastCohort, Rollout, RolloutEvent
from canary.state.coming import ON_LISTS, snapshot_of

ADOPTED_S: Final = 2
"""By then every server has read a change, or its database is away."""
ROUTES: Final = ("weight_bp", "latched", "lifecycle", "cohort", "crossover")
"""Columns of the row that decide who is answered by which version, as events hold them; older ones lack the last."""


@dataclass(frozen=True, slots=True)
class Past:
    event: RolloutEvent
    """The last one by then."""
    snapshot: Snapshot
    """Takes both versions as switched on, and knows of the lists only where the asked identity stands."""
    is_salt_known: bool
    listing: RolloutEvent | None
    """The event that put the identity on the list on which it stood."""


def past_of(identity: Identity, at: datetime) -> Past | None:
    """Return the rollout that was stored at that instant; None before the first event."""
    event = RolloutEvent.objects.filter(at__lte=at).order_by("-version").first()
    if event is None:
        return None
    salt, listing = _salt_of(event.after["cohort"]), _listing(identity, event.version)
    listed = {identity: ON_LISTS[listing.verb][0]} if listing else {}
    base = Snapshot(version=0, weight_bp=0, salt=salt or event.after["cohort"])
    snapshot = snapshot_of(event.after, event.version, base, event.after, listed)
    return Past(event, snapshot, salt is not None, listing)


def first_instant() -> datetime | None:
    """Return when the event log begins; None without events."""
    return RolloutEvent.objects.order_by("version").values_list("at", flat=True).first()


def recent_change(past: Past, at: datetime) -> int | None:
    """Return the version of the last change that a server may not have read by then; None when there was none."""
    recent = RolloutEvent.objects.filter(at__gt=at - timedelta(seconds=ADOPTED_S), version__lte=past.event.version)
    return next((event.version for event in recent.order_by("-version") if _is_of_routing(event)), None)


def misdated(past: Past, at: datetime) -> int | None:
    """Return the version of an earlier event that is dated after the instant: clocks didn't agree. None for none."""
    later = RolloutEvent.objects.filter(version__lt=past.event.version, at__gt=at)
    return later.order_by("-version").values_list("version", flat=True).first()


def _is_of_routing(event: RolloutEvent) -> bool:
    return event.verb in ON_LISTS or _routed(event.before) != _routed(event.after)


def _routed(told: dict[str, Any]) -> Iterable[Any]:
    return [told.get(name) for name in ROUTES]


def _salt_of(cohort: str) -> str | None:
    """Return the salt whose digest the event holds; None for a cohort that an older release has replaced."""
    present = Rollout.objects.values_list("salt", flat=True).first()
    kept = PastCohort.objects.filter(cohort=cohort).values_list("salt", flat=True).first()
    return next((salt for salt in (present, kept) if salt is not None and cohort_of(salt) == cohort), None)


def _listing(identity: Identity, version: int) -> RolloutEvent | None:
    if not is_storable(identity.id):
        return None
    told = Q(verb__in=ON_LISTS, evidence__identity=str(identity)) | Q(verb=ADVANCE)
    last = RolloutEvent.objects.filter(told, version__lte=version).order_by("-version").first()
    is_on = last is not None and last.verb != ADVANCE and ON_LISTS[last.verb][1] == "add"
    return last if is_on else None
