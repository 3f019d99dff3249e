"""The limits that an operator declares: a release that exceeds one is rolled back."""

from dataclasses import dataclass
from typing import Final

from canary.core.plans import FULL_BP

MAX_ERRORS_RANGE_BP: Final = (1, 5_000)
SLOWDOWN_RANGE: Final = (1.2, 100.0)
"""Less than a fifth above v1's is a matter of chance; the upper end switches the breaker off."""


@dataclass(frozen=True, slots=True)
class Limits:
    """`max_errors_bp` is of v2's users with a failed answer, `max_slowdown` the ratio of a route's p95 to v1's."""

    max_errors_bp: int = 200
    max_slowdown: float = 3.0

    @property
    def max_errors(self) -> float:
        """As a share."""
        return self.max_errors_bp / FULL_BP


def fault_of_limits(limits: Limits) -> str | None:
    """Return what is wrong with the limits as a sentence, None when they are valid."""
    least_bp, most_bp = MAX_ERRORS_RANGE_BP
    if not least_bp <= limits.max_errors_bp <= most_bp:
        return f"The most users with a failed answer are {least_bp / 100:g} to {most_bp / 100:g} percent."
    least, most = SLOWDOWN_RANGE
    if not least <= limits.max_slowdown <= most:
        return f"The most that v2 may be slower is {least:g} to {most:g} times v1's latency."
    return None
