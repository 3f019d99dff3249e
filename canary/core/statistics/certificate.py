"""Safe enough to promote: proof that fewer than a share p0 of v2's units fail, in the place of a minimum sample.

A unit's outcome in a stage is fixed at one moment, by whichever is written first: `settled` (its third request, none failed
so far) makes it clean, `error` makes it failing. Who stays away after one or two good requests has no outcome, while who
fails at once has one: so the share is rather too high, for both versions alike.
"""

import math
from typing import Any, Final

from canary.core.statistics.bets import LOG_THRESHOLD

FLOOR: Final = 0.05
CEILING: Final = 0.5
LEAST_V1_OUTCOMES: Final = 100
"""With fewer of them the upper limit of v1's share says little, and p0 stays at the floor until there are as many."""
Z_95: Final = 1.6449


def upper_limit(failed: int, total: int) -> float:
    """The upper 95 % limit of a share (one-sided, Wilson 1927)."""
    z2 = Z_95 * Z_95
    share = failed / total
    half = Z_95 * math.sqrt(share * (1 - share) / total + z2 / (4 * total * total))
    return min(1.0, (share + z2 / (2 * total) + half) / (1 + z2 / total))


class SafeCertificate:
    """One stage's evidence against "at least p0 of v2's units fail", begun anew with every stage.

    Each unit is bet on with a p0 and p1 that were fixed before its outcome was known. p0 grows at most once in a stage, from
    the floor: what speaks against the smaller share speaks against the larger one too, so the evidence may be kept.
    """

    def __init__(self) -> None:
        self.log_e = 0.0
        self.p0 = FLOOR
        self.is_p0_final = False
        self.counts = [[0, 0], [0, 0]]
        """Of this stage, v1 and v2: clean and failing units."""
        self.before = [0, 0]
        """Of v1 in the stages before."""

    def begin(self) -> None:
        """A new stage."""
        self.before = [total + new for total, new in zip(self.before, self.counts[0], strict=True)]
        self.counts = [[0, 0], [0, 0]]
        self.log_e, self.p0, self.is_p0_final = 0.0, FLOOR, False
        self._settle_p0()

    @property
    def v1_outcomes(self) -> tuple[int, int]:
        """Clean and failing units of v1 in the release so far; a unit counts once in every stage."""
        return self.before[0] + self.counts[0][0], self.before[1] + self.counts[0][1]

    @property
    def p1(self) -> float:
        """The share that is bet on: that of v1, kept between a fifth and half of p0."""
        clean, failed = self.v1_outcomes
        share = failed / (clean + failed) if clean + failed else 0.0
        return max(self.p0 / 5, min(self.p0 / 2, share))

    def take(self, on_v2: bool, is_failing: bool) -> None:
        if on_v2:
            p0, p1 = self.p0, self.p1
            self.log_e += math.log(p1 / p0) if is_failing else math.log((1 - p1) / (1 - p0))
        self.counts[on_v2][is_failing] += 1
        if not on_v2 and not self.is_p0_final:
            self._settle_p0()

    @property
    def clean_missing(self) -> int:
        """How many more units of v2 must be clean, if none fails; 0 when it is safe."""
        p0, p1 = self.p0, self.p1
        missing = LOG_THRESHOLD - self.log_e
        return max(0, math.ceil(missing / math.log((1 - p1) / (1 - p0))))

    @property
    def is_safe(self) -> bool:
        return self.log_e >= LOG_THRESHOLD

    def _settle_p0(self) -> None:
        clean, failed = self.v1_outcomes
        if clean + failed >= LEAST_V1_OUTCOMES:
            self.p0 = min(CEILING, max(FLOOR, 2 * upper_limit(failed, clean + failed)))
            self.is_p0_final = True

    def dump(self) -> dict[str, Any]:
        return dict(vars(self))

    @classmethod
    def load(cls, tree: dict[str, Any]) -> "SafeCertificate":
        certificate = cls()
        vars(certificate).update(tree)
        return certificate
