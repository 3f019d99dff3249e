"""Everything that the page shows, by some thirty statements at any size. Reads, and changes nothing."""

import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from django.core.paginator import Page, Paginator
from django.db.models import Sum
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from canary.conf import canary_conf
from canary.core.consumers import unproven_sentence
from canary.core.lifecycle import ACTIVE, in_brownout, is_stable_gone, unmet_for_deprecation, unmet_for_sunset
from canary.core.names import in_names, names_from
from canary.core.routing import is_in_brownout
from canary.core.values import Snapshot
from canary.core.wording import duration
from canary.models import EvidencePoint, ListEntry, Recorder, Rollout, RolloutEvent, Verdict
from canary.pages import drawing, figures, protection, timelines
from canary.pages.crossing import card_of
from canary.pages.harm import harm_of, harm_sentences, title_of, todo_after
from canary.pages.situations import said_of_worst
from canary.pages.speaking import spoken
from canary.pages.standing import holding, last_rollback, situation, why_of
from canary.recording import aggregation
from canary.reporting.people import People
from canary.retiring.usage import USAGE_DAYS, recent_calls, top_consumers
from canary.services.differences import Difference, accepted_differences
from canary.services.life import facts_about
from canary.shadow import results as shadow_results
from canary.state import store
from canary.state.status import status
from canary.verbs.wording import percent

EVENTS_A_PAGE: Final = 20
VERDICTS_SHOWN: Final = 5
ROUTES_SHOWN: Final = 30
FINDINGS_SHOWN: Final = 20
CONSUMERS_SHOWN: Final = 10
LISTED_SHOWN: Final = 100
CHANGES_READ: Final = 500
RECORDERS_S: Final = 3600
KINDS: Final = {
    Verdict.Kind.PASS: gettext_noop("Pass"),
    Verdict.Kind.HOLD: gettext_noop("Hold"),
    Verdict.Kind.HARM: gettext_noop("Harm"),
    Verdict.Kind.NO_DATA: gettext_noop("No data"),
}


@dataclass(frozen=True, slots=True)
class Span:
    """A choice of how far back the figures go."""

    name: str
    label: str
    after_last: str
    """The label after "the last"."""
    seconds: int
    step_s: int

    @property
    def words(self) -> str:
        return _(self.after_last)


SPANS: Final = (
    Span("1h", gettext_noop("1 hour"), gettext_noop("hour"), 3_600, 60),
    Span("6h", gettext_noop("6 hours"), "6 hours", 21_600, 300),
    Span("24h", gettext_noop("24 hours"), "24 hours", 86_400, 900),
)


@dataclass(frozen=True, slots=True)
class Asked:
    """The view that a request asks for: text from an address, so it may be any text."""

    span: Span
    is_judged: bool
    events_page: str

    @classmethod
    def of(cls, given: Any) -> "Asked":
        span = next((one for one in SPANS if one.name == given.get("span")), SPANS[0])
        return cls(span, given.get("traffic") != "all", given.get("events", "1"))


def read_page(asked: Asked, now: datetime, *, is_whole: bool = True) -> dict[str, Any]:
    """Return the context of the template, all of it or what changes by itself. Raises StoreUnreachable."""
    known = status(now)
    row, snapshot = store.read()
    verdicts = _verdicts(known["release"])
    found = _found(known["release"])
    differs = holding(found["shadow"])
    changes = list(RolloutEvent.objects.order_by("-version").defer("evidence")[:CHANGES_READ])
    shown = {
        "asked": asked,
        "spans": SPANS,
        "now": now,
        "status": known,
        "weight": percent(known["weight_bp"]),
        "guide": situation(known, snapshot, verdicts[0] if verdicts else None, differs, now),
        "between_journeys": spoken(known["between_journeys"] or ""),
        "planned": _planned(known),
        **_rolled_back(known, differs, now),
        **_plan(known, changes, now),
        "controller": known["controller"]["leader"],
        "alarm": known["alarm"],
        "recorder": _recorder(now),
        **_workers(known),
        **_evidence(known["release"], verdicts),
        **_traffic(known, verdicts, asked, _since(row, asked, now)),
        **_course(changes, asked, _since(row, asked, now), now),
        **found,
        **_life(row, snapshot, now),
        **(_consumers(snapshot, now) if is_whole else {"consumers": []}),
        **_log(asked),
    }
    if shown["rollback"]:
        known_guide = shown["guide"]
        title = title_of(shown["harm_found"], known_guide.title, is_stuck=shown["is_stuck"])
        shown["guide"] = replace(known_guide, title=title, next=shown["todo"] or known_guide.next)
    elif shown["guide"].action == "start":
        shown["last_rollback"] = last_rollback(now)
    shown["crossover"] = card_of(known, row, now)
    shown["protection"] = protection.facts(known, verdicts[0] if verdicts else None, shown["shadow"], now)
    return _named(shown)


def _verdicts(release: int) -> list[Any]:
    """Return the latest ones, each with its words in the language of the page."""
    verdicts: list[Any] = list(Verdict.objects.filter(release=release).order_by("-at", "-pk")[:VERDICTS_SHOWN])
    for verdict in verdicts:
        verdict.shown, verdict.shown_kind = spoken(verdict.sentence), _(KINDS[verdict.kind])
    return verdicts


def _rolled_back(known: dict[str, Any], differs: list[Any], now: datetime) -> dict[str, Any]:
    """Return the rollback that is latched: who, when, why, the tripped breakers, who was hurt and what to do."""
    event = RolloutEvent.objects.filter(verb="rollback").order_by("-version").first() if known["latched"] else None
    if event is None:
        return {"rollback": None, "harm_found": None, "harm": [], "held_requests": "", "todo": "", "is_stuck": False}
    held = protection.held_requests(event.at, now)
    is_stuck = bool(held) and not protection.is_soon(event.at, now)
    harm = harm_of(known["release"], event.at, now)
    rollback = _event(event)
    return {
        "rollback": rollback,
        "harm_found": harm,
        "harm": [
            *harm_sentences(harm, now, are_held=bool(held) or protection.here() is None),
            *([said_of_worst(differs)] if differs else []),
        ],
        "held_requests": held,
        "todo": todo_after(rollback, harm, differs, is_stuck=is_stuck),
        "is_stuck": is_stuck,
    }


def _plan(known: dict[str, Any], changes: list[RolloutEvent], now: datetime) -> dict[str, Any]:
    plan = known["plan"]
    if not plan:
        return {"steps": [], "step_lasts": ""}
    moves = [
        (event.at, event.before["weight_bp"] if event.verb != "start" else 0, event.after["weight_bp"])
        for event in changes
        if event.after.get("release") == known["release"]
    ]
    return {
        "steps": timelines.plan_steps(plan, known["weight_bp"], moves, now),
        "step_lasts": spoken(duration(plan["min_s"]).replace(".0 ", " ")),
    }


def _since(row: Rollout | None, asked: Asked, now: datetime) -> datetime:
    """Return the beginning of the span, or of the journey: before it the figures are those of other versions."""
    since = now - timedelta(seconds=asked.span.seconds)
    return since if row is None or row.journey_at is None else max(since, row.journey_at)


def _course(changes: list[RolloutEvent], asked: Asked, since: datetime, now: datetime) -> dict[str, Any]:
    """Return both versions over time, with the changes meanwhile."""
    steps = aggregation.timeline(since, asked.span.step_s, judged=True if asked.is_judged else None)
    tells = [(event.at, _told(event)) for event in changes if event.at >= since]
    weights = _weights(changes, since)
    charts = drawing.course_charts(steps, tells, (since, now))
    return {
        "course": charts,
        "course_marks": charts[0][1].marks if charts else [],
        "course_rows": drawing.course_rows(steps),
        "share_chart": drawing.share_chart(steps, weights, (since, now)),
        "share_rows": drawing.share_rows(steps),
    }


def _told(event: RolloutEvent) -> str:
    is_moved = event.before["weight_bp"] != event.after["weight_bp"]
    return f"{event.verb} ({_change(event)})" if is_moved else event.verb


def _named(shown: dict[str, Any]) -> dict[str, Any]:
    """Return the same with people by name, all looked up at once."""
    told = [event["actor"] for event in shown["events"]]
    told += [entry[name] for entry in shown["listed"] for name in ("identity", "actor")]
    told += [row.actor for row in shown["accepted"]]
    told += [usage.consumer for usage in shown["consumers"]]
    told += [name for name, _sentence in shown["own_ends"]]
    rollback, request = shown["rollback"], shown["status"]["request"]
    people = People([*told, *(one["actor"] for one in (rollback, request) if one)])
    if request:
        shown["waiting"] = {**request, "actor": people.actor(request["actor"]), "sentence": spoken(request["sentence"])}
    for event in [*shown["events"], *([rollback] if rollback else [])]:
        event["actor"] = people.actor(event["actor"])
    for entry in shown["listed"]:
        entry |= {"actor": people.actor(entry["actor"]), "name": people.identity(entry["identity"])}
    for row in shown["accepted"]:
        row.actor = people.actor(row.actor)
    shown["own_ends"] = [(people.told(consumer), sentence) for consumer, sentence in shown["own_ends"]]
    names = {usage.consumer: people.identity(usage.consumer) for usage in shown["consumers"]}
    return {**shown, "consumers": [(usage, names[usage.consumer]) for usage in shown["consumers"]]}


def _planned(known: dict[str, Any]) -> str:
    plan = known["plan"]
    if plan is None:
        return _("No plan.")
    last, state = percent(plan["steps_bp"][-1]), spoken(plan["state"])
    return _("The plan to %(last)s is %(state)s.") % {"last": last, "state": state}


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


def _traffic(known: dict[str, Any], verdicts: list[Verdict], asked: Asked, since: datetime) -> dict[str, Any]:
    judged = True if asked.is_judged else None
    totals = aggregation.totals(since, judged=judged)
    live = aggregation.live_share(known["release"], known["stage"], known["weight_bp"])
    routes = aggregation.per_route(since, judged=judged)
    marks, ticks = figures.marks_of(totals)
    judged_routes = verdicts[0].numbers.get("routes", []) if verdicts else []
    return {
        "totals": figures.rows_of(totals),
        "requests": sum(one.requests for one in totals.values()),
        "marks": marks,
        "mark_ticks": ticks,
        "live": live,
        "share_bar": figures.share_bar(live),
        "routes": figures.route_rows(routes[:ROUTES_SHOWN], judged_routes),
        "routes_more": max(0, len(routes) - ROUTES_SHOWN),
    }


def _weights(changes: list[RolloutEvent], since: datetime) -> list[tuple[datetime, int]]:
    """Return the weights in force since then, the one before it first."""
    weights: list[tuple[datetime, int]] = []
    for event in changes:
        if event.at < since:
            return [(since, event.after["weight_bp"]), *reversed(weights)]
        weights.append((event.at, event.after["weight_bp"]))
        first = event.before["weight_bp"]
    return [(since, first), *reversed(weights)] if weights else []


def _found(release: int) -> dict[str, Any]:
    accepted = accepted_differences()
    shadow = shadow_results.summary(release, accepted)
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
        "accepted": list(accepted.values()),
    }


def _life(row: Any, snapshot: Snapshot, now: datetime) -> dict[str, Any]:
    life = snapshot.life
    at = now.timestamp()
    unmet = []
    if row is not None and not is_stable_gone(life):
        facts = facts_about(row, now)
        unmet = unmet_for_deprecation(life, facts, at) if life.state == ACTIVE else unmet_for_sunset(life, facts, at)
    return {
        "life_steps": timelines.life_steps(snapshot, at),
        "own_ends": timelines.own_ends(life, at),
        "in_brownout": is_in_brownout(snapshot, at),
        "brownout_is_off": snapshot.latched and in_brownout(life, at),
        "unmet": [spoken(in_names(one.sentence, snapshot.names)) for one in unmet],
        "unmet_for": _("its deprecation") if life.state == ACTIVE else _("its sunset"),
        "has_debt": canary_conf().debt is not None,
    }


def _consumers(snapshot: Snapshot, now: datetime) -> dict[str, Any]:
    life, unproven = snapshot.life, ""
    if life.state != ACTIVE and not is_stable_gone(life):
        calls = recent_calls(now)
        unproven = spoken(in_names(unproven_sentence(calls.unproven, calls.recent), snapshot.names))
    shown, count = top_consumers(CONSUMERS_SHOWN, now=now, days=USAGE_DAYS, deprecated_at=life.deprecated_at)
    return {"consumers": shown, "consumers_count": count, "usage_days": USAGE_DAYS, "unproven": unproven}


def _log(asked: Asked) -> dict[str, Any]:
    paged = Paginator(RolloutEvent.objects.order_by("-version"), EVENTS_A_PAGE).get_page(asked.events_page)
    entries = ListEntry.objects.order_by("list", "-added_at", "pk")
    listed = list(entries[: LISTED_SHOWN + 1])
    return {
        "events": [_event(event) for event in paged],
        "events_page": paged,
        "events_pages": paged.paginator.num_pages if isinstance(paged, Page) else 1,
        "listed": [_listed(entry) for entry in listed[:LISTED_SHOWN]],
        "listed_count": len(listed) if len(listed) <= LISTED_SHOWN else entries.count(),
    }


def _listed(entry: ListEntry) -> dict[str, Any]:
    return {
        "list": entry.list,
        "identity": f"{entry.kind}:{entry.identifier}",
        **{name: getattr(entry, name) for name in ("added_at", "actor", "reason")},
    }


def _event(event: RolloutEvent) -> dict[str, Any]:
    """Return a change as the page shows it."""
    return {
        "version": event.version,
        "at": event.at.astimezone(UTC),
        "actor": event.actor,
        "is_by_hand": not (event.evidence or {}).get("kind"),
        "verb": event.verb,
        "reason": spoken(event.reason),
        "why": why_of(event),
        "change": _change(event),
        "about": _about(event.verb, event.evidence or {}),
        "trips": protection.trips_of(event.evidence, names_from(event.after)),
    }


def _change(event: RolloutEvent) -> str:
    before, after = event.before["weight_bp"], event.after["weight_bp"]
    return percent(after) if before == after else f"{percent(before)} → {percent(after)}"


def _about(verb: str, evidence: dict[str, Any]) -> str:
    """Return the identity, difference or build that an event is about."""
    if verb.startswith("differences "):
        return str(Difference(**evidence))
    about: str = evidence.get("identity") or evidence.get("consumer") or evidence.get("build") or ""
    return about
