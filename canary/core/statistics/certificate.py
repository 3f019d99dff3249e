"""Safe enough to promote: proof that fewer of v2's units fail than declared, instead of a minimum sample.

The first of two observations fixes a unit's outcome in a stage: `settled` (its third request, and none has failed)
makes it clean, `error` makes it failing. A unit that leaves after one or two good requests has no outcome, while one
that fails at once has one. So the share is rather too high, for both versions alike.
"""

import math
from typing import Any, Final, NamedTuple

from canary.core.statistics.bets import LOG_THRESHOLD, log_weighted

MAX_ERRORS: Final = 0.02
"""The share of users that may fail, unless another one is declared."""
BETS: Final = ((0.75, 0.1), (0.25, 0.5))
"""Stakes, and the share bet on as a part of the limit: a v2 that hardly fails, and one that fails half as much."""
_HALVINGS: Final = 50


class Safety(NamedTuple):
    """The evidence against "the share of v2's units that fail is `limit` or more", by their outcomes in a stage.

    A clean unit multiplies a bet on the share q by `(1 - q) / (1 - limit)`, a failing one by `q / limit`. That is 1 or
    less on average while the share is `limit` or more. The order of outcomes changes nothing, so any limit may be asked
    about at any time.
    """

    limit: float
    clean: int
    failing: int

    @property
    def log_e(self) -> float:
        return self._log_e(self.clean, self.failing)

    @property
    def is_safe(self) -> bool:
        return self.log_e >= LOG_THRESHOLD

    @property
    def clean_missing(self) -> int:
        """Return how many more units of v2 must be clean, if none fails; 0 when it is safe."""
        return math.ceil(self.missing(0.0) or 0.0)

    def missing(self, failing_share: float) -> float | None:
        """Return how many more outcomes are needed if that share fails; None when too many fail for it."""
        if self.is_safe:
            return 0.0
        enough = [
            (LOG_THRESHOLD - math.log(stake) - self._log_bet(part, self.clean, self.failing)) / growth
            for stake, part in BETS
            if (growth := self._log_bet(part, 1 - failing_share, failing_share)) > 0
        ]
        return self._bisected(failing_share, min(enough)) if enough else None

    def _bisected(self, failing_share: float, enough: float) -> float:
        """Return what the mixture needs: each bet alone overstates that by a unit or two."""
        low, high = 0.0, enough
        for _ in range(_HALVINGS):
            middle = (low + high) / 2
            reached = self._log_e(self.clean + middle * (1 - failing_share), self.failing + middle * failing_share)
            low, high = (low, middle) if reached >= LOG_THRESHOLD else (middle, high)
        return high

    def _log_e(self, clean: float, failing: float) -> float:
        return log_weighted((stake, self._log_bet(part, clean, failing)) for stake, part in BETS)

    def _log_bet(self, part: float, clean: float, failing: float) -> float:
        return clean * (math.log1p(-part * self.limit) - math.log1p(-self.limit)) + failing * math.log(part)


class SafeCertificate:
    """Counts the outcomes of each stage. The limit that they speak against is chosen later."""

    def __init__(self) -> None:
        self.counts = [[0, 0], [0, 0]]
        """Clean and failing units of v1, then of v2, in this stage."""
        self.before = [0, 0]
        """Clean and failing units of v1 in the stages before."""

    def begin(self) -> None:
        """Begin a new stage."""
        self.before = [total + new for total, new in zip(self.before, self.counts[0], strict=True)]
        self.counts = [[0, 0], [0, 0]]

    @property
    def v1_outcomes(self) -> tuple[int, int]:
        """Return clean and failing units of v1 in the release so far; a unit counts once in every stage."""
        return self.before[0] + self.counts[0][0], self.before[1] + self.counts[0][1]

    def take(self, on_v2: bool, is_failing: bool) -> None:
        self.counts[on_v2][is_failing] += 1

    def against(self, limit: float) -> Safety:
        """Return the evidence against `limit`, a share above 0 and below 1."""
        return Safety(limit, *self.counts[1])

    def dump(self) -> dict[str, Any]:
        return dict(vars(self))

    @classmethod
    def load(cls, tree: dict[str, Any]) -> "SafeCertificate":
        certificate = cls()
        vars(certificate).update(tree)
        return certificate
