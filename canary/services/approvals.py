"""The second person: approve the step up that waits, or reject it."""

from datetime import datetime
from typing import Any

from canary.core.approvals import ENDS_OF_STABLE
from canary.core.breakers import Limits
from canary.core.calendar import Schedule
from canary.errors import Refused
from canary.models import Rollout
from canary.services.changing import change_rollout
from canary.services.crossovers import start_crossover
from canary.services.plans import promote_plan, start_plan
from canary.services.weights import set_weight


def approve_request(*, actor: str, reason: str, expected_version: int | None, now: datetime) -> Rollout:
    """Make the change that waits. The event has the verb of the change, and the request as its evidence."""
    request = Rollout.objects.filter(pk=1).values_list("request", flat=True).first()
    change: dict[str, Any] = {"actor": actor, "reason": reason, "expected_version": expected_version, "now": now}
    change["approved"] = request
    verb, arguments = (request["verb"], request["arguments"]) if request else ("", {})
    match verb:
        case "set":
            return set_weight(**arguments, **change)
        case "promote":
            return promote_plan(**change)
        case "crossover start":
            return start_crossover(**arguments, **change)
        case "start":
            schedule = Schedule(**{name: _as_tuple(value) for name, value in arguments["schedule"].items()})
            own = {"limits": Limits(**arguments["limits"]), "schedule": schedule}
            return start_plan(**{**arguments, **own}, **change)
    del change["approved"]
    return change_rollout(verb="approve", mutate=_refuse_approval, **change)


def reject_request(*, actor: str, reason: str, expected_version: int | None, now: datetime) -> Rollout:
    """Drop the change that waits; its own author may do that too."""

    def mutate(row: Rollout) -> None:
        _refuse_without(row)
        row.request = None

    return change_rollout(
        verb="reject", actor=actor, reason=reason, expected_version=expected_version, now=now, mutate=mutate
    )


def _as_tuple(value: Any) -> Any:
    """Return what JSON made a list of."""
    return tuple(value) if isinstance(value, list) else value


def _refuse_approval(row: Rollout) -> None:
    _refuse_without(row)
    if row.request is not None and row.request["verb"] in ENDS_OF_STABLE:
        sentence = f"An end of v1 is approved by the verb that asked for it: `{row.request['verb']}`."
        raise Refused("approved-by-its-verb", sentence)


def _refuse_without(row: Rollout) -> None:
    if row.request is None:
        raise Refused("no-request", "No change waits for an approval.")
