"""A plan of a rollout: the steps of its weight, and which one comes next. Pure functions over the stored values."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Final, NotRequired, TypedDict

RUNNING: Final = "running"
PAUSED: Final = "paused"
HELD: Final = "held"
DONE: Final = "done"
ACTIVE_STATES: Final = (RUNNING, PAUSED, HELD)
FULL_BP: Final = 10_000
DEFAULT_STEPS_BP: Final = (1_000, 5_000, 9_000, 10_000)
MAX_STEPS: Final = 100
MAX_MIN_S: Final = 366 * 24 * 3600


class Plan(TypedDict):
    steps_bp: list[int]
    step: int | None
    """Index of the last step that the weight has reached, None while it is below the first."""
    state: str
    """`running`: waits for a PASS; `paused` by hand; `held` by the controller; `done`: the last step is reached."""
    min_s: float
    next_at: str | None
    """The earliest moment of the next step, ISO 8601 in UTC; None where none is due by itself."""
    max_errors_bp: NotRequired[int]
    """The limits of `canary.core.breakers`. Where a plan of an older release lacks one, the setting counts."""
    max_slowdown: NotRequired[float]
    max_crashes: NotRequired[int]
    max_refusals_bp: NotRequired[int]
    total_failure_bp: NotRequired[int]
    steps_at: NotRequired[list[str | None]]
    """For each step its date, ISO 8601 in UTC; None for one without."""
    freezes: NotRequired[list[str]]
    """Beside those of the settings, as `canary.core.calendar.parse_freeze` takes them."""
    time_zone: NotRequired[str]


def is_active(plan: Plan | dict[str, Any] | None) -> bool:
    return plan is not None and plan["state"] in ACTIVE_STATES


def reached_step(steps_bp: Sequence[int], weight_bp: int) -> int | None:
    reached = sum(step <= weight_bp for step in steps_bp)
    return reached - 1 if reached else None


def next_step_bp(steps_bp: Sequence[int], weight_bp: int) -> int | None:
    """Return the first step above the weight, wherever a person has put it; None when there is none."""
    return next((step for step in steps_bp if step > weight_bp), None)


def default_steps(weight_bp: int) -> list[int]:
    """Return the steps of a plan that names none: those above the weight in force."""
    return [step for step in DEFAULT_STEPS_BP if step > weight_bp]


def fault_of_steps(steps_bp: Sequence[int], min_s: float) -> str | None:
    """Return as a sentence what is wrong with the steps and minimum time of a plan; None when nothing is."""
    if not 1 <= len(steps_bp) <= MAX_STEPS or any(not 0 < step <= FULL_BP for step in steps_bp):
        return f"A plan has 1 to {MAX_STEPS} steps, each above 0 and at most 100 percent."
    if any(low >= high for low, high in pairwise(steps_bp)):
        return "The steps of a plan grow."
    if not 0 <= min_s <= MAX_MIN_S:
        return "A step's minimum time is between nothing and a year."
    return None
