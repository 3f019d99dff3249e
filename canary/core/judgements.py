"""The values that judging is about: the stage that is judged, what else was found, and the judgement."""

from dataclasses import dataclass, field
from typing import Any

from canary.core.arrivals import Arrivals
from canary.core.plans import FULL_BP
from canary.core.statistics.certificate import MAX_ERRORS


@dataclass(frozen=True, slots=True)
class Stage:
    """The stage that is judged: times in unix seconds; `next_bp` is the plan's next step, None when there is none.

    `max_errors` is the declared limit: the share of v2's users that may have a failed answer, above 0 and below 1.
    """

    number: int
    weight_bp: int
    started_at: float
    min_s: float
    next_bp: int | None
    max_errors: float = MAX_ERRORS
    arrivals: Arrivals | None = None
    """How users come back; None as long as nothing is known of that."""
    is_crossover: bool = False
    """Whether a crossover sends consumers to v2, which the weight does not."""

    @property
    def is_exposed(self) -> bool:
        """Return whether anybody is sent to v2."""
        return self.weight_bp > 0 or self.is_crossover

    @property
    def has_control(self) -> bool:
        """Return whether anybody is left on v1 to compare with."""
        return self.weight_bp < FULL_BP


@dataclass(frozen=True, slots=True)
class QueryRepeat:
    """A statement that single requests sent `repeats_max` times at most, and how many requests repeated it."""

    api_version: int
    route: str
    fingerprint: str
    repeats_max: int
    requests: int


@dataclass(frozen=True, slots=True)
class Trip:
    """A breaker that tripped: its name, a sentence that stands alone, and its figures as JSON."""

    breaker: str
    sentence: str
    numbers: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ShadowGap:
    """A way in which v2's answers differ from v1's that the declared mapping doesn't explain.

    It holds nothing once somebody has accepted it.
    """

    route: str
    path: str
    kind: str
    count: int
    is_accepted: bool = False


@dataclass(frozen=True, slots=True)
class Judgement:
    """`kind` is pass, hold, harm or no_data; `numbers` is JSON; `eta_s` is in how long a wait may end, None if unknown.

    `reason` is what the kind rests on, in one stable word, while the sentence changes with every figure in it: breaker,
    crossover, harm, mismatch, guard, finding, no_v2, no_outcome, not_safe, too_early, gate, gate_fault,
    gate_unanswered, calendar, begins, safe.
    """

    kind: str
    sentence: str
    numbers: dict[str, Any] = field(default_factory=dict)
    eta_s: float | None = None
    reason: str = ""
