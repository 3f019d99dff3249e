"""The alarm about one identity that sends too much of the entrance's traffic, counted over all workers."""

import datetime
from dataclasses import dataclass
from typing import Final

from canary.core.shares import REQUESTS_MIN, SHARE_MAX
from canary.models import Recorder

RECORDERS_S: Final = 30
"""A recorder that has been silent for so long sends nothing, or its process has ended."""


@dataclass(frozen=True, slots=True)
class Alarm:
    """One identity that sends so much of the entrance's requests that shares by identity say little."""

    identity: str
    share: float
    requests: int


def alarm(now: datetime.datetime) -> Alarm | None:
    """Return the identity that sends above a fifth of the requests of all workers together; None when nobody does."""
    told = Recorder.objects.filter(at__gte=now - datetime.timedelta(seconds=RECORDERS_S))
    by_identity: dict[str, int] = {}
    total = 0
    for identity, requests, window in told.values_list("top_identity", "top_requests", "window_requests"):
        by_identity[identity] = by_identity.get(identity, 0) + requests
        total += window
    by_identity.pop("", None)
    if not by_identity or total < REQUESTS_MIN:
        return None
    identity = max(by_identity, key=lambda one: by_identity[one])
    share = by_identity[identity] / total
    return Alarm(identity, share, by_identity[identity]) if share > SHARE_MAX else None
