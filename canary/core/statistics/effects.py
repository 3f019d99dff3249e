"""How large an effect is, for people: estimates with bounds. No verdict is made of them."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from canary.core.statistics.bets import LOG_THRESHOLD, log_mean_exp, tilt

_GRID: Final = (0.1, 0.2, 1 / 3, 0.5, 2 / 3, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0)
_LIMIT: Final = math.log(1_000)
_STEPS: Final = 40

Cells = Mapping[tuple[int, int], Sequence[int]]
"""By the chance of v2 as a fraction: events on v1 and on v2."""


class Effect(NamedTuple):
    """A ratio, v2 to v1, with its bounds; None where the data set no bound."""

    ratio: float | None
    low: float | None
    high: float | None


def risk_ratio(cells: Cells) -> Effect:
    """Return how many times as likely users of v2 are to have the event; the 95 % bounds hold at every look.

    The bounds are the ratios that bets on a grid of others don't refute (a sequence of confidence by inversion).
    """
    if not any(sum(counts) for counts in cells.values()):
        return Effect(None, None, None)
    on_v1, on_v2 = (sum(counts[side] for counts in cells.values()) for side in (0, 1))
    best = _log_best(cells)
    reached = log_mean_exp([_log_likelihood(cells, math.log(ratio)) for ratio in _GRID]) - LOG_THRESHOLD
    low = _where_it_falls(cells, reached, best, -_LIMIT) if on_v2 else None
    high = _where_it_falls(cells, reached, best, _LIMIT) if on_v1 else None
    return Effect(math.exp(best) if on_v1 and on_v2 else None, low, high)


def latency_ratio(routes: Iterable[Sequence[Sequence[float]]]) -> Effect:
    """Return v2's latency to v1's (geometric means over units, within routes) with the usual 95 % interval of one look.

    For each route the sums of v1 and v2: how many, their sum, the sum of squares, of natural logarithms.
    """
    weights = differences = variances = 0.0
    for (n1, sum1, squares1), (n2, sum2, squares2) in routes:
        if n1 < 2 or n2 < 2:
            continue
        weight = n1 * n2 / (n1 + n2)
        spread = max(0.0, squares1 - sum1 * sum1 / n1) + max(0.0, squares2 - sum2 * sum2 / n2)
        weights += weight
        differences += weight * (sum2 / n2 - sum1 / n1)
        variances += weight * weight * spread / (n1 + n2 - 2) * (1 / n1 + 1 / n2)
    if not weights:
        return Effect(None, None, None)
    middle, half = differences / weights, 1.96 * math.sqrt(variances) / weights
    return Effect(*(math.exp(max(-50.0, min(50.0, log))) for log in (middle, middle - half, middle + half)))


def _log_likelihood(cells: Cells, log_ratio: float) -> float:
    total = 0.0
    for (part, whole), (on_v1, on_v2) in cells.items():
        q = tilt(part / whole, math.exp(log_ratio))
        total += on_v2 * math.log(q) + on_v1 * math.log1p(-q)
    return total


def _log_best(cells: Cells) -> float:
    """Return the most likely logarithm of the ratio, where v2 has as many events as foreseen; within a thousandfold."""
    on_v2 = sum(counts[1] for counts in cells.values())
    low, high = -_LIMIT, _LIMIT
    for _ in range(_STEPS):
        middle = (low + high) / 2
        foreseen = sum(sum(counts) * tilt(part / whole, math.exp(middle)) for (part, whole), counts in cells.items())
        low, high = (middle, high) if foreseen < on_v2 else (low, middle)
    return (low + high) / 2


def _where_it_falls(cells: Cells, reached: float, inside: float, outside: float) -> float | None:
    """Return the ratio between the best one and a far one at which the likelihood falls below `reached`."""
    if _log_likelihood(cells, outside) >= reached:
        return None
    for _ in range(_STEPS):
        middle = (inside + outside) / 2
        inside, outside = (middle, outside) if _log_likelihood(cells, middle) >= reached else (inside, middle)
    return math.exp(inside)
