"""What the comparisons found: added up in this process, stored now and then, and read by report, page and policy."""

import datetime
import json
import threading
from collections import Counter
from dataclasses import dataclass
from typing import Any, Final

from django.db import IntegrityError, transaction
from django.db.models import F, Sum

from canary.core.mapping import Difference
from canary.models import AcceptedDifference, ShadowDifference, ShadowTotal
from canary.recording import flushing
from canary.services.differences import accepted_differences
from canary.shadow.reading import Outcome

RESULTS: Final = ("equal", "different", "accepted", "failed", "timed_out", "dropped", "unmapped")
GROUPS_MAX: Final = 500
"""Of differences, kept between two flushes: a version that is wrong everywhere needs no more to be seen so."""
PATH_MAX, EXAMPLE_MAX = 200, 300

type _Total = tuple[int, str, str]
type _Group = tuple[int, str, str, str]


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
        self.groups: dict[_Group, _Seen] = {}
        self._accepted: frozenset[tuple[str, str, str]] = frozenset()
        """The differences that hold nothing, as of the last flush."""

    def count(self, release: int, route: str, result: str) -> None:
        with self._lock:
            self.totals[release, route, result] += 1
        flushing.count("canary_shadow", result)

    def add(self, outcome: Outcome, release: int, *, is_public: bool, now: datetime.datetime) -> None:
        """Of answers that aren't public no value is kept, only where they differ and how."""
        result = self._result_of(outcome)
        flushing.count("canary_shadow", result)
        with self._lock:
            self.totals[release, outcome.route, result] += 1
            for difference in outcome.differences:
                group = (release, outcome.route, difference.path[:PATH_MAX], difference.kind)
                seen = self.groups.get(group)
                if seen is not None:
                    seen.count, seen.last_at = seen.count + 1, now
                elif len(self.groups) < GROUPS_MAX:
                    self.groups[group] = _Seen(1, _example(outcome, difference, is_public=is_public), now, now)

    def _result_of(self, outcome: Outcome) -> str:
        """`accepted` for an answer that differs in accepted ways alone."""
        names = {(outcome.route, difference.path[:PATH_MAX], difference.kind) for difference in outcome.differences}
        is_accepted = outcome.result == "different" and names <= self._accepted
        return "accepted" if is_accepted else outcome.result

    def flush(self) -> None:
        """Store what was added since the last time. What can't be stored stays for the next time, and the error is raised."""
        self._accepted = frozenset(accepted_differences())
        with self._lock:
            totals, self.totals = self.totals, Counter()
            groups, self.groups = self.groups, {}
        try:
            # Each by itself and in the same order everywhere: workers that store at once never wait for each other's rest.
            for total in sorted(totals):
                _add_total(total, totals[total])
                del totals[total]
            for group in sorted(groups):
                _add_group(group, groups[group])
                del groups[group]
        finally:
            self._take_back(totals, groups)

    def _take_back(self, totals: Counter[_Total], groups: dict[_Group, _Seen]) -> None:
        with self._lock:
            self.totals.update(totals)
            for group, seen in groups.items():
                if newer := self.groups.get(group):
                    seen.count, seen.last_at = seen.count + newer.count, newer.last_at
                self.groups[group] = seen


def summary(release: int) -> dict[str, Any]:
    """For report, page and policy: how many reads came out how, in all and by route, and the differences, newest first.

    `compared` is what tells anything of the versions: equal, different and accepted ones. `accepted` of a difference
    says who has accepted it and why.
    """
    routes: dict[str, dict[str, Any]] = {}
    for total in ShadowTotal.objects.filter(release=release).order_by("route"):
        row = routes.setdefault(total.route, {"route": total.route, **dict.fromkeys(RESULTS, 0)})
        row[total.result] = total.count
    counts = {result: sum(row[result] for row in routes.values()) for result in RESULTS}
    differences = ShadowDifference.objects.filter(release=release).order_by("-last_seen_at", "-count", "pk")
    accepted = {tuple(name): row for name, row in accepted_differences().items()}
    return {
        "release": release,
        "compared": counts["equal"] + counts["different"] + counts["accepted"],
        **counts,
        "routes": list(routes.values()),
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


def totals() -> dict[str, int]:
    """Of all releases, by result: what a counter that only grows is made of."""
    rows = ShadowTotal.objects.order_by().values_list("result").annotate(Sum("count"))
    return {**dict.fromkeys(RESULTS, 0), **dict(rows)}


def _example(outcome: Outcome, difference: Difference, *, is_public: bool) -> dict[str, Any]:
    if is_public:
        return {"url": outcome.v1_url, "v1": _cut(difference.v1), "v2": _cut(difference.v2)}
    return {"url": outcome.route.partition(" ")[2], "v1": _kind_of(difference.v1), "v2": _kind_of(difference.v2)}


def _cut(value: Any) -> Any:
    """The value itself when it is short, or else the beginning of its JSON."""
    text = json.dumps(value, ensure_ascii=False)
    return value if len(text) <= EXAMPLE_MAX else f"{text[:EXAMPLE_MAX]}…"


def _kind_of(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return "(null)" if value is None else "(boolean)"
    if isinstance(value, int | float):
        return "(number)"
    return f"({'text' if isinstance(value, str) else 'list' if isinstance(value, list) else 'object'})"


def _add_total(total: _Total, count: int) -> None:
    release, route, result = total
    rows = ShadowTotal.objects.filter(release=release, route=route, result=result)
    if rows.update(count=F("count") + count):
        return
    try:
        with transaction.atomic():
            ShadowTotal.objects.create(release=release, route=route, result=result, count=count)
    except IntegrityError:  # another worker was faster
        rows.update(count=F("count") + count)


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
