"""Notices to the consumers of v1: each gets its own calls, with the equivalent of each, and the dates."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from canary.conf import canary_conf
from canary.core.consumers import end_for, is_extended
from canary.core.lifecycle import Life, is_stable_gone, iso
from canary.retiring.successors import declared_successors, guide_below
from canary.retiring.usage import NAMELESS, USAGE_DAYS, ConsumerTotal, usage_by_consumer
from canary.state.store import current_snapshot


def consumers_to_tell(now: datetime, life: Life) -> list[ConsumerTotal]:
    """Return every consumer with a name, the latest caller first."""
    totals = usage_by_consumer(now=now, deprecated_at=life.deprecated_at)
    return [total for total in totals if total.consumer not in NAMELESS]


def usages_to_tell(totals: Iterable[ConsumerTotal], now: datetime, life: Life) -> list[dict[str, Any]]:
    """Return the usage of these consumers, in the form of `CANARY["NOTIFY_CONSUMERS"]`."""
    ways = _ways()
    return [
        _with_ways(total.as_json(), ways) | {"dates": _own_sentences(total.consumer, now, life)} for total in totals
    ]


def dates_to_tell(now: datetime, life: Life) -> dict[str, Any]:
    names = current_snapshot().names
    guide = guide_below(f"{canary_conf().entrance}/v{names.candidate}", names)
    return {"dates": _sentences(now, life, names.stable), "guide": guide}


def _sentences(now: datetime, life: Life, name: str) -> list[str]:
    if life.deprecated_at is None or life.sunset_at is None:
        since = (
            ""
            if life.deprecated_at is None
            else f"Version {name} has been deprecated since {iso(life.deprecated_at)}. "
        )
        return [f"{since}No date is set yet for its end."]
    if is_stable_gone(life):
        return [f"Version {name} ended at {iso(life.sunset_at)}: its calls are answered with 410."]
    planned = [window for window in life.brownouts if window[1] > now.timestamp()]
    return [
        f"Version {name} has been deprecated since {iso(life.deprecated_at)} and ends at {iso(life.sunset_at)}.",
        *(f"For a test it is switched off from {iso(start)} to {iso(end)}." for start, end in planned),
    ]


def _own_sentences(consumer: str, now: datetime, life: Life) -> list[str]:
    """Return the dates of this consumer alone."""
    at = now.timestamp()
    own = [one for one in life.own_brownouts if one.consumer == consumer and one.end > at]
    windows = [f"For it alone it is switched off from {iso(start)} to {iso(end)}." for _, start, end in own]
    if not is_extended(life, consumer, at):
        return windows
    until = end_for(life, consumer)
    return [f"It is answered until {iso(until)}." if until else "It is answered until further notice.", *windows]


def _ways() -> dict[str, str]:
    """Return by call of v1, `GET /posts`, the call of v2, or the reason why there is none."""
    declared = declared_successors()
    if declared is None:
        return {}
    rows = [row for rows in declared.routes.values() for _, row in rows]
    return {f"{row['method']} {row['path']}": _way(row) for row in rows}


def _way(row: Mapping[str, Any]) -> str:
    call = row["call"]
    if not call:
        return str(row["gap"])
    return f"{call['method']} {canary_conf().entrance}/v{current_snapshot().names.candidate}{call['path']}"


def _with_ways(usage: dict[str, Any], ways: Mapping[str, str]) -> dict[str, Any]:
    routes: Sequence[Mapping[str, Any]] = usage["routes"]
    told = [{**route, "v2": ways.get(route["route"], "see the guide")} for route in routes]
    return {**usage, "days": USAGE_DAYS, "routes": told}
