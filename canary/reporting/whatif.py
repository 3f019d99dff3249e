"""List the identities that would move at another weight, by the same function that routes requests."""

import datetime
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any, Final

from canary.conf import canary_conf
from canary.core.routing import choose
from canary.core.values import CANDIDATE, STABLE, Decision, Identity, Snapshot
from canary.models import SeenIdentity

# Five minutes, and what recorders may be behind.
SEEN_WITHIN: Final = datetime.timedelta(minutes=5, seconds=30)
CHUNK: Final = 2_000


@dataclass(frozen=True)
class Moves:
    """The identities that would change their version, each once, and how many were looked at."""

    to_v2: list[str]
    to_v1: list[str]
    looked_at: int

    def as_json(self) -> dict[str, Any]:
        return {
            "to_v2": {"count": len(self.to_v2), "ids": self.to_v2},
            "to_v1": {"count": len(self.to_v1), "ids": self.to_v1},
        }


def who_moves(before: Snapshot, weight_bp: int, now: datetime.datetime) -> Moves:
    """Return every identity that `weight_bp` instead of the snapshot's weight would send to the other version."""
    return moves_between(before, replace(before, weight_bp=weight_bp), known_identities(now), now.timestamp())


def moves_between(before: Snapshot, after: Snapshot, identities: Iterable[Identity], now_s: float) -> Moves:
    moved: dict[int, dict[str, None]] = {
        STABLE: {},
        CANDIDATE: {},
    }  # an identity may be met twice, as a user and as seen
    looked_at = 0
    for identity in identities:
        looked_at += 1
        target = _version(identity, after, now_s)
        if target != _version(identity, before, now_s):
            moved[target][str(identity)] = None
    return Moves(list(moved[CANDIDATE]), list(moved[STABLE]), looked_at)


def known_identities(now: datetime.datetime) -> Iterator[Identity]:
    """Yield users and API keys as the site lists them, then all others that the entrance has seen lately."""
    seen = SeenIdentity.objects.filter(last_seen_at__gte=now - SEEN_WITHIN).values_list("kind", "identifier")
    rows = chain(canary_conf().list_identities(now), seen.iterator(chunk_size=CHUNK))
    return (Identity(kind, identifier) for kind, identifier in rows)


def _version(identity: Identity, snapshot: Snapshot, now_s: float) -> int:
    decision = choose(identity, None, snapshot, now_s)
    assert isinstance(decision, Decision)  # only a header can be refused
    return decision.api_version
