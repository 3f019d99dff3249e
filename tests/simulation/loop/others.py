"""What others decide by, on v2's requests of the same release: rules as Argo Rollouts and Flagger document them.

Both look at requests, minute by minute, and promote by the clock.
"""

from collections.abc import Iterator
from typing import Final

from tests.simulation.loop.worlds import Answer

ARGO_EVERY_MIN: Final = 5
ARGO_SUCCESS: Final = 0.95
ARGO_FAILURES: Final = 3
"""`interval: 5m`, `successCondition: result[0] >= 0.95`, `failureLimit: 3`: the fourth failed one is too many."""
FLAGGER_SUCCESS: Final = 0.99
FLAGGER_MS: Final = 500.0
FLAGGER_CHECKS: Final = 5
"""`interval: 1m`, `threshold: 5`, request-success-rate at least 99, request-duration (p99) at most 500 ms."""


class Watch:
    """v2's requests by minute: how many, how many failed, how many took longer than Flagger allows.

    A time without a request passes: both tools' documents send requests of their own where users may not come.
    """

    def __init__(self) -> None:
        self._minutes: dict[int, list[int]] = {}

    def note(self, at_s: float, answer: Answer) -> None:
        counts = self._minutes.setdefault(int(at_s // 60), [0, 0, 0])
        counts[0] += 1
        counts[1] += answer.status >= 500
        counts[2] += answer.ms > FLAGGER_MS

    def argo_min(self) -> int | None:
        """The minute of the rollback, None without one."""
        failed = 0
        for end, (requests, failures, _) in self._windows(ARGO_EVERY_MIN):
            failed += 1 - failures / requests < ARGO_SUCCESS
            if failed > ARGO_FAILURES:
                return end
        return None

    def flagger_min(self) -> int | None:
        failed = 0
        for end, (requests, failures, slow) in self._windows(1):
            failed += 1 - failures / requests < FLAGGER_SUCCESS or slow > 0.01 * requests
            if failed >= FLAGGER_CHECKS:
                return end
        return None

    def _windows(self, length_min: int) -> Iterator[tuple[int, list[int]]]:
        for end in range(length_min, max(self._minutes, default=0) + length_min + 1, length_min):
            minutes = [self._minutes[at] for at in range(end - length_min, end) if at in self._minutes]
            if minutes:
                yield end, [sum(column) for column in zip(*minutes, strict=True)]
