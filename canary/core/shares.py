"""Shares of traffic: whether what was observed fits what was asked for, and who takes too much of it."""

import math
from collections.abc import Hashable
from typing import Final, NamedTuple

FULL_BP: Final = 10_000
Z_99: Final = 2.575829
"""Two-sided 99 %."""
SHARE_MAX: Final = 0.2
"""One identity above a fifth of the requests distorts every share by identity."""
REQUESTS_MIN: Final = 200
"""In two windows: of fewer requests somebody always has a fifth."""


class Band(NamedTuple):
    """Shares 0..1 between which 99 % of all samples of this size lie when the chance is the one asked for."""

    low: float
    high: float

    def holds(self, share: float) -> bool:
        return self.low <= share <= self.high


def binomial_band(weight_bp: int, units: int) -> Band:
    """The normal approximation with its correction for continuity; of 0 and 10000 basis points nothing but they fit."""
    chance = weight_bp / FULL_BP
    if weight_bp in (0, FULL_BP):
        return Band(chance, chance)
    if units == 0:
        return Band(0.0, 1.0)
    half = Z_99 * math.sqrt(chance * (1 - chance) / units) + 0.5 / units
    return Band(max(0.0, chance - half), min(1.0, chance + half))


class HeavyHitters[Key: Hashable]:
    """Finds whoever has a large share of a stream in bounded memory: Misra & Gries 1982, "Finding repeated elements".

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
        """The key seen most often and how often; None before the first."""
        return max(self._counts.items(), key=lambda item: item[1], default=None)
