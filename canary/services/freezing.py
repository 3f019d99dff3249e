"""Refuse steps up while a freeze is in force. A step down never waits for the calendar."""

from datetime import datetime
from typing import Any, Final

from canary.errors import Refused
from canary.models import Rollout
from canary.state.calendar import opening_by_hand

OVERRIDE: Final = "despite_freeze"
"""The option that takes the step all the same."""


def refuse_frozen(
    row: Rollout, weight_bp: int, now: datetime, *, plan: dict[str, Any] | None, override: str = ""
) -> None:
    """Raise Refused for a weight above the present one while a freeze of the settings or the plan is in force."""
    if weight_bp > row.weight_bp and (opening := opening_by_hand(plan, now)):
        sentence = opening.sentence
        raise Refused("frozen", f"{sentence[0].upper()}{sentence[1:]}.", override=override)
