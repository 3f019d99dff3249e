"""Which reads are repeated: a share of all, at least one of each route now and then, what failed, and what v2 refused.

The choice is fair to both versions: a share does not look at the response, and as many failures are taken of one
version as of the other. All threads use it; if they spoil a count at the same time, that doesn't matter.
"""

import random
import time
from collections import Counter
from enum import StrEnum
from typing import Final

from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from canary.conf import canary_conf
from canary.core.values import CANDIDATE, Decision, Snapshot
from canary.requests.identity import network_of

FULL_BP: Final = 10_000
ROUTE_EVERY_S: Final = 30.0
"""At least so often a route's read is repeated, so that a small site has pairs too."""
A_MINUTE: Final = 60
"""Failed reads, and as many refused ones, that are repeated by a process in a minute at most."""
A_NETWORK: Final = 10
"""As many of one network, so that a crawler doesn't keep others from being looked at."""


class Choice(StrEnum):
    SHARE = "share"
    FAILED = "failed"
    REFUSED = "refused"


class Quota:
    """So many a minute, and so many of one network, which leaves as many free as it has taken: some are left of any."""

    def __init__(self, most: int, of_a_network: int) -> None:
        self._most, self._of_a_network = most, of_a_network
        self._minute = -1
        self._taken: Counter[str] = Counter()

    def take(self, network: str, now_s: float) -> bool:
        if (minute := int(now_s // 60)) != self._minute:
            self._minute, self._taken = minute, Counter()
        free = self._most - self._taken.total()
        if self._taken[network] >= min(self._of_a_network, free):
            return False
        self._taken[network] += 1
        return True


class Sampler:
    def __init__(self) -> None:
        self._taken_at: dict[tuple[int, str], float] = {}
        self._failed, self._refused = Quota(A_MINUTE, A_NETWORK), Quota(A_MINUTE, A_NETWORK)

    def choose(
        self, request: HttpRequest, response: HttpResponseBase, decision: Decision, snapshot: Snapshot
    ) -> tuple[Choice, ...]:
        """Return why the read is to be repeated; mostly nothing, and never where the share is 0."""
        share_bp = canary_conf().shadow_bp
        if not share_bp or request.method != "GET" or not snapshot.is_candidate_enabled or snapshot.latched:
            return ()
        is_of_share = random.random() * FULL_BP < share_bp or self._is_due(request, decision)  # noqa: S311  a sample
        is_special = response.status_code >= 400 or decision.reason == "failover"
        if not (is_of_share or is_special):
            return ()
        if response.streaming or settings.SESSION_COOKIE_NAME in request.COOKIES:
            return ()
        special = self._special(request, response, decision, snapshot) if is_special else None
        if special is Choice.REFUSED and is_of_share:
            return Choice.SHARE, Choice.REFUSED
        return (Choice.SHARE,) if is_of_share else (special,) if special else ()

    def _is_due(self, request: HttpRequest, decision: Decision) -> bool:
        match = request.resolver_match
        if match is None:
            return False
        key, now_s = (decision.api_version, match.route), time.monotonic()
        if now_s - self._taken_at.get(key, float("-inf")) < ROUTE_EVERY_S:
            return False
        self._taken_at[key] = now_s
        return True

    def _special(
        self, request: HttpRequest, response: HttpResponseBase, decision: Decision, snapshot: Snapshot
    ) -> Choice | None:
        """Return a special reason only where the bucket drew the version: there alike versions fail equally often."""
        network, now_s = network_of(request.META.get("REMOTE_ADDR", "")), time.monotonic()
        if decision.reason == "bucket" and response.status_code < 500:
            is_taken = decision.api_version == CANDIDATE and self._refused.take(network, now_s)
            return Choice.REFUSED if is_taken else None
        is_v2 = decision.api_version == CANDIDATE or decision.reason == "failover"
        if decision.reason not in ("bucket", "failover") or canary_conf().is_away(response):
            return None
        return (
            Choice.FAILED
            if _is_fair(decision.bucket, snapshot.weight_bp, is_v2) and self._failed.take(network, now_s)
            else None
        )


def _is_fair(place: int | None, weight_bp: int, is_v2: bool) -> bool:
    """Return whether an identity's failure in this bucket is taken, so that as many of v1's may vote as of v2's.

    The version with more identities gives as many as the other has. The bucket decides which, and not a coin for each
    request: an identity that fails often would be taken in the end on either version.
    """
    smaller_bp = min(weight_bp, FULL_BP - weight_bp)
    if place is None:
        return False
    return place < smaller_bp if is_v2 else place >= FULL_BP - smaller_bp
