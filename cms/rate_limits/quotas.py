"""A quota: one policy for one subject; and the arithmetic of its sliding window, which `take.lua` has too.

The arithmetic is pure, in whole milliseconds. Two counters a subject, of the window of the clock that runs and of the
one before it. The one before counts with the share of it that the last `length_ms` still reach, rounded up: from no
place on do more than the limit pass at once, and the first window lets exactly the limit pass.
"""

from dataclasses import dataclass
from typing import NamedTuple

from django.conf import settings


@dataclass(frozen=True)
class Policy:
    name: str
    """As clients read it in `RateLimit-Policy`."""
    setting: str | None
    """None: no setting changes it, and `most` is the limit."""
    window_s: int
    factor: int = 1
    """The factor of the setting: several accounts may share an address."""
    most: int | None = None
    """An upper bound of the limit."""
    if_off: int = 0
    """The limit where the setting is 0."""

    @property
    def limit(self) -> int:
        """Return the most in any window; 0 means no limit."""
        if self.setting is None:
            return self.most or 0
        limit: int = getattr(settings, self.setting) * self.factor or self.if_off
        return limit if self.most is None else min(limit, self.most)


class Quota(NamedTuple):
    """One policy for one subject."""

    policy: Policy
    subject: str

    @property
    def key(self) -> str:
        return f"tandem:limit:{self.policy.name}:{self.subject}"


class Counters(NamedTuple):
    """`number` is the window's, counted from the epoch; `current` is what passed in it, `before` in the one before."""

    number: int
    current: int
    before: int


class Standing(NamedTuple):
    """How a quota stands after a request."""

    name: str
    limit: int
    window_s: int
    remaining: int
    reset_s: int
    """Seconds until the window of the clock ends, from when on the quota fills up again."""


class Taken(NamedTuple):
    """The outcome of a request: `retry_after_s` is 0 when it may pass. A request that may not pass isn't counted."""

    retry_after_s: int
    standings: tuple[Standing, ...]


def moved_to(held: Counters | None, now_ms: int, length_ms: int) -> tuple[Counters, int]:
    """Return the counters as they stand at `now_ms`, and how much of their window has passed by then."""
    number = now_ms // length_ms
    if held is None or number > held.number + 1:
        return Counters(number, 0, 0), now_ms - number * length_ms
    if number == held.number + 1:
        return Counters(number, 0, held.current), now_ms - number * length_ms
    # A clock that is behind the one that counted before: the window has just begun.
    return held, max(0, now_ms - held.number * length_ms)


def free_in(counters: Counters, passed_ms: int, limit: int, length_ms: int) -> int:
    reached = -(-counters.before * (length_ms - passed_ms) // length_ms)  # rounded up
    return limit - counters.current - reached


def wait_ms(counters: Counters, passed_ms: int, limit: int, length_ms: int) -> int:
    """Return how long until one may pass again, when none may now."""
    if counters.current < limit:
        share = (limit - 1 - counters.current) * length_ms // counters.before
        return length_ms - share - passed_ms
    return length_ms - passed_ms + length_ms - (limit - 1) * length_ms // counters.current


def in_seconds(milliseconds: int) -> int:
    """Round up: a client that waits that long has waited long enough."""
    return -(-milliseconds // 1_000)
