"""Verbs about the weight: `status`, `set`, `rollback`, `ack`."""

from collections.abc import Iterator, Mapping
from typing import Any

from canary import services
from canary.core.permissions import RAMP, ROLLBACK, VIEW
from canary.state.status import status
from canary.verbs.declaring import Call, Option, Verb
from canary.verbs.parsing import parse_percent
from canary.verbs.wording import percent, plural

PERCENT = Option(
    "percent", "0..100, up to two decimals", parse_percent, is_positional=True, is_required=True, is_number=True
)

DESPITE_FREEZE = Option("despite_freeze", "step up although a freeze forbids it")


def _status(call: Call) -> dict[str, Any]:
    return status(call.now)


def say_status(result: Mapping[str, Any]) -> Iterator[str]:
    """Yield the status object in lines; every verb that changes something ends with it too."""
    latch = "; the rollback is latched until `ack`" if result["latched"] else ""
    names = result["names"]
    yield f"{percent(result['weight_bp'])} of identities are answered by v{names['candidate']}{latch}."
    if result["between_journeys"]:
        yield result["between_journeys"]
    yield f"Version {result['version']}, release {result['release']}, stage {result['stage']}."
    yield _plan_sentence(result["plan"])
    if result["frozen_until"]:
        yield f"A freeze forbids steps up until {result['frozen_until']}."
    if request := result["request"]:
        yield f"{request['sentence'][0].upper()}{request['sentence'][1:]}"
        yield f"{request['actor']} asked at {request['at']:.19}: {request['reason']}"
    if crossover := result["crossover"]:
        yield _crossover_sentence(crossover)
    yield f"v{names['stable']} is {result['lifecycle']}."
    yield from (f"{one['told'][0].upper()}{one['told'][1:]}." for one in result["gates"])
    workers = result["workers"]
    late = [worker for worker in workers if worker["version"] != result["version"]]
    yield f"{plural(len(workers), 'worker', 'workers')} seen lately, {len(workers) - len(late)} at this version."
    yield from (f"  {one['worker']} serves version {one['version']}, seen {one['seen_at']}" for one in late)
    if result["controller"]["is_missing"]:
        yield f"{result['controller']['sentence']} Start one: `manage.py run_canary_controller`."


def _crossover_sentence(crossover: Mapping[str, Any]) -> str:
    told = f"The crossover of {plural(len(crossover['consumers']), 'consumer', 'consumers')}"
    if crossover["state"] == "ended":
        return f"{told} has ended: {crossover['verdict'].replace('_', ' ')}."
    period = f", in period {crossover['period']} of {crossover['periods']}" if crossover["period"] else ""
    return f"{told} runs until {crossover['ends_at']}{period}."


def _plan_sentence(plan: Mapping[str, Any] | None) -> str:
    if plan is None:
        return "There is no plan."
    steps = ", ".join(percent(step) for step in plan["steps_bp"])
    not_before = plan["not_before"] or plan["next_at"]
    due = f", the next step not before {not_before}" if not_before else ""
    return f"The plan {steps} is {plan['state']}, {_reached(plan['step'])}{due}."


def _reached(step: int | None) -> str:
    return "before its first step" if step is None else f"at step {step + 1}"


def _set(call: Call) -> None:
    is_despite_freeze = bool(call.values.get("despite_freeze"))
    services.set_weight(weight_bp=call.values["percent"], is_despite_freeze=is_despite_freeze, **call.change)


def _roll_back(call: Call) -> None:
    services.roll_back(reason=call.reason, actor=call.actor, evidence=None, now=call.now)


def _approve(call: Call) -> None:
    services.approve_request(**call.change)


def _reject(call: Call) -> None:
    services.reject_request(**call.change)


def _acknowledge(call: Call) -> None:
    services.acknowledge(**call.change)


VERBS = (
    Verb(("status",), "show the rollout in force, and which worker serves it", VIEW, _status, say_status),
    Verb(
        ("set",),
        "set v2's share of the entrance; pauses a running plan",
        RAMP,
        _set,
        say_status,
        (PERCENT, DESPITE_FREEZE),
        is_change=True,
    ),
    Verb(
        ("approve",),
        "make the change that waits for the approval of a second person",
        RAMP,
        _approve,
        say_status,
        is_change=True,
    ),
    Verb(("reject",), "drop the change that waits for an approval", RAMP, _reject, say_status, is_change=True),
    Verb(
        ("rollback",),
        "send everybody back to v1 now, and keep them there until `ack`",
        ROLLBACK,
        _roll_back,
        say_status,
        is_change=True,
        takes_version=False,
    ),
    Verb(
        ("ack",), "release the latch of a rollback; the weight stays 0", RAMP, _acknowledge, say_status, is_change=True
    ),
)
