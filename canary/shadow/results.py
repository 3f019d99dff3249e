"""Results of the comparisons: added up in this process, stored now and then, and read by report, page and policy."""

import datetime
import json
import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.db import IntegrityError, transaction
from django.db.models import F, Sum

from canary.conf import EVER, canary_conf
from canary.core.mapping import Difference
from canary.core.values import Snapshot
from canary.metrics.counters import SHADOW_RESULTS
from canary.models import AcceptedDifference, ShadowDifference, ShadowTotal
from canary.recording import flushing
from canary.recording.batches import ObservationRow
from canary.services.differences import accepted_differences
from canary.shadow.asking import Voter
from canary.shadow.reading import Outcome, Vote

SUMS: Final = ("timed", "v1_seconds", "v2_seconds", "v1_sql", "v2_sql")
"""Columns of `ShadowTotal` that are added up beside the count."""
COMPARED: Final = ("equal", "different", "accepted")
"""Results that tell something of the versions."""
TIME_EVERY_S: Final = 5.0
"""A process writes a vote on the time of a route at most this often: more votes would only fill the table."""
GROUPS_MAX: Final = 500
"""The most differences between two flushes: a version that is wrong everywhere needs no more."""
PATH_MAX, EXAMPLE_MAX = 200, 300

type _Total = tuple[int, str, str]
type _Group = tuple[int, str, str, str]
type _Sums = tuple[float, ...]


@dataclass
class _Seen:
    count: int
    example: dict[str, Any]
    first_at: datetime.datetime
    last_at: datetime.datetime


class Tally:
    """Added to by any thread, stored by one."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.totals: Counter[_Total] = Counter()
        self.sums: dict[_Total, _Sums] = {}
        self.groups: dict[_Group, _Seen] = {}
        self._accepted: frozenset[tuple[str, str, str]] = frozenset()
        """The differences that hold nothing, as of the last flush."""

    def count(self, release: int, route: str, result: str) -> None:
        with self._lock:
            self.totals[release, route, result] += 1
        flushing.count("canary_shadow", result)

    def add(self, outcome: Outcome, release: int, *, is_public: bool, now: datetime.datetime) -> str:
        """Add an outcome and return its result. Where it isn't public no value is kept, only what differs and how."""
        result = self._result_of(outcome)
        total = (release, outcome.route, result)
        flushing.count("canary_shadow", result)
        with self._lock:
            self.totals[total] += 1
            if outcome.seconds:
                self._add_sums(total, (1, *outcome.seconds, *outcome.statements))
            for difference in outcome.differences:
                group = (release, outcome.route, difference.path[:PATH_MAX], difference.kind)
                seen = self.groups.get(group)
                if seen is not None:
                    seen.count, seen.last_at = seen.count + 1, now
                elif len(self.groups) < GROUPS_MAX:
                    self.groups[group] = _Seen(1, _example(outcome, difference, is_public=is_public), now, now)
        return result

    def _result_of(self, outcome: Outcome) -> str:
        """Return `accepted` for an answer that differs in accepted ways alone."""
        names = {(outcome.route, difference.path[:PATH_MAX], difference.kind) for difference in outcome.differences}
        is_accepted = outcome.result == "different" and names <= self._accepted
        return "accepted" if is_accepted else outcome.result

    def flush(self) -> None:
        """Store the additions since the last time. After an error the rest stays for the next time."""
        self._accepted = frozenset(accepted_differences())
        with self._lock:
            totals, self.totals = self.totals, Counter()
            sums, self.sums = self.sums, {}
            groups, self.groups = self.groups, {}
        try:
            # One by one and in the same order everywhere: workers that store at once never wait for each other's rest.
            for total in sorted(totals):
                _add_total(total, totals[total], sums.get(total, ()))
                del totals[total]
                sums.pop(total, None)
            for group in sorted(groups):
                _add_group(group, groups[group])
                del groups[group]
        finally:
            self._take_back(totals, sums, groups)

    def _take_back(self, totals: Counter[_Total], sums: dict[_Total, _Sums], groups: dict[_Group, _Seen]) -> None:
        with self._lock:
            self.totals.update(totals)
            for total, values in sums.items():
                self._add_sums(total, values)
            for group, seen in groups.items():
                if newer := self.groups.get(group):
                    seen.count, seen.last_at = seen.count + newer.count, newer.last_at
                self.groups[group] = seen

    def _add_sums(self, total: _Total, values: _Sums) -> None:
        known = self.sums.get(total, (0.0,) * len(SUMS))
        self.sums[total] = tuple(a + b for a, b in zip(known, values, strict=True))


class Votes:
    """Makes observations of what pairs say. Used by one thread."""

    def __init__(self) -> None:
        self._timed_at: dict[str, float] = {}
        self._stage = (0, 0)
        self._warm_at = EVER

    def rows_of(self, outcome: Outcome, voter: Voter | None, now: datetime.datetime) -> list[ObservationRow]:
        if voter is None:
            return []
        is_warm = self._is_warm(voter.snapshot, now)
        votes = [
            vote
            for vote in outcome.votes
            if vote.metric != "pair_time" or (is_warm and self._is_due(outcome.shared, now))
        ]
        return [_row(vote, outcome.shared, voter, now) for vote in votes]

    def _is_warm(self, snapshot: Snapshot, now: datetime.datetime) -> bool:
        """Return whether it is warm: a stage's warm-up begins with its first pair here, as that of latency does."""
        stage = (snapshot.release, snapshot.stage)
        if stage > self._stage:
            self._stage, self._warm_at = stage, now + datetime.timedelta(seconds=canary_conf().warm_up_s)
        return now >= self._warm_at

    def _is_due(self, route: str, now: datetime.datetime) -> bool:
        at_s = now.timestamp()
        if abs(at_s - self._timed_at.get(route, float("-inf"))) < TIME_EVERY_S:
            return False
        self._timed_at[route] = at_s
        return True


def _row(vote: Vote, route: str, voter: Voter, now: datetime.datetime) -> ObservationRow:
    snapshot = voter.snapshot
    return ObservationRow(
        release=snapshot.release,
        stage=snapshot.stage,
        weight_bp=snapshot.weight_bp,
        unit=voter.unit,
        api_version=vote.api_version,
        metric=vote.metric,
        route=route,
        value=vote.value,
        is_authenticated=voter.is_authenticated,
        network=voter.network,
        at=now,
        identity="",
    )


def summary(release: int, all_accepted: Mapping[Any, AcceptedDifference] | None = None) -> dict[str, Any]:
    """Return for report, page and policy what was repeated by result, in all and by route, and the differences.

    The newest difference comes first. `compared` counts COMPARED, `writes` how many of these are writes. `accepted` of
    a difference says who has accepted it and why; `all_accepted` are all that are, if known.
    """
    routes: dict[str, dict[str, Any]] = {}
    sums: dict[str, list[float]] = {}
    for total in ShadowTotal.objects.filter(release=release).order_by("route"):
        row = routes.setdefault(total.route, {"route": total.route, **dict.fromkeys(SHADOW_RESULTS, 0)})
        row[total.result] = total.count
        known = sums.get(total.route, [0.0] * len(SUMS))
        sums[total.route] = [a + getattr(total, name) for a, name in zip(known, SUMS, strict=True)]
    counts = {result: sum(row[result] for row in routes.values()) for result in SHADOW_RESULTS}
    differences = ShadowDifference.objects.filter(release=release).order_by("-last_seen_at", "-count", "pk")
    named = accepted_differences() if all_accepted is None else all_accepted
    accepted = {tuple(name): row for name, row in named.items()}
    return {
        "release": release,
        "compared": sum(counts[result] for result in COMPARED),
        "writes": sum(row[result] for row in routes.values() for result in COMPARED if row["route"][:4] != "GET "),
        **counts,
        "routes": [{**row, **_means(sums[route])} for route, row in routes.items()],
        "differences": [
            {
                **{name: getattr(row, name) for name in ("route", "path", "kind", "count", "example")},
                "first_seen_at": row.first_seen_at.isoformat(),
                "last_seen_at": row.last_seen_at.isoformat(),
                "accepted": _acceptance(accepted.get((row.route, row.path, row.kind))),
            }
            for row in differences
        ],
    }


def _acceptance(row: AcceptedDifference | None) -> dict[str, str] | None:
    if row is None:
        return None
    return {"actor": row.actor, "reason": row.reason, "accepted_at": row.accepted_at.isoformat()}


def _means(sums: list[float]) -> dict[str, Any]:
    """Return the means of pairs in which both versions answered well, by version; None without any."""
    timed, v1_seconds, v2_seconds, v1_sql, v2_sql = sums
    means = {"mean_ms": (1_000 * v1_seconds, 1_000 * v2_seconds), "sql_mean": (v1_sql, v2_sql)}
    return {
        "timed": int(timed),
        **{
            name: {"v1": of_v1 / timed, "v2": of_v2 / timed} if timed else None
            for name, (of_v1, of_v2) in means.items()
        },
    }


def totals() -> dict[str, int]:
    """Return the totals of all releases by result, for a counter that only grows."""
    rows = ShadowTotal.objects.order_by().values_list("result").annotate(Sum("count"))
    return {**dict.fromkeys(SHADOW_RESULTS, 0), **dict(rows)}


def _example(outcome: Outcome, difference: Difference, *, is_public: bool) -> dict[str, Any]:
    if is_public:
        return {"url": outcome.v1_url, "v1": _cut(difference.v1), "v2": _cut(difference.v2)}
    if difference.is_of_statuses:  # they tell nothing of the content
        return {"url": outcome.route.partition(" ")[2], "v1": difference.v1, "v2": difference.v2}
    return {"url": outcome.route.partition(" ")[2], "v1": kind_of(difference.v1), "v2": kind_of(difference.v2)}


def _cut(value: Any) -> Any:
    """Return the value itself when it is short, or else the beginning of its JSON."""
    text = json.dumps(value, ensure_ascii=False)
    return value if len(text) <= EXAMPLE_MAX else f"{text[:EXAMPLE_MAX]}…"


def kind_of(value: Any) -> str:
    """Return what kind of value it is, in place of one that is not public."""
    if value is None or isinstance(value, bool):
        return "(null)" if value is None else "(boolean)"
    if isinstance(value, int | float):
        return "(number)"
    return f"({'text' if isinstance(value, str) else 'list' if isinstance(value, list) else 'object'})"


def _add_total(total: _Total, count: int, sums: _Sums) -> None:
    release, route, result = total
    rows = ShadowTotal.objects.filter(release=release, route=route, result=result)
    added = {"count": count, **dict(zip(SUMS, sums, strict=False))}
    more = {name: F(name) + value for name, value in added.items()}
    if rows.update(**more):
        return
    try:
        with transaction.atomic():
            ShadowTotal.objects.create(release=release, route=route, result=result, **added)
    except IntegrityError:  # another worker was faster
        rows.update(**more)


def _add_group(group: _Group, seen: _Seen) -> None:
    release, route, path, kind = group
    rows = ShadowDifference.objects.filter(release=release, route=route, path=path, kind=kind)
    more = {"count": F("count") + seen.count, "last_seen_at": seen.last_at}
    if rows.update(**more):
        return
    try:
        with transaction.atomic():
            ShadowDifference.objects.create(
                release=release,
                route=route,
                path=path,
                kind=kind,
                count=seen.count,
                example=seen.example,
                first_seen_at=seen.first_at,
                last_seen_at=seen.last_at,
            )
    except IntegrityError:
        rows.update(**more)
