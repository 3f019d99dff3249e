"""The canary's part of the deployment checklist: do both versions answer, is the weight right, was rollback drilled?

Each function gets the present moment and a mapping of the wanted values. It returns whether all is well, with a
sentence.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from canary.conf import canary_conf
from canary.core.plans import Plan
from canary.core.routing import choose_pinned, needs_controller
from canary.core.values import Refusal, Snapshot
from canary.models import RolloutEvent
from canary.reporting.people import People
from canary.reporting.visiting import NoAnswer, ask, ask_in_process
from canary.state import store
from canary.state.guard import read_guard

Wanted = Mapping[str, Any]


def versions_answer(now: datetime, wanted: Wanted) -> tuple[bool, str]:
    """Check that each version answers with 200 or its declared refusal. Over HTTP at `url`, else in this process."""
    snapshot, url = store.refresh(), wanted.get("url")
    told, are_well = [], True
    for version in sorted(canary_conf().arms):
        answer = choose_pinned(snapshot.names.version_of(version), snapshot, now.timestamp())
        expected = answer.status if isinstance(answer, Refusal) else 200
        path = f"{canary_conf().entrance}/v{version}{canary_conf().probe}"
        found = _status(url, path)
        are_well &= found == expected
        told.append(f"v{version}: {found}{'' if found == expected else f' in place of {expected}'}")
    return are_well, f"{', '.join(told)} {f'at {url}' if url else 'in this process'}."


def weight_as_planned(now: datetime, wanted: Wanted) -> tuple[bool, str]:
    """Compare with `weight_bp`, else the plan's step, else the environment's percentage; fail while latched."""
    row, snapshot = store.read()
    told = f"v{snapshot.names.candidate} has {_percent(snapshot.weight_bp)}"
    if snapshot.latched:
        return False, f"{told}: a rollback is latched until `manage.py canary ack`."
    planned, by = _planned(wanted.get("weight_bp"), row.plan if row else None, snapshot)
    if planned is None:
        return True, f"{told}, and nothing else is planned."
    is_planned = snapshot.weight_bp == planned
    return is_planned, f"{told}{',' if is_planned else f' in place of {_percent(planned)},'} by {by}."


def controller_turns(now: datetime, wanted: Wanted) -> tuple[bool, str]:
    """Check that a controller turns where users are on v2 who could be sent back: else nobody has to watch."""
    guard = read_guard()
    if guard.is_alive:
        return True, f"A controller finished a turn {guard.age_s or 0.0:.0f} s ago."
    snapshot = store.read()[1]
    if not needs_controller(snapshot):
        return True, f"No controller finishes turns, and none is needed: nobody is on v{snapshot.names.candidate}."
    return False, f"{guard.sentence} Start one: `manage.py run_canary_controller`."


def rollback_was_drilled(now: datetime, wanted: Wanted) -> tuple[bool, str]:
    """Check by the event log that rollback works: only one that was tried is known to work."""
    days = wanted["drill_days"]
    if not days:
        return True, "No drill is required."
    last = RolloutEvent.objects.filter(verb="rollback").order_by("-version").first()
    if last is None:
        return False, "There has been no rollback yet: try `manage.py canary rollback --reason drill`, then `ack`."
    who = People([last.actor]).actor(last.actor)
    told = f"The last rollback was {(now - last.at) / timedelta(days=1):.1f} days ago, by {who}"
    return last.at >= now - timedelta(days=days), f"{told}; {days} days are allowed."


def _status(url: str | None, path: str) -> int | str:
    try:
        return (ask(url, path) if url else ask_in_process(path)).status
    except NoAnswer as error:
        return f"no answer ({error})"


def _planned(asked_bp: int | None, plan: Plan | dict[str, Any] | None, snapshot: Snapshot) -> tuple[int | None, str]:
    if asked_bp is not None:
        return asked_bp, "`--weight`"
    if plan is not None:
        step = plan["step"]
        # Before its first step a plan says nothing of the weight.
        return None if step is None else plan["steps_bp"][
            step
        ], f"step {(step or 0) + 1} of a plan that is {plan['state']}"
    return canary_conf().environment_weight_bp, "API_V2_TRAFFIC_PERCENTAGE"


def _percent(weight_bp: int) -> str:
    return f"{weight_bp / 100:g} %"
