"""The rollout as this process knows it: in memory for requests, read from the database beside them.

A failed read changes nothing: the last good snapshot stays. As long as nothing was read, or nothing is stored, the
environment's values are in force.
"""

import os
import threading
from dataclasses import replace
from typing import Final, NamedTuple

from canary.conf import CanaryConf, canary_conf
from canary.core.crossover import running_crossover
from canary.core.lifecycle import Life, life_from
from canary.core.routing import leads_to_candidate
from canary.core.values import Identity, Snapshot
from canary.models import ListEntry, Rollout

# Server processes wait this long after a change that moves users to v2, until all have read it (REFRESH_S is 1 s).
# Then no user gets v2 from one process and v1 from another. Changes back to v1 take effect at once.
ALL_HAVE_READ_AFTER_S: Final = 1.5


class _State(NamedTuple):
    """Replaced whole, so that readers take no lock."""

    kept: Snapshot | None = None
    coming: tuple[tuple[Snapshot, float], ...] = ()
    """Snapshots that were read but aren't in force yet, each with its instant in unix seconds, the newest last."""
    read_at: float | None = None


_state = _State()
_waits_for_others = False
# One reader at a time: of two, the one that read before a change could be the one that writes last.
_reading = threading.Lock()


def current_snapshot() -> Snapshot:
    """Return the rollout in memory; never wait."""
    state = _state
    return (_arrived(state.coming, _now_s()) if state.coming else None) or state.kept or canary_conf().snapshot


def refresh() -> Snapshot:
    """Read the database now: what is stored there. Raises what the database raises, and keeps what was there before."""
    global _state  # noqa: PLW0603  replaced whole; readers take no lock
    with _reading:
        coming, now = _state.coming, _now_s()
        row, after = read(coming[-1][0] if coming else _state.kept)
        before = _arrived(coming, now) or _state.kept
        coming = tuple(each for each in coming if each[1] > now)
        if coming and coming[-1][0].version == after.version:
            _state = _State(before, coming, now)
        elif before is not None and _waits_for_others and row is not None and leads_to_candidate(before, after):
            # Each waits from its own instant on, so that no number of later changes holds an earlier one up.
            # One that a wrong clock put into the future is not waited for until then.
            comes_at = min(row.changed_at.timestamp(), now + ALL_HAVE_READ_AFTER_S) + ALL_HAVE_READ_AFTER_S
            _state = _State(before, (*coming, (after, comes_at)), now) if comes_at > now else _State(after, read_at=now)
        else:
            _state = _State(after, read_at=now)
        return after


def _now_s() -> float:
    """Return unix seconds: changes are compared with the clock of the process that made them."""
    return canary_conf().clock()


def _arrived(coming: tuple[tuple[Snapshot, float], ...], now: float) -> Snapshot | None:
    """Return the newest of these whose instant has come."""
    return next((snapshot for snapshot, comes_at in reversed(coming) if now >= comes_at), None)


def wait_for_others() -> None:
    """Note that this is one of several processes that answer the same users."""
    global _waits_for_others  # noqa: PLW0603  a process becomes one once
    _waits_for_others = True


def comes_in_s() -> float | None:
    """Return the seconds until something that was read is in force; None when all of it is."""
    now = _now_s()
    return next((comes_at - now for _, comes_at in _state.coming if comes_at > now), None)


def read(known: Snapshot | None = None) -> tuple[Rollout | None, Snapshot]:
    """Return the row, None when nothing is stored, and its snapshot. Lists are read only if `known` has older ones."""
    row, conf = Rollout.objects.filter(pk=1).first(), canary_conf()
    if row is None:
        return None, conf.snapshot
    if known is not None and known.version == row.version:
        lists = known.allowed, known.excluded
    else:
        lists = _listed(ListEntry.List.ALLOW), _listed(ListEntry.List.EXCLUDE)
    return row, _snapshot(row, conf, lists)


def age_s(now: float) -> float | None:
    """Return the seconds since the last successful reading, None before the first; `now` in unix seconds."""
    read_at = _state.read_at
    return None if read_at is None else max(0.0, now - read_at)


def forget() -> None:
    """Forget everything, as a process that has just begun."""
    global _state, _reading
    _state, _reading = _State(), threading.Lock()


# A lock that a thread of the parent held at that moment would never be released in the child.
os.register_at_fork(after_in_child=forget)


def _snapshot(row: Rollout, conf: CanaryConf, lists: tuple[frozenset[Identity], frozenset[Identity]]) -> Snapshot:
    is_stable_enabled, is_candidate_enabled = conf.enabled(row.names)
    snapshot = Snapshot(
        version=row.version,
        weight_bp=row.weight_bp,
        salt=row.salt,
        release=row.release,
        stage=row.stage,
        latched=row.latched,
        is_stable_enabled=is_stable_enabled,
        is_candidate_enabled=is_candidate_enabled,
        allowed=lists[0],
        excluded=lists[1],
        life=life_from(row.lifecycle),
        build=row.build,
        anonymous_key=bytes.fromhex(row.anonymous_key),
        cookie_key=bytes.fromhex(row.cookie_key),
        names=conf.names if row.names == conf.names else row.names,
        crossover=running_crossover(row.crossover),
    )
    if is_stable_enabled or is_candidate_enabled or row.names == conf.names:
        return snapshot
    # Settings of a far journey: their stable version answers all, and nothing of that is evidence for the stored one.
    alone = replace(snapshot, names=conf.names, is_stable_enabled=True, life=Life(), weight_bp=0, release=0)
    return replace(alone, allowed=frozenset(), excluded=frozenset(), crossover=None)


def _listed(name: str) -> frozenset[Identity]:
    rows = ListEntry.objects.filter(list=name).values_list("kind", "identifier")
    return frozenset(Identity(kind, identifier) for kind, identifier in rows)
