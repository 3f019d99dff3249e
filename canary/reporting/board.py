"""The migration board: for each consumer of v1 what it calls, what differs for it, its version, and who to write to.

A page takes the same number of statements at any size; each reads a bounded number of rows.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from django.db.models import Count, Q, Sum

from canary.conf import canary_conf
from canary.core.bucketing import bucket, cohort_of
from canary.core.consumers import NAMED, end_for, is_extended
from canary.core.lifecycle import Life, iso
from canary.core.routing import choose
from canary.core.values import CANDIDATE, STABLE, Decision, Identity, Snapshot, parse_identity
from canary.models import ListEntry, Observation, RolloutEvent, ShadowDifference
from canary.recording.tally import digest_of
from canary.reporting.people import People
from canary.retiring.usage import USAGE_DAYS, ConsumerTotal, Notice, notices_since, of_days, top_consumers
from canary.services.differences import Difference, accepted_differences
from canary.state.store import read

A_PAGE: Final = 25
ROUTES_SHOWN: Final = 3
PLACES_SHOWN: Final = 3
DIFFERENCES_READ: Final = 500
EVENTS_READ: Final = 500
OBSERVATIONS_READ: Final = 100_000
"""The latest ones: no index finds those of a unit."""
PAIRS: Final = {"pair_error": "failed", "pair_refusal": "refused"}
"""Metrics of pairs in which v2 alone failed, or refused a read that v1 answers."""


@dataclass(frozen=True, slots=True)
class Weight:
    """The state after an event, as far as the bucket of an identity asks."""

    at: datetime
    weight_bp: int
    cohort: str


def migration_board(
    now: datetime, *, page: int = 1, days: int = USAGE_DAYS, viewer: Any = None, is_addressed: bool = False
) -> dict[str, Any]:
    """Return one page of the consumers, those with the most calls first, as JSON.

    `viewer` is the user who looks; None for the command line. Without `is_addressed` nobody's address is asked for.
    """
    row, snapshot = read()
    life, release = snapshot.life, row.release if row else 1
    totals, count = top_consumers(
        A_PAGE, skip=(page - 1) * A_PAGE, now=now, days=days, deprecated_at=life.deprecated_at
    )
    if not totals and page > 1:
        return migration_board(now, days=days, viewer=viewer, is_addressed=is_addressed)
    names = [total.consumer for total in totals]
    identities = {name: parse_identity(name) for name in names if name.partition(":")[0] in NAMED and ":" in name}
    contacts = canary_conf().contacts([*identities], viewer) if is_addressed else {}
    routes, told = _routes(identities.values(), now, days), notices_since(life.deprecated_at)
    differences, pairs = _differences(release, routes), _pairs(release, identities, contacts)
    versions, people = _versions(identities, snapshot, now), People(names)
    shown = [
        {
            **_usage(total, routes.get(total.consumer, {})),
            "name": people.identity(total.consumer),
            "version": versions.get(total.consumer),
            "differences": _places(routes.get(total.consumer, {}), differences),
            "pairs": pairs.get(total.consumer),
            "told": _told(told.get(total.consumer)),
            **_ends(life, total.consumer, now),
            "contact": contacts.get(total.consumer),
        }
        for total in totals
    ]
    pages = max(1, -(-count // A_PAGE))
    known = {"days": days, "names": snapshot.names.as_json(), "lifecycle": life.state}
    return {**known, "count": count, "page": page, "pages": pages, "consumers": shown}


def _usage(total: ConsumerTotal, routes: Mapping[str, int]) -> dict[str, Any]:
    top = sorted(routes.items(), key=lambda item: (-item[1], item[0]))
    return {
        "consumer": total.consumer,
        "is_proven": total.is_proven,
        "calls": total.calls,
        "refused": total.refused,
        "agent": total.agent,
        "last_seen_at": total.last_seen_at.astimezone(UTC).isoformat(),
        "routes": [{"route": route, "calls": calls} for route, calls in top[:ROUTES_SHOWN]],
        "routes_more": max(0, len(top) - ROUTES_SHOWN),
    }


def _routes(identities: Iterable[Identity], now: datetime, days: int) -> dict[str, dict[str, int]]:
    """Return the calls of each consumer by route."""
    wanted = Q(pk__in=())
    for kind, identifier in identities:
        wanted |= Q(kind=kind, identifier=identifier)
    rows: Iterable[Any] = of_days(now, days).filter(wanted).order_by().values("kind", "identifier", "route")
    found: dict[str, dict[str, int]] = {}
    for row in rows.annotate(sum=Sum("calls")):  # type: ignore[attr-defined]
        found.setdefault(f"{row['kind']}:{row['identifier']}", {})[row["route"]] = row["sum"]
    return found


def _differences(release: int, routes: Mapping[str, Mapping[str, int]]) -> dict[str, list[dict[str, Any]]]:
    """Return by route the differences of the release that nobody has accepted, the most frequent first."""
    wanted, accepted = {route for one in routes.values() for route in one}, accepted_differences()
    rows = ShadowDifference.objects.filter(release=release, route__in=wanted).order_by("-count", "pk")
    found: dict[str, list[dict[str, Any]]] = {}
    for row in rows.values("route", "path", "kind", "count")[:DIFFERENCES_READ]:
        if Difference(row["route"], row["path"], row["kind"]) not in accepted:
            found.setdefault(row["route"], []).append({**row})
    return found


def _places(routes: Iterable[str], differences: Mapping[str, list[dict[str, Any]]]) -> dict[str, Any]:
    """Return where answers of the routes that a consumer calls differ, for anybody."""
    found = sorted((one for route in routes for one in differences.get(route, ())), key=lambda one: -one["count"])
    return {"places": found[:PLACES_SHOWN], "places_more": max(0, len(found) - PLACES_SHOWN)}


def _pairs(
    release: int, identities: Mapping[str, Identity], contacts: Mapping[str, Mapping[str, str]]
) -> dict[str, dict[str, int]]:
    """Return the consumer's own reads, repeated on both versions, in which v2 alone failed or refused.

    Those of an API key count for the person who owns it.
    """
    units = {name: _unit_of(identity, contacts.get(name, {})) for name, identity in identities.items()}
    last = Observation.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
    rows: Iterable[Any] = (
        Observation.objects.filter(pk__gt=last - OBSERVATIONS_READ, release=release, metric__in=PAIRS)
        .filter(api_version=CANDIDATE, unit__in={unit for unit in units.values() if unit})
        .order_by()
        .values("unit", "metric")
        .annotate(count=Count("pk"))
    )
    counts = {(row["unit"], PAIRS[row["metric"]]): row["count"] for row in rows}
    found = {name: {word: counts.get((unit, word), 0) for word in PAIRS.values()} for name, unit in units.items()}
    return {name: one for name, one in found.items() if any(one.values())}


def _unit_of(identity: Identity, contact: Mapping[str, str]) -> str:
    """Return the unit of evidence for which the identity's requests count; empty for a key of an unknown owner."""
    if identity.kind != "key":
        return digest_of(identity)
    return digest_of(Identity("user", contact["user"])) if contact.get("user") else ""


def _versions(identities: Mapping[str, Identity], snapshot: Snapshot, now: datetime) -> dict[str, dict[str, Any]]:
    """Return which version answers each of them on the entrance, why, and since when."""
    wanted = Q(pk__in=())
    for kind, identifier in identities.values():
        wanted |= Q(kind=kind, identifier=identifier)
    listed = {f"{row.kind}:{row.identifier}": row.added_at for row in ListEntry.objects.filter(wanted)}
    rows = RolloutEvent.objects.order_by("-version")
    weights = [Weight(*one) for one in rows.values_list("at", "after__weight_bp", "after__cohort")[:EVENTS_READ]]
    return {name: _version(one, snapshot, listed.get(name), weights, now) for name, one in identities.items()}


def _version(
    identity: Identity, snapshot: Snapshot, listed_at: datetime | None, weights: list[Weight], now: datetime
) -> dict[str, Any]:
    decision = choose(identity, None, snapshot, now.timestamp())
    assert isinstance(decision, Decision)  # only a header can be refused
    place, life = bucket(identity, snapshot.salt), snapshot.life
    since: datetime | None = None
    if decision.reason == "bucket":
        since = _since(place, cohort_of(snapshot.salt), weights)
    elif decision.reason in ("allow", "exclude"):
        since = listed_at
    elif decision.reason == "lifecycle_v1_gone" and life.sunset_done_at is not None:
        since = datetime.fromtimestamp(life.sunset_done_at, UTC)
    return {
        "api_version": snapshot.names.told(decision.api_version),
        "reason": decision.reason,
        "bucket": place,
        "weight_bp": snapshot.weight_bp,
        "since": since and since.astimezone(UTC).isoformat(timespec="seconds"),
    }


def _since(place: int, cohort: str, weights: list[Weight]) -> datetime | None:
    """Return when the bucket came to its present version; None when the events that were read do not say it."""
    if not weights:
        return None
    version, since = _by(place, weights[0].weight_bp), weights[0].at
    for one in weights:
        if one.cohort != cohort or _by(place, one.weight_bp) != version:
            return since
        since = one.at
    return since if len(weights) < EVENTS_READ else None


def _by(place: int, weight_bp: int) -> int:
    return CANDIDATE if place < weight_bp else STABLE


def _told(notice: Notice | None) -> dict[str, str] | None:
    if notice is None:
        return None
    return {"at": notice.at.astimezone(UTC).isoformat(timespec="seconds"), "how": notice.how}


def _ends(life: Life, consumer: str, now: datetime) -> dict[str, Any]:
    at, extension = now.timestamp(), None
    if is_extended(life, consumer, at):
        until = end_for(life, consumer)
        extension = {"until": None if until is None else iso(until)}
    own = [one for one in life.own_brownouts if one.consumer == consumer and one.end > at]
    return {"extension": extension, "brownouts": [{"from": iso(one.start), "to": iso(one.end)} for one in own]}
