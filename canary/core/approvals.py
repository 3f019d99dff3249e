"""Approvals: a step up, or an end of v1, waits until a second person approves it. Pure functions over stored values."""

import re
from collections.abc import Mapping
from typing import Any, Final, TypedDict

from canary.core.wording import consumers, percent

REQUEST: Final = "request"
"""The verb of the event when a step up begins to wait."""
SUNSET: Final = "lifecycle sunset"
ADD_BROWNOUT: Final = "lifecycle brownout add"
EXTEND: Final = "lifecycle extend"
ENDS_OF_STABLE: Final = {
    SUNSET: "the sunset of v1",
    ADD_BROWNOUT: "a brownout of v1",
    EXTEND: "an earlier end of v1 for one consumer",
}
"""Verbs that take v1 from its clients at any weight. The second person gives the same one, with the same options."""
BEGIN_CROSSOVER: Final = "crossover start"
"""Waits at any weight too: consumers get v2 by its periods."""
USER: Final = re.compile(r"\buser:(\S+)")


class Request(TypedDict):
    verb: str
    """`set`, `start`, `promote`, BEGIN_CROSSOVER, or one of ENDS_OF_STABLE."""
    arguments: dict[str, Any]
    """Those of the service, as JSON."""
    weight_bp: int
    """The weight after it."""
    actor: str
    reason: str
    at: str
    """ISO 8601 in UTC."""
    evidence: dict[str, Any] | None
    """Known about it when it was requested, such as the power of a plan."""


def is_same_person(one: str, other: str) -> bool:
    """Return whether two actors of the event log are one person, however each came in: by key, token or session."""
    return _person(one) == _person(other)


def sentence_of_request(request: Mapping[str, Any]) -> str:
    """Return what waits, without its last full stop."""
    if end := ENDS_OF_STABLE.get(request["verb"]):
        return f"{end} waits for the approval of a second person"
    if request["verb"] == BEGIN_CROSSOVER:
        told = consumers(len(request["arguments"]["consumers"]))
        return f"a crossover of {told} waits for the approval of a second person"
    steps = request["arguments"].get("steps_bp", ())
    plan = f"the plan {', '.join(percent(step) for step in steps)}" if steps else percent(request["weight_bp"])
    return f"{plan} waits for the approval of a second person"


def is_confirmed_by(request: Mapping[str, Any] | None, verb: str, arguments: Mapping[str, Any], actor: str) -> bool:
    """Return whether the request is for this end of v1, and of somebody else."""
    is_same = request is not None and (request["verb"], request["arguments"]) == (verb, arguments)
    return request is not None and is_same and verb in ENDS_OF_STABLE and not is_same_person(actor, request["actor"])


def _person(actor: str) -> str:
    found = USER.search(actor)
    return f"user:{found[1]}" if found else actor
