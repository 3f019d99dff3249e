"""Verbs about plans: `start`, `pause`, `resume`, `promote`."""

from typing import Final

from canary import services
from canary.core.permissions import RAMP
from canary.core.plans import DEFAULT_STEPS_BP
from canary.verbs.declaring import Call, Option, Verb
from canary.verbs.parsing import parse_minutes, parse_plan
from canary.verbs.weight import say_status

STEP_S: Final = 7 * 24 * 3600.0  # the four weeks of the original timetable


def _start(call: Call) -> None:
    values = call.values
    services.start_plan(
        steps_bp=values["plan"] or DEFAULT_STEPS_BP,
        min_s=STEP_S if values["min_minutes"] is None else values["min_minutes"],
        is_fresh_cohort=bool(values["fresh_cohort"]),
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
