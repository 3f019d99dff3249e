"""A crossover: a few named consumers switch between the versions in drawn periods, so each is its own control.

Periods come in pairs. In every pair each consumer gets each version for one period, and a keyed hash draws which one
comes first. Here is the schedule; `canary.core.crossover_verdict` judges what was seen. Times are unix seconds.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from typing import Any, Final

from canary.core.consumers import NAMED

DAY_S: Final = 86_400.0
CONSUMERS_MAX: Final = 49
"""With more identities a plan compares users, which needs no periods."""
PERIOD_RANGE_S: Final = (2.0, 7 * DAY_S)
PAIRS_RANGE: Final = (4, 20)
LONGEST_S: Final = 90 * DAY_S
LEAD_S: Final = 2.0
"""From the decision to the first period: by then every process has read the schedule."""
WASHOUT_SHARE: Final = 0.1
WASHOUT_MAX_S: Final = 60.0
"""The beginning of a period does not count: requests of the period before are in flight, and caches fill."""


@dataclass(frozen=True, slots=True)
class Crossover:
    started_at: float
    """When the first period begins."""
    period_s: float
    pairs: int
    consumers: Mapping[str, int]
    """The place of each, by its name, such as `key:ab12`."""

    @property
    def periods(self) -> int:
        return 2 * self.pairs

    @property
    def ends_at(self) -> float:
        return self.started_at + self.periods * self.period_s

    @property
    def washout_s(self) -> float:
        return min(WASHOUT_SHARE * self.period_s, WASHOUT_MAX_S)


def stored_crossover(started_at: float, period_s: float, pairs: int, consumers: Sequence[str]) -> dict[str, Any]:
    """Return a new crossover as the rollout's row and its events hold it."""
    return {
        "started_at": round(started_at, 3),
        "period_s": period_s,
        "pairs": pairs,
        "consumers": [*consumers],
        "ended_at": None,
        "verdict": None,
    }


def crossover_from(stored: Mapping[str, Any] | None) -> Crossover | None:
    """Return the crossover of a row or an event; None without one."""
    if stored is None:
        return None
    places = {name: place for place, name in enumerate(stored["consumers"])}
    return Crossover(stored["started_at"], stored["period_s"], stored["pairs"], places)


def running_crossover(stored: Mapping[str, Any] | None) -> Crossover | None:
    """Return the crossover unless it was ended: by hand, by a rollback, or because its last period was judged."""
    return None if stored is None or stored["ended_at"] is not None else crossover_from(stored)


def period_at(crossover: Crossover, at: float) -> int | None:
    """Return the number of the period, from 0 on; None before the first and after the last."""
    period = (at - crossover.started_at) // crossover.period_s
    return int(period) if 0 <= period < crossover.periods else None


def counted_period(crossover: Crossover, at: float) -> int | None:
    """Return the period in which a request that came at this instant counts; None within a washout."""
    period = period_at(crossover, at)
    if period is None or at - crossover.started_at - period * crossover.period_s < crossover.washout_s:
        return None
    return period


def pairs_over(crossover: Crossover, at: float) -> int:
    """Return how many pairs of periods are over at this instant."""
    return max(0, min(crossover.pairs, int((at - crossover.started_at) // (2 * crossover.period_s))))


def is_drawn(crossover: Crossover, consumer: str, period: int, salt: str) -> bool:
    """Return whether a consumer gets the candidate in a period: a fair coin for each consumer and pair, by the salt."""
    pair, half = divmod(period, 2)
    return _coins(crossover.started_at, consumer, salt) >> pair & 1 == half


@lru_cache(maxsize=128)
def _coins(started_at: float, consumer: str, salt: str) -> int:
    """Return a bit for each pair."""
    name = f"crossover:{started_at:.3f}:{consumer}".encode(errors="surrogateescape")
    return int.from_bytes(blake2b(name, digest_size=4, key=salt.encode()).digest(), "big")


def is_on_candidate(crossover: Crossover, consumer: str, at: float, salt: str) -> bool | None:
    """Return whether the schedule gives the consumer the candidate at this instant; None where it says nothing."""
    if consumer not in crossover.consumers or (period := period_at(crossover, at)) is None:
        return None
    return is_drawn(crossover, consumer, period, salt)


def fault_of_crossover(consumers: Sequence[str], period_s: float, pairs: int) -> str | None:
    """Return as a sentence why such a crossover is not possible; None if it is."""
    if not 1 <= len(consumers) <= CONSUMERS_MAX:
        told = "No consumer was named" if not consumers else f"{len(consumers)} consumers are too many"
        return f"{told}: a crossover has 1 to {CONSUMERS_MAX} consumers. With more, start a plan."
    if len({*consumers}) < len(consumers):
        return "A consumer is named twice."
    for name in consumers:
        if name.partition(":")[0] not in NAMED:
            return f"{name} is anonymous: a crossover takes consumers of the kinds {', '.join(NAMED)}."
    least, most = PAIRS_RANGE
    if not least <= pairs <= most:
        return f"A crossover has {least} to {most} pairs of periods, not {pairs}."
    shortest, longest = PERIOD_RANGE_S
    if not shortest <= period_s <= longest:
        return f"A period takes {shortest:g} s to {longest / DAY_S:g} days, not {period_s:g} s."
    if 2 * pairs * period_s > LONGEST_S:
        return f"All periods together take at most {LONGEST_S / DAY_S:g} days: name fewer pairs or a shorter period."
    return None
