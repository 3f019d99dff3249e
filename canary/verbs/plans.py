"""Verbs about plans: `power` shows what one can find, `start` begins it; `pause`, `resume`, `promote`."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any, Final
from zoneinfo import ZoneInfo

from canary import services
from canary.conf import canary_conf
from canary.core.breakers import Limits
from canary.core.calendar import Schedule
from canary.core.names import in_names, names_from
from canary.core.permissions import RAMP, VIEW
from canary.core.plans import default_steps
from canary.core.power import PlanPower, power_of
from canary.errors import Refused
from canary.recording.population import population_at
from canary.state.status import status
from canary.state.store import read
from canary.verbs.declaring import Call, Option, Verb
from canary.verbs.parsing import (
    parse_crashes,
    parse_dates,
    parse_freezes,
    parse_max_errors,
    parse_minutes,
    parse_plan,
    parse_refusals,
    parse_slowdown,
    parse_total,
    parse_zone,
)
from canary.verbs.weight import DESPITE_FREEZE, say_status

STEP_S: Final = 7 * 24 * 3600.0  # the four weeks of the original timetable


PLAN: Final = Option(
    "plan",
    "rising shares in percent (default: those of 10,50,90,100 above the weight in force)",
    parse_plan,
    is_list=True,
    metavar="STEPS",
)
MIN_MINUTES: Final = Option(
    "min_minutes",
    "how many minutes each step lasts at least (default 10080, a week)",
    parse_minutes,
    is_number=True,
    metavar="N",
)
MAX_ERRORS: Final = Option(
    "max_errors",
    "roll back when more than this percentage of v2's users have a failed answer within 15 minutes"
    " (default: CANARY_MAX_ERRORS, or 2)",
    parse_max_errors,
    is_number=True,
    metavar="PERCENT",
)
MAX_SLOWDOWN: Final = Option(
    "max_slowdown",
    "roll back when a route's p95 is this many times v1's for 15 minutes (default: CANARY_MAX_SLOWDOWN, or 3)",
    parse_slowdown,
    is_number=True,
    metavar="TIMES",
)
MAX_CRASHES: Final = Option(
    "max_crashes",
    "roll back when more than N workers die within 10 minutes while v2 answers in them"
    " (default: CANARY_MAX_CRASHES, or 2)",
    parse_crashes,
    is_number=True,
    metavar="N",
)
MAX_REFUSALS: Final = Option(
    "max_refusals",
    "roll back when v2 refuses this percentage of its reads, and v1 answers them (default: CANARY_MAX_REFUSALS, or 5)",
    parse_refusals,
    is_number=True,
    metavar="PERCENT",
)
TOTAL_FAILURE: Final = Option(
    "total_failure",
    "roll back after as few as ten answers when this percentage of them fail (default: CANARY_TOTAL_FAILURE, or 90)",
    parse_total,
    is_number=True,
    metavar="PERCENT",
)
AT: Final = Option(
    "at",
    "dates before which the steps are not taken, one for each; one fewer where the first is taken at once",
    parse_dates,
    is_list=True,
    metavar="DATES",
)
FREEZES: Final = Option(
    "freezes",
    "times without a step up beside those of CANARY_FREEZES, such as Fri 12:00/Mon 08:00",
    parse_freezes,
    is_list=True,
    metavar="TIMES",
)
TIME_ZONE: Final = Option(
    "time_zone", "the zone of these dates and times (default: CANARY_TIME_ZONE, or UTC)", parse_zone, metavar="NAME"
)
LIMITS: Final = {
    "max_errors_bp": MAX_ERRORS,
    "max_slowdown": MAX_SLOWDOWN,
    "max_crashes": MAX_CRASHES,
    "max_refusals_bp": MAX_REFUSALS,
    "total_failure_bp": TOTAL_FAILURE,
}
"""The option that declares each field of `Limits`."""


def power_for(values: Mapping[str, Any], now: datetime) -> PlanPower:
    """Return the power of the plan that these options name. Raises Refused if no step is left for it."""
    return power_of(_steps_of(values), _lasts_s(values, now), population_at(now), _limits_of(values).max_errors)


def _steps_of(values: Mapping[str, Any]) -> list[int]:
    if values["plan"]:
        return list(values["plan"])
    snapshot = read()[1]
    steps = default_steps(snapshot.weight_bp)
    if not steps:
        name = snapshot.names.candidate
        raise Refused("no-next-step", f"v{name} has 100 % already, so no step is left for a plan that names none.")
    return steps


def _min_s_of(values: Mapping[str, Any]) -> float:
    """Return the minimum time of each step: none for a plan that has dates and declares no other."""
    if values["min_minutes"] is not None:
        return float(values["min_minutes"])
    return 0.0 if values.get("at") else STEP_S


def _lasts_s(values: Mapping[str, Any], now: datetime) -> float:
    """Return how long the shortest step lasts, by its minimum time or between two dates."""
    dates = sorted([now, *_dates_of(values)])
    return _min_s_of(values) or min(((after - at).total_seconds() for at, after in pairwise(dates)), default=0.0)


def _dates_of(values: Mapping[str, Any]) -> list[datetime]:
    zone = ZoneInfo(values["time_zone"]) if values.get("time_zone") else canary_conf().time_zone
    return [(at if at.tzinfo else at.replace(tzinfo=zone)).astimezone(UTC) for at in values.get("at") or ()]


def _schedule_of(values: Mapping[str, Any], steps: int) -> Schedule:
    told: list[str | None] = [at.isoformat() for at in _dates_of(values)]
    if told and len(told) == steps - 1:
        told.insert(0, None)
    return Schedule(tuple(told), tuple(values.get("freezes") or ()), values.get("time_zone") or "")


def _power(call: Call) -> dict[str, Any]:
    return {**power_for(call.values, call.now).as_json(), "names": read()[1].names.as_json()}


def _say_power(result: Mapping[str, Any]) -> Iterator[str]:
    lines = [result["known"], *(f"  {step['sentence']}" for step in result["steps"]), result["refusal"]]
    yield from (in_names(line, names_from(result)) for line in lines if line)


def _limits_of(values: Mapping[str, Any]) -> Limits:
    declared = {field: values.get(option.name) for field, option in LIMITS.items()}
    return replace(canary_conf().limits, **{field: value for field, value in declared.items() if value is not None})


def _start(call: Call) -> dict[str, Any]:
    values = call.values
    power = power_for(values, call.now)
    services.start_plan(
        steps_bp=[step.weight_bp for step in power.steps],
        min_s=_min_s_of(values),
        is_fresh_cohort=bool(values["fresh_cohort"]),
        limits=_limits_of(values),
        schedule=_schedule_of(values, len(power.steps)),
        power=power,
        is_low_power_accepted=bool(values["accept_low_power"]),
        is_despite_freeze=bool(values.get("despite_freeze")),
        **call.change,
    )
    return {**status(call.now), "power": power.as_json()}


def _say_started(result: Mapping[str, Any]) -> Iterator[str]:
    yield from say_status(result)
    yield from _say_power({**result["power"], "names": result["names"]})


def _pause(call: Call) -> None:
    services.pause_plan(**call.change)


def _resume(call: Call) -> None:
    services.resume_plan(**call.change)


def _promote(call: Call) -> None:
    services.promote_plan(**call.change)


VERBS = (
    Verb(
        ("power",),
        "show how much harm a plan can find and how soon its steps can pass; starts nothing",
        VIEW,
        _power,
        _say_power,
        (PLAN, MIN_MINUTES, MAX_ERRORS),
    ),
    Verb(
        ("start",),
        "begin a plan, whose steps are taken when the evidence allows",
        RAMP,
        _start,
        _say_started,
        (
            PLAN,
            MIN_MINUTES,
            AT,
            FREEZES,
            TIME_ZONE,
            *LIMITS.values(),
            Option("fresh_cohort", "draw a new order of identities instead of keeping the last one"),
            Option("accept_low_power", "start the plan although one of its steps can hardly pass"),
            DESPITE_FREEZE,
        ),
        is_change=True,
    ),
    Verb(("pause",), "pause the plan: take no step until `resume`", RAMP, _pause, say_status, is_change=True),
    Verb(
        ("resume",), "continue the plan at its first step above the weight", RAMP, _resume, say_status, is_change=True
    ),
    Verb(("promote",), "take the plan's next step now", RAMP, _promote, say_status, is_change=True),
)
