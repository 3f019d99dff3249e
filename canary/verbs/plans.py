"""Verbs about plans: `start`, `pause`, `resume`, `promote`."""

from dataclasses import replace
from typing import Final

from canary import services
from canary.conf import canary_conf
from canary.core.permissions import RAMP
from canary.core.plans import DEFAULT_STEPS_BP
from canary.verbs.declaring import Call, Option, Verb
from canary.verbs.parsing import parse_max_errors, parse_minutes, parse_plan, parse_slowdown
from canary.verbs.weight import say_status

STEP_S: Final = 7 * 24 * 3600.0  # the four weeks of the original timetable


def _start(call: Call) -> None:
    values, limits = call.values, canary_conf().limits
    if values["max_errors"] is not None:
        limits = replace(limits, max_errors_bp=values["max_errors"])
    if values["max_slowdown"] is not None:
        limits = replace(limits, max_slowdown=values["max_slowdown"])
    services.start_plan(
        steps_bp=values["plan"] or DEFAULT_STEPS_BP,
        min_s=STEP_S if values["min_minutes"] is None else values["min_minutes"],
        is_fresh_cohort=bool(values["fresh_cohort"]),
        limits=limits,
        **call.change,
    )


def _pause(call: Call) -> None:
    services.pause_plan(**call.change)


def _resume(call: Call) -> None:
    services.resume_plan(**call.change)


def _promote(call: Call) -> None:
    services.promote_plan(**call.change)


VERBS = (
    Verb(
        ("start",),
        "begin a plan: steps that are taken when the evidence allows",
        RAMP,
        _start,
        say_status,
        (
            Option(
                "plan",
                "shares in percent, rising: 10,50,90,100 unless said otherwise",
                parse_plan,
                is_list=True,
                metavar="STEPS",
            ),
            Option(
                "min_minutes",
                "how long each step lasts at least, 10080 (a week) unless said otherwise",
                parse_minutes,
                is_number=True,
                metavar="N",
            ),
            Option(
                "max_errors",
                "roll back when more of v2's users, in percent, have a failed answer within 15 minutes:"
                " CANARY_MAX_ERRORS, 2 unless set otherwise",
                parse_max_errors,
                is_number=True,
                metavar="PERCENT",
            ),
            Option(
                "max_slowdown",
                "roll back when a route's p95 is so many times v1's for 15 minutes: CANARY_MAX_SLOWDOWN, 3 unless set"
                " otherwise",
                parse_slowdown,
                is_number=True,
                metavar="TIMES",
            ),
            Option("fresh_cohort", "draw anew who comes first, in place of the same identities again"),
        ),
        is_change=True,
    ),
    Verb(("pause",), "take no step of the plan until `resume`", RAMP, _pause, say_status, is_change=True),
    Verb(
        ("resume",), "go on with the plan at its first step above the weight", RAMP, _resume, say_status, is_change=True
    ),
    Verb(("promote",), "take the plan's next step now", RAMP, _promote, say_status, is_change=True),
)
