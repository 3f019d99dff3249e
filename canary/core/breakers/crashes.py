"""The breaker about workers that die while v2 answers in them."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from canary.core.breakers.limits import Limits
from canary.core.judgements import Trip

WINDOW_S: Final = 600


class Crash(NamedTuple):
    """A worker that died with so many `requests` of v2 in flight, at `at_s` in unix seconds.

    `death` names whose death it was: workers that end with their server die one death together.
    """

    at_s: float
    death: str
    requests: int


def crashed_workers(crashes: Sequence[Crash], limits: Limits, now: float) -> Trip | None:
    """Trip when more workers died with v2 in flight than may.

    Who sent the requests plays no part: a worker that one user can end is gone for all others.
    """
    lately = [crash for crash in crashes if crash.at_s >= now - WINDOW_S]
    deaths, requests = len({crash.death for crash in lately}), sum(crash.requests for crash in lately)
    if deaths <= limits.max_crashes:
        return None
    sentence = (
        f"v2 takes workers down: {deaths} died within the last 10 min while they answered {requests} requests of v2 "
        f"(rule: more than {limits.max_crashes} within 10 min)"
    )
    return Trip("crashes", sentence, {"deaths": deaths, "requests": requests, "limit": limits.max_crashes})
