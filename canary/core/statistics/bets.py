"""The arithmetic that all tests share: factors of bets and mixtures of their products, as natural logarithms.

An e-process starts at 1, and each bet multiplies it by its outcome. Under the tested hypothesis no bet gains on
average. So `P(it ever reaches 1/alpha) <= alpha` (Ville's inequality), however often one looks (Vovk & Wang 2021,
arXiv:1912.06116).
"""

import math
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Final, NamedTuple

ALPHA: Final = 0.05
"""The chance of a false alarm in a whole release, of all metrics together."""
THRESHOLD: Final = 20
"""1 / ALPHA: the evidence at which a single hypothesis is given up."""
LOG_THRESHOLD: Final = math.log(THRESHOLD)
RISK_RATIOS: Final = (1.5, 2.0, 3.0, 5.0, 10.0)
"""The bets: users of v2 are so many times as likely to have an error."""
STAKES: Final = (0.30, 0.40, 0.20, 0.08, 0.02)
"""How an error test's capital is divided among RISK_RATIOS. The large ones get little: a few unlucky users are enough
for them. Five times the failing requests are only two to three times the failing users, as the same few fail anyway.
Even so, four users who fail at 10 % and are all on v2 are enough: chance causes that once in ten thousand releases.
"""
BAD_RATIO: Final = 2.0
"""The ratio that the relative certificate rules out."""
RANK_STAKES: Final = (0.2, 0.4, 0.7, 0.95)
"""Stakes of the latency bets, as parts of the most that can't be lost at once. Each has a quarter of the capital."""


class Factors(NamedTuple):
    """The logarithms of the factors of each bet, one for each of RISK_RATIOS."""

    if_v2: tuple[float, ...]
    if_v1: tuple[float, ...]
    chance: float
    safe_if_v2: float
    safe_if_v1: float


@lru_cache(maxsize=4096)
def error_factors(weight_bp: int, low_bp: int, high_bp: int, margin: float) -> Factors:
    """Return the bets on the version of a bad event, for a unit whose bucket is in `low_bp .. high_bp - 1`.

    Under equality the unit is on v2 with `p = (weight - low) / (high - low)`. A ratio r makes that
    `q = r p / (r p + 1 - p)`; `margin` is the tolerated ratio.
    """
    p = (weight_bp - low_bp) / (high_bp - low_bp)
    tolerated, bad = tilt(p, margin), tilt(p, BAD_RATIO)
    bets = [tilt(p, ratio) for ratio in RISK_RATIOS]
    return Factors(
        tuple(math.log(q / tolerated) for q in bets),
        tuple(math.log((1 - q) / (1 - tolerated)) for q in bets),
        p,
        math.log(p / bad),
        math.log((1 - p) / (1 - bad)),
    )


def tilt(p: float, ratio: float) -> float:
    """Return the chance p after its odds were multiplied by `ratio`."""
    return ratio * p / (ratio * p + 1 - p)


def log_error_mixture(logs: Sequence[float]) -> float:
    """Return the logarithm of an error test's capital, from the logarithm of what each bet made of each 1 staked."""
    return log_weighted(zip(STAKES, logs, strict=True))


def latency_factors(rank: float, chance: float, on_v2: bool) -> list[float]:
    """Return `log(1 + λ(Z - p)(2R - 1))` for each of RANK_STAKES: Z is 1 on v2, p `chance`, R `rank` in 0..1.

    λ is the stake by `max(p, 1 - p)`. The mean is 1 if the version was drawn with chance p, with any latencies. It is
    also 1 if latencies keep their distribution, with any version.
    """
    edge = ((1.0 if on_v2 else 0.0) - chance) * (2 * rank - 1) / max(chance, 1 - chance)
    return [math.log1p(stake * edge) for stake in RANK_STAKES]


def log_mean_exp(logs: Sequence[float]) -> float:
    """Return the logarithm of the mean of the numbers whose logarithms are given; never overflows."""
    top = max(logs)
    return top + math.log(math.fsum([math.exp(log - top) for log in logs]) / len(logs))


def log_weighted(parts: Iterable[tuple[float, float]]) -> float:
    """Return the logarithm of `sum(weight * E)` over pairs of weight and log E."""
    pairs = list(parts)
    top = max(log for _, log in pairs)
    return top + math.log(math.fsum(weight * math.exp(log - top) for weight, log in pairs))
