"""All that the page shows, by some thirty statements however much there is. Reads, and changes nothing."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from django.core.paginator import Page, Paginator
from django.db.models import Sum

from canary.core.lifecycle import ACTIVE, in_brownout, is_v1_gone, unmet_for_deprecation, unmet_for_sunset
from canary.core.routing import is_in_brownout
from canary.core.values import Snapshot
from canary.core.wording import duration
from canary.models import EvidencePoint, ListEntry, Recorder, RolloutEvent, Verdict
from canary.pages import drawing, figures, timelines
from canary.recording import aggregation
from canary.retiring.usage import USAGE_DAYS, usage_by_consumer
from canary.services.differences import Difference, accepted_differences
from canary.services.life import facts_about
from canary.shadow import results as shadow_results
from canary.state import store
from canary.state.alarms import alarm
from canary.state.status import status
from canary.verbs.wording import percent

EVENTS_A_PAGE: Final = 20
VERDICTS_SHOWN: Final = 5
ROUTES_SHOWN: Final = 30
FINDINGS_SHOWN: Final = 20
CONSUMERS_SHOWN: Final = 10
LISTED_SHOWN: Final = 100
WEIGHTS_SHOWN: Final = 500
RECORDERS_S: Final = 3600


@dataclass(frozen=True, slots=True)
class Span:
    """A choice of how far back the figures go."""

    name: str
    label: str
    seconds: int
    step_s: int

    @property
    def words(self) -> str:
        """After "the last"."""
        return self.label.removeprefix("1 ")


SPANS: Final = (
    Span("1h", "1 hour", 3_600, 60),
    Span("6h", "6 hours", 21_600, 300),
    Span("24h", "24 hours", 86_400, 900),
)


@dataclass(frozen=True, slots=True)
class Asked:
    """What a request wants to see: text from an address, so anything may stand in it."""

    span: Span
    is_judged: bool
    events_page: str

    @classmethod
    def of(cls, given: Any) -> "Asked":
        span = next((one for one in SPANS if one.name == given.get("span")), SPANS[0])
        return cls(span, given.get("traffic") != "all", given.get("events", "1"))


def read_page(asked: Asked, now: datetime) -> dict[str, Any]:
    """The context of the template. Raises StoreUnreachable."""
    known = status(now)
    row, snapshot = store.read()
    verdicts = list(Verdict.objects.filter(release=known["release"]).order_by("-at", "-pk")[:VERDICTS_SHOWN])
    return {
        "asked": asked,
        "spans": SPANS,
        "now": now,
        "status": known,
        "weight": percent(known["weight_bp"]),
        "planned": _planned(known),
        "rollback": _rollback() if known["latched"] else None,
        "steps": timelines.plan_steps(known["plan"], known["weight_bp"]) if known["plan"] else [],
        "step_lasts": duration(known["plan"]["min_s"]) if known["plan"] else "",
        "controller": known["controller"]["leader"],
        "alarm": alarm(now),
        "recorder": _recorder(now),
        **_workers(known),
        **_evidence(known["release"], verdicts),
        **_traffic(known, verdicts, asked, now),
        **_found(known["release"]),
        **_life(row, snapshot, now),
        **_log(asked),
    }


def _rollback() -> RolloutEvent | None:
    """The last one: who did it, when and why."""
    return RolloutEvent.objects.filter(verb="rollback").order_by("-version").first()


def _planned(known: dict[str, Any]) -> str:
    plan = known["plan"]
    if plan is None:
        return "No plan."
    last = percent(plan["steps_bp"][-1])
    return f"The plan to {last} is {plan['state']}."


def _workers(known: dict[str, Any]) -> dict[str, Any]:
    workers = [{**one, "seen_at": datetime.fromisoformat(one["seen_at"])} for one in known["workers"]]
    late = [one for one in workers if one["version"] != known["version"]]
    return {"workers": workers, "late_workers": late}


def _recorder(now: datetime) -> dict[str, int]:
    recent = Recorder.objects.filter(at__gte=now - timedelta(seconds=RECORDERS_S))
    found = recent.aggregate(dropped=Sum("dropped"), lost=Sum("lost"))
    return {name: count or 0 for name, count in found.items()}


def _evidence(release: int, verdicts: list[Verdict]) -> dict[str, Any]:
    points = list(EvidencePoint.objects.filter(release=release).order_by("pk").values_list("at", "log_e"))
    judged_at = verdicts[0].numbers.get("judged_at") if verdicts else None
    return {
        "verdicts": verdicts,
        "judged_at": datetime.fromisoformat(judged_at) if judged_at else None,
        "evidence_chart": drawing.evidence_chart(points),
        "evidence_rows": drawing.evidence_rows(points),
        "evidence_now": drawing.evidence_now(points[-1][1]) if points else [],
    }


def _traffic(known: dict[str, Any], verdicts: list[Verdict], asked: Asked, now: datetime) -> dict[str, Any]:
    since, judged = now - timedelta(seconds=asked.span.seconds), True if asked.is_judged else None
    totals = aggregation.totals(since, judged=judged)
    live = aggregation.live_share(known["release"], known["stage"], known["weight_bp"])
    steps = aggregation.timeline(since, asked.span.step_s, judged=judged)
    routes = aggregation.per_route(since, judged=judged)
    weights = _weights(since)
    marks, ticks = figures.marks_of(totals)
    judged_routes = verdicts[0].numbers.get("routes", []) if verdicts else []
    return {
        "totals": figures.rows_of(totals),
        "requests": sum(one.requests for one in totals.values()),
        "marks": marks,
        "mark_ticks": ticks,
        "live": live,
        "share_bar": figures.share_bar(live),
        "share_chart": drawing.share_chart(steps, weights, (since, now)),
        "share_rows": drawing.share_rows(steps),
        "routes": figures.route_rows(routes[:ROUTES_SHOWN], judged_routes),
        "routes_more": max(0, len(routes) - ROUTES_SHOWN),
    }


def _weights(since: datetime) -> list[tuple[datetime, int]]:
    """The weights in force since then, the one before it first."""
    events = RolloutEvent.objects.order_by("-version").values_list("at", "before", "after")[:WEIGHTS_SHOWN]
    weights: list[tuple[datetime, int]] = []
    for at, before, after in events:
        if at < since:
            return [(since, after["weight_bp"]), *reversed(weights)]
        weights.append((at, after["weight_bp"]))
        first = before["weight_bp"]
    return [(since, first), *reversed(weights)] if weights else []


def _found(release: int) -> dict[str, Any]:
    shadow = shadow_results.summary(release)
    differences = [
        {**one, **{name: json.dumps(one["example"].get(name), ensure_ascii=False) for name in ("v1", "v2")}}
        for one in shadow["differences"][:FINDINGS_SHOWN]
    ]
    findings = aggregation.query_findings(release)
    return {
        "shadow": shadow,
        "differences": differences,
        "differences_more": len(shadow["differences"]) - len(differences),
        "findings": findings[:FINDINGS_SHOWN],
        "findings_more": max(0, len(findings) - FINDINGS_SHOWN),
        "accepted": accepted_differences().values(),
    }


def _life(row: Any, snapshot: Snapshot, now: datetime) -> dict[str, Any]:
    life = snapshot.life
    consumers = usage_by_consumer(now=now, days=USAGE_DAYS, deprecated_at=life.deprecated_at)
    at = now.timestamp()
    unmet = []
    if row is not None and not is_v1_gone(life):
        facts = facts_about(row, now)
        unmet = unmet_for_deprecation(life, facts, at) if life.state == ACTIVE else unmet_for_sunset(life, facts, at)
    return {
        "life_steps": timelines.life_steps(snapshot, at),
        "in_brownout": is_in_brownout(snapshot, at),
        "brownout_is_off": snapshot.latched and in_brownout(life, at),
        "unmet": unmet,
        "unmet_for": "its deprecation" if life.state == ACTIVE else "its sunset",
        "consumers": sorted(consumers, key=lambda one: -one.calls)[:CONSUMERS_SHOWN],
        "consumers_count": len(consumers),
        "usage_days": USAGE_DAYS,
    }


def _log(asked: Asked) -> dict[str, Any]:
    paged = Paginator(RolloutEvent.objects.order_by("-version"), EVENTS_A_PAGE).get_page(asked.events_page)
    listed = ListEntry.objects.order_by("list", "-added_at", "pk")
    return {
        "events": [_event(event) for event in paged],
        "events_page": paged,
        "events_pages": paged.paginator.num_pages if isinstance(paged, Page) else 1,
        "listed": listed[:LISTED_SHOWN],
        "listed_count": listed.count(),
    }


def _event(event: RolloutEvent) -> dict[str, Any]:
    before, after = event.before["weight_bp"], event.after["weight_bp"]
    return {
        "version": event.version,
        "at": event.at.astimezone(UTC),
        "actor": event.actor,
        "verb": event.verb,
        "reason": event.reason,
        "change": percent(after) if before == after else f"{percent(before)} → {percent(after)}",
        "about": _about(event.verb, event.evidence or {}),
    }


def _about(verb: str, evidence: dict[str, Any]) -> str:
    """The identity, difference or build that an event is about."""
    if verb.startswith("differences "):
        return str(Difference(**evidence))
    about: str = evidence.get("identity") or evidence.get("build") or ""
    return about
