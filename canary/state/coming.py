"""The rollout that the servers still apply while a change that moves users to v2 waits until all have read it.

Computed from the event log by the rule of `canary.state.store`, so that a command knows it too, which serves nobody.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db.models import Q

from canary.core.crossover import running_crossover
from canary.core.lifecycle import ADVANCE, life_from
from canary.core.names import names_from
from canary.core.routing import leads_to_candidate
from canary.core.values import Identity, Snapshot, parse_identity
from canary.models import ListEntry, RolloutEvent
from canary.state.store import ALL_HAVE_READ_AFTER_S

ON_LISTS = {f"{name} {word}": (name, word) for name in ListEntry.List.values for word in ("add", "remove")}
type _Listed = dict[Identity, str]
"""On which list an identity stands."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """`in_force` knows of the lists only what the identity that was asked about, and those just changed, stand on."""

    in_force: Snapshot
    stored_comes_at: datetime


def waiting_change(stored: Snapshot, identity: Identity, now: datetime) -> Waiting | None:
    """Return the rollout in force until `stored`, just read, is; None when it is, as nearly always. Costs a query."""
    since = now - timedelta(seconds=ALL_HAVE_READ_AFTER_S)
    events = [*RolloutEvent.objects.filter(at__gt=since, version__lte=stored.version).order_by("version")]
    if not events:
        return None
    listed = _listed_before(events[0].version, {identity, *_identities(events)})
    in_force = snapshot_of(events[0].before, events[0].version - 1, stored, events[-1].after, listed)
    coming: list[tuple[Snapshot, datetime]] = []
    for event in events:
        in_force, coming = _arrived(in_force, coming, event.at)
        _put_on_lists(listed, event)
        after = snapshot_of(event.after, event.version, stored, events[-1].after, listed)
        if leads_to_candidate(in_force, after):
            coming.append((after, event.at + timedelta(seconds=ALL_HAVE_READ_AFTER_S)))
        else:
            in_force, coming = after, []
    in_force, coming = _arrived(in_force, coming, now)
    return Waiting(in_force, coming[-1][1].astimezone(UTC)) if coming else None


def _arrived(
    in_force: Snapshot, coming: list[tuple[Snapshot, datetime]], now: datetime
) -> tuple[Snapshot, list[tuple[Snapshot, datetime]]]:
    arrived = [snapshot for snapshot, comes_at in coming if comes_at <= now]
    return (arrived[-1] if arrived else in_force), [each for each in coming if each[1] > now]


def snapshot_of(
    told: dict[str, Any], version: int, stored: Snapshot, last: dict[str, Any], listed: Mapping[Identity, str]
) -> Snapshot:
    """Return the snapshot after an event.

    Events don't contain the salt: that of another cohort than the last is only a stand-in that differs.
    """
    return replace(
        stored,
        version=version,
        weight_bp=told["weight_bp"],
        release=told["release"],
        stage=told["stage"],
        latched=told["latched"],
        life=life_from(told["lifecycle"]),
        names=names_from(told),
        crossover=running_crossover(told.get("crossover")),
        salt=stored.salt if told["cohort"] == last["cohort"] else told["cohort"],
        allowed=_on(listed, ListEntry.List.ALLOW),
        excluded=_on(listed, ListEntry.List.EXCLUDE),
    )


def _on(listed: Mapping[Identity, str], name: str) -> frozenset[Identity]:
    return frozenset(identity for identity, where in listed.items() if where == name)


def _identities(events: Iterable[RolloutEvent]) -> set[Identity]:
    return {_identity_of(event) for event in events if event.verb in ON_LISTS}


def _identity_of(event: RolloutEvent) -> Identity:
    evidence: dict[str, Any] = event.evidence or {}
    return parse_identity(evidence["identity"])


def _listed_before(version: int, identities: Iterable[Identity]) -> _Listed:
    listed: _Listed = {}
    names = [str(identity) for identity in identities]
    named = Q(verb__in=ON_LISTS, evidence__identity__in=names)
    for event in RolloutEvent.objects.filter(named | Q(verb=ADVANCE), version__lt=version).order_by("version"):
        _put_on_lists(listed, event)
    return listed


def _put_on_lists(listed: _Listed, event: RolloutEvent) -> None:
    if event.verb == ADVANCE:
        listed.clear()
    if event.verb not in ON_LISTS:
        return
    (name, word), identity = ON_LISTS[event.verb], _identity_of(event)
    if word == "add":
        listed[identity] = name
    else:
        listed.pop(identity, None)
