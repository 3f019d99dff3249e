"""Approvals: a step up waits until a second person approves it. Pure functions over the stored values."""

import re
from collections.abc import Mapping
from typing import Any, Final, TypedDict

from canary.core.wording import percent

REQUEST: Final = "request"
"""The verb of the event when a step up begins to wait."""
USER: Final = re.compile(r"\buser:(\S+)")


class Request(TypedDict):
    verb: str
    """`set`, `start` or `promote`."""
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
    steps = request["arguments"].get("steps_bp", ())
    plan = f"the plan {', '.join(percent(step) for step in steps)}" if steps else percent(request["weight_bp"])
    return f"{plan} waits for the approval of a second person"


def _person(actor: str) -> str:
    found = USER.search(actor)
    return f"user:{found[1]}" if found else actor
