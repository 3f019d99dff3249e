"""Whether one revision is slower than another, from pairs of measurements taken one right after the other. Pure."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

ALPHA: Final = 0.01
"""How often, at most, an unchanged endpoint's bound passes 1 in one series; a suspect has to do so in all others as well."""
RELEVANT: Final = 0.07
"""Slower by less than this is let pass: two processes of the same code differ by up to 3 % for as long as they live."""
RELEVANT_ALONE: Final = 0.15
"""The same for one endpoint: the workload decides, and a simpler program may cost a single row something."""


@dataclass(frozen=True)
class Verdict:
    ratio: float
    """Head's cost over base's: the Hodges-Lehmann estimate on the logarithms."""
    low: float
    high: float
    """One-sided bounds of confidence 1 - ALPHA each, the noise of these very pairs."""

    def is_slower(self, by: float) -> bool:
        return self.low > 1 and self.ratio > 1 + by

    def is_below(self, floor: float) -> bool:
        """Return whether the second side surely does less than `floor` of the first one's work for the same cost."""
        return self.low > 1 / floor


def judge(pairs: Sequence[tuple[float, float]]) -> Verdict:
    """Of `(base, head)` costs. Means over pairs of pairs and Wilcoxon's signed ranks: one window in which the machine did
    something else moves a rank and not the mean, where a t-interval would be blown up by it and see nothing.

    Source: Hollander, Wolfe, Chicken, Nonparametric Statistical Methods (2014), 3.1 to 3.3. Raises ValueError for fewer
    pairs than ALPHA needs.
    """
    logs = [math.log(head / base) for base, head in pairs]
    means = sorted((one + other) / 2 for place, one in enumerate(logs) for other in logs[place:])
    rank = _rank(len(logs))
    middle = len(means) // 2
    median = means[middle] if len(means) % 2 else (means[middle - 1] + means[middle]) / 2
    return Verdict(math.exp(median), math.exp(means[rank - 1]), math.exp(means[-rank]))


@lru_cache(maxsize=8)
def _rank(pairs: int) -> int:
    """The greatest k with P(W < k) <= ALPHA, for Wilcoxon's signed-rank statistic of so many pairs without a difference."""
    ways = [1]  # in how many ways a sum of ranks comes about
    for rank in range(1, pairs + 1):
        longer = ways + [0] * rank
        for total, count in enumerate(ways):
            longer[total + rank] += count
        ways = longer
    allowed, below, k = ALPHA * 2**pairs, 0, 0
    while below + ways[k] <= allowed:
        below += ways[k]
        k += 1
    if not k:
        raise ValueError(f"{pairs} pairs can't tell anything at a level of {ALPHA}.")
    return k
