"""Who sends the most of the entrance's requests: one identity above a fifth of them distorts every share."""

import logging
from typing import Final, NamedTuple

from canary.core.shares import REQUESTS_MIN, SHARE_MAX, HeavyHitters
from canary.core.values import Identity

logger = logging.getLogger("canary")

WINDOW_S: Final = 60


class Top(NamedTuple):
    identity: Identity | None
    requests: int
    of: int

    @property
    def share(self) -> float:
        return self.requests / self.of if self.of else 0.0

    @property
    def is_alarming(self) -> bool:
        return self.of >= REQUESTS_MIN and self.share > SHARE_MAX


class Traffic:
    """The present window and the one before it."""

    def __init__(self) -> None:
        self._window = 0
        self._now: HeavyHitters[Identity] = HeavyHitters()
        self._before: HeavyHitters[Identity] = HeavyHitters()
        self._warned_at_s = float("-inf")

    def add(self, identity: Identity, at_s: float) -> None:
        self._turn(at_s)
        self._now.add(identity)

    def top(self, at_s: float) -> Top:
        self._turn(at_s)
        tops = [hitters.top() for hitters in (self._now, self._before)]
        requests: dict[Identity, int] = {}
        for found in filter(None, tops):
            requests[found[0]] = requests.get(found[0], 0) + found[1]
        if not requests:
            return Top(None, 0, 0)
        identity = max(requests, key=lambda one: requests[one])
        return Top(identity, requests[identity], self._now.total + self._before.total)

    def warn(self, at_s: float) -> None:
        """Warn in the log, once a minute, and without a name: identities stand in the database alone."""
        top = self.top(at_s)
        if top.is_alarming and at_s - self._warned_at_s >= WINDOW_S:
            self._warned_at_s = at_s
            logger.warning(
                "one identity sends %.0f %% of the requests to the entrance (%d of %d): shares by identity say little",
                100 * top.share,
                top.requests,
                top.of,
            )

    def _turn(self, at_s: float) -> None:
        window = int(at_s // WINDOW_S)
        if window > self._window:
            is_next = window == self._window + 1
            self._window, self._now, self._before = (
                window,
                HeavyHitters(),
                self._now if is_next else HeavyHitters(),
            )
