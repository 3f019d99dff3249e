"""Shares: their limits, whether observed ones fit the configured ones, and who takes too much of the traffic."""

import math
import sys
from collections.abc import Hashable
from typing import Final, NamedTuple

FULL_BP: Final = 10_000
Z_99: Final = 2.575829
"""Two-sided 99 %."""
SHARE_MAX: Final = 0.2
"""One identity above a fifth of the requests distorts every share by identity."""
REQUESTS_MIN: Final = 200
"""In two windows: of fewer requests somebody always has a fifth."""
_HALVINGS: Final = 40


class Band(NamedTuple):
    """Shares 0..1 between which 99 % of all samples of this size lie when the chance is the one asked for."""

    low: float
    high: float

    def holds(self, share: float) -> bool:
        return self.low <= share <= self.high


def binomial_band(weight_bp: int, units: int) -> Band:
    """Return the normal approximation with correction for continuity; 0 and 10000 basis points fit only themselves."""
    chance = weight_bp / FULL_BP
    if weight_bp in (0, FULL_BP):
        return Band(chance, chance)
    if units == 0:
        return Band(0.0, 1.0)
    half = Z_99 * math.sqrt(chance * (1 - chance) / units) + 0.5 / units
    return Band(max(0.0, chance - half), min(1.0, chance + half))


def lower_limit(failed: int, total: int, error: float) -> float:
    """Return the lower limit of a share, which is too high with a chance of `error` at most.

    Exact, one-sided: Clopper & Pearson 1934, Biometrika 26.
    """
    if not failed:
        return 0.0
    low, high = 0.0, failed / total
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if _at_least(failed, total, middle) < error else (low, middle)
    return low


def upper_limit(failed: int, total: int, error: float) -> float:
    """Return the upper limit of a share; 1 where nobody was seen."""
    return 1 - lower_limit(total - failed, total, error) if total else 1.0


def _at_least(failed: int, total: int, share: float) -> float:
    """Return the chance that `failed` or more of `total` fail; `share` lies below `failed / total`.

    So each term is smaller than the one before it, and few of them count.
    """
    log_first = math.lgamma(total + 1) - math.lgamma(failed + 1) - math.lgamma(total - failed + 1)
    term = math.exp(log_first + failed * math.log(share) + (total - failed) * math.log1p(-share))
    whole = 0.0
    for count in range(failed, total + 1):
        whole += term
        if term <= whole * sys.float_info.epsilon:
            break
        term *= (total - count) / (count + 1) * share / (1 - share)
    return whole


class HeavyHitters[Key: Hashable]:
    """Find keys with a large share of a stream in bounded memory: Misra & Gries 1982, "Finding repeated elements".

    `count(key)` is at most `total / (size + 1)` too low and never too high.
    """

    def __init__(self, size: int = 200) -> None:
        self._size = size
        self._counts: dict[Key, int] = {}
        self.total = 0

    def add(self, key: Key) -> None:
        self.total += 1
        if key in self._counts or len(self._counts) < self._size:
            self._counts[key] = self._counts.get(key, 0) + 1
            return
        self._counts = {known: count - 1 for known, count in self._counts.items() if count > 1}

    def top(self) -> tuple[Key, int] | None:
        """Return the key seen most often and how often; None before the first."""
        return max(self._counts.items(), key=lambda item: item[1], default=None)
