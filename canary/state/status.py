"""The status object: the rollout in force, and the workers that serve it. Every door shows it, without the salt."""

from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import DatabaseError, InterfaceError

from canary.conf import canary_conf
from canary.core.approvals import Request, sentence_of_request
from canary.core.breakers import Limits
from canary.core.calendar import instant
from canary.core.crossover import crossover_from, period_at
from canary.core.gates import UNANSWERED, Answer
from canary.core.lifecycle import dump_life
from canary.core.names import Names, difference_of, in_names
from canary.core.plans import Plan
from canary.core.routing import needs_controller
from canary.core.values import Snapshot
from canary.errors import StoreUnreachable
from canary.models import Rollout, Verdict, Worker
from canary.state import store
from canary.state.alarms import alarm
from canary.state.calendar import not_before, opening_by_hand
from canary.state.guard import Guard, read_guard

HEARD_OF_S = 30
PLAN_FIELDS = ("steps_bp", "step", "state", "min_s", "next_at", *Limits.__slots__, "steps_at", "freezes", "time_zone")


def status(now: datetime) -> dict[str, Any]:
    """Return the status as JSON, read from the database. Raises StoreUnreachable."""
    try:
        row, snapshot = store.read()
        workers, alarmed, guard = _workers(now), alarm(now), read_guard()
    except (DatabaseError, InterfaceError) as error:
        raise StoreUnreachable("store-unreachable", "The rollout's database can't be read.") from error
    frozen = opening_by_hand(row.plan if row else None, now)
    return {
        "version": snapshot.version,
        "weight_bp": snapshot.weight_bp,
        "latched": snapshot.latched,
        "release": snapshot.release,
        "stage": snapshot.stage,
        "stage_started_at": row and _iso(row.stage_started_at),
        "changed_at": row and _iso(row.changed_at),
        "plan": row and _plan(row, now),
        "frozen_until": frozen and instant(frozen.at, frozen.zone),
        "request": row and _request(row.request, row.names),
        "crossover": row and _crossover(row, now),
        "environment_seen_bp": row and row.environment_seen_bp,
        "names": snapshot.names.as_json(),
        "between_journeys": row and difference_of(row.names, canary_conf().names),
        "is_v1_enabled": snapshot.is_stable_enabled,
        "is_v2_enabled": snapshot.is_candidate_enabled,
        "lifecycle": snapshot.life.state,
        "life": dump_life(snapshot.life),
        "build": snapshot.build,
        "controller": _controller(guard, snapshot),
        "gates": [asdict(answer) | {"told": answer.told} for answer in gates_told(snapshot.release, snapshot.stage)],
        "workers": workers,
        "alarm": alarmed and asdict(alarmed),
        "store_age_s": store.age_s(now.timestamp()),
    }


def gates_told(release: int, stage: int) -> list[Answer]:
    """Return what each declared gate has last said to the controller about this stage."""
    names = [gate.name for gate in canary_conf().gates]
    if not names:
        return []
    verdict = Verdict.objects.filter(release=release).order_by("-pk").only("stage", "numbers").first()
    told = verdict.numbers.get("gates", ()) if verdict is not None and verdict.stage == stage else ()
    known = {one["gate"]: Answer(**one) for one in told}
    return [known.get(name) or Answer(name, UNANSWERED) for name in names]


def _controller(guard: Guard, snapshot: Snapshot) -> dict[str, Any]:
    """Return the controller. `is_missing`: somebody is on v2 and nothing would send them back; see `sentence` then."""
    is_missing = needs_controller(snapshot) and not guard.is_alive
    sentence = guard.sentence if is_missing else ""
    return {"leader": guard.leader, "age_s": guard.age_s, "is_missing": is_missing, "sentence": sentence}


def _plan(row: Rollout, now: datetime) -> dict[str, Any] | None:
    plan: Plan | dict[str, Any] | None = row.plan
    if plan is None:
        return None
    shown = {name: plan.get(name) for name in PLAN_FIELDS}
    return {**shown, "not_before": not_before(row.plan, row.weight_bp, now)}


def _crossover(row: Rollout, now: datetime) -> dict[str, Any] | None:
    """Return the crossover of the release. `period` counts from 1; None before the first, after the last and if ended.

    `state` is `begins`, `running`, `settles` until its last period is judged, or `ended`, with its verdict.
    """
    stored, crossover = row.crossover, crossover_from(row.crossover)
    if stored is None or crossover is None:
        return None
    now_s, is_ended = now.timestamp(), stored["ended_at"] is not None
    period = None if is_ended else period_at(crossover, now_s)
    waiting = "begins" if now_s < crossover.started_at else "settles"
    times = {"started_at": crossover.started_at, "ends_at": crossover.ends_at, "ended_at": stored["ended_at"]}
    return {
        "state": "ended" if is_ended else waiting if period is None else "running",
        "verdict": stored["verdict"],
        "consumers": [*crossover.consumers],
        "period": None if period is None else period + 1,
        "periods": crossover.periods,
        "period_s": crossover.period_s,
        **{name: at and _iso(datetime.fromtimestamp(at, UTC)) for name, at in times.items()},
    }


def _request(request: Request | dict[str, Any] | None, names: Names) -> dict[str, Any] | None:
    """Return the step up that waits, without its evidence, and the same in words."""
    if request is None:
        return None
    shown = {name: value for name, value in request.items() if name != "evidence"}
    return {**shown, "sentence": f"{in_names(sentence_of_request(request), names)}."}


def _workers(now: datetime) -> list[dict[str, Any]]:
    heard_of = Worker.objects.filter(seen_at__gte=now - timedelta(seconds=HEARD_OF_S)).order_by("name")
    return [
        {"worker": one.name, "version": one.version, "build": one.build, "seen_at": _iso(one.seen_at)}
        for one in heard_of
    ]


def _iso(at: datetime) -> str:
    return at.astimezone(UTC).isoformat()
