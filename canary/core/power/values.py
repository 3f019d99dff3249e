"""The values of a plan's power: the population that it rests on, and what is known of each step."""

from dataclasses import asdict, dataclass
from typing import Any, Final

from canary.core.arrivals import WEEK_S, Arrivals

ASSUMED_FAILING: Final = 0.01
"""The share of users with an error that is multiplied, as long as nobody of v1 was judged."""
LONGEST_S: Final = 10 * WEEK_S
"""By when everybody has come who comes once in a week."""


@dataclass(frozen=True, slots=True)
class Population:
    """Who used the entrance in the last week, and how v1 served them."""

    arrivals: Arrivals | None = None
    """None as long as nobody was seen."""
    recorded_s: float = 0.0
    """For how long the entrance has been recorded."""
    requests_per_s: float = 0.0
    judged_share: float | None = None
    """People with an outcome for each identity; None when it isn't known."""
    quick_share: float | None = None
    """The share of these people who send their first three requests within a minute; None when it isn't known."""
    voting_share: float | None = None
    """The share of these people whose errors count: others share the vote of their network. None if unknown."""
    outcomes: int = 0
    failing: int = 0
    """Users of v1 with a known outcome, and those of them whose outcome was an error."""
    log_spread: float | None = None
    """The standard deviation of the natural logarithm of latency."""

    @property
    def failing_share(self) -> float:
        """Return the share of v1's users with an error; 0 if unknown, so that it refuses nothing."""
        return self.failing / self.outcomes if self.outcomes else 0.0

    @property
    def failing_to_multiply(self) -> float:
        """Return the same as an estimate that is never 0: half a user more on either side (Jeffreys' prior)."""
        return (self.failing + 0.5) / (self.outcomes + 1) if self.outcomes else ASSUMED_FAILING

    def judged(self, seconds: float) -> int:
        """Return how many people have an outcome by then, on both versions together.

        Until the shares are known, each identity is a person who is judged at once. That refuses too little.
        """
        if self.arrivals is None:
            return 0
        people = 1.0 if self.judged_share is None else self.judged_share
        quick = 1.0 if self.quick_share is None else self.quick_share
        at_once, later = self.arrivals.within(seconds), self.arrivals.judged_within(seconds)
        return round(people * (quick * at_once + (1 - quick) * later))

    def voting(self, seconds: float) -> int:
        """Return how many of them have a vote of their own in the comparison of both versions."""
        return round(self.judged(seconds) * (1.0 if self.voting_share is None else self.voting_share))

    def until_judged(self, people: int) -> float | None:
        """Return after how many seconds so many people have an outcome; None when there are fewer."""
        low_s, high_s = 0.0, LONGEST_S
        if self.judged(high_s) < people:
            return None
        while high_s - low_s > 1:
            middle_s = (low_s + high_s) / 2
            low_s, high_s = (low_s, middle_s) if self.judged(middle_s) >= people else (middle_s, high_s)
        return high_s


@dataclass(frozen=True, slots=True)
class Found:
    """Chances to find what is wrong, at least; None where nothing can be compared, or the figures are not known."""

    errors_x2: float | None = None
    errors_x5: float | None = None
    latency_x1_5: float | None = None


@dataclass(frozen=True, slots=True)
class StepPower:
    """One step. Times are in seconds, chances 0..1; None is not known, or never."""

    weight_bp: int
    lasts_s: float
    """The time that users and chances are of: until it passes, or nobody waits any more."""
    users: float | None = None
    """Users of v2 in this time, with the bounds of 95 % of all draws."""
    users_low: int | None = None
    users_high: int | None = None
    total_failure_s: float | None = None
    """After how long the breaker trips when v2 fails all; None when v2's answers are too rare for it."""
    found: Found = Found()
    people_needed: int | None = None
    """How many people have to be judged, on both versions, until it likely passes; None when no number is enough."""
    pass_s: float | None = None
    pass_chance: float | None = None
    """Within the time that anybody would wait."""
    can_pass: bool | None = None
    sentence: str = ""


@dataclass(frozen=True, slots=True)
class PlanPower:
    known: str
    steps: tuple[StepPower, ...]
    refusal: str = ""
    """The reason why the plan should not start as it is; empty when it may."""
    better_steps_bp: tuple[int, ...] = ()
    better_min_s: float | None = None

    def as_json(self) -> dict[str, Any]:
        return asdict(self)
