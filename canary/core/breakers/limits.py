"""The limits that an operator declares, one or more for each breaker: a release that exceeds one is rolled back."""

from dataclasses import dataclass
from typing import Final

from canary.core.plans import FULL_BP

MAX_ERRORS_RANGE_BP: Final = (1, 5_000)
SLOWDOWN_RANGE: Final = (1.2, 100.0)
"""Less than a fifth above v1's is a matter of chance; the upper end switches the breaker off."""
CRASHES_RANGE: Final = (0, 1_000)
"""The upper end switches the breaker off."""
REFUSALS_RANGE_BP: Final = (1, FULL_BP)
TOTAL_RANGE_BP: Final = (5_000, FULL_BP)
"""Less than half is for the limit of errors, which asks for more than ten answers."""


@dataclass(frozen=True, slots=True)
class Limits:
    """The most that v2 may do before it is rolled back, and where a total failure begins.

    `max_errors_bp` is of v2's users with a failed answer, `max_slowdown` the ratio of a route's p95 to v1's,
    `max_crashes` the workers that die within ten minutes, `max_refusals_bp` v2's share of reads that only it refuses.
    From `total_failure_bp` of its answers on, v2 fails totally.
    """

    max_errors_bp: int = 200
    max_slowdown: float = 3.0
    max_crashes: int = 2
    max_refusals_bp: int = 500
    total_failure_bp: int = 9_000

    @property
    def max_errors(self) -> float:
        """Return the limit as a share."""
        return self.max_errors_bp / FULL_BP

    @property
    def max_refusals(self) -> float:
        return self.max_refusals_bp / FULL_BP

    @property
    def total_failure(self) -> float:
        return self.total_failure_bp / FULL_BP


_RULES: Final = (
    ("max_errors_bp", MAX_ERRORS_RANGE_BP, "The most users with a failed answer are {} percent."),
    ("max_slowdown", SLOWDOWN_RANGE, "The most that v2 may be slower is {} times v1's latency."),
    ("max_crashes", CRASHES_RANGE, "The most workers that may die within ten minutes are {}."),
    ("max_refusals_bp", REFUSALS_RANGE_BP, "The most reads that v2 may refuse wrongly are {} percent."),
    ("total_failure_bp", TOTAL_RANGE_BP, "A total failure begins at {} percent of the answers."),
)


def fault_of_limits(limits: Limits) -> str | None:
    """Return what is wrong with the limits as a sentence, None when they are valid."""
    for name, (least, most), sentence in _RULES:
        if not least <= getattr(limits, name) <= most:
            unit = 100 if name.endswith("_bp") else 1
            return sentence.format(f"{least / unit:g} to {most / unit:g}")
    return None
