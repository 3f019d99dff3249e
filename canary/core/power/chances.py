"""Chances of counts, and of evidence that is looked at after every event: exact where a formula exists."""

import math
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from itertools import groupby
from typing import Final

from canary.core.statistics.bets import error_factors, latency_factors, log_error_mixture

TAILS_SD: Final = 6.0
"""Less than a billionth lies beyond so many standard deviations."""
NODES: Final = 64
"""At most so many counts are computed, each for its neighbours too."""
JUDGED_MAX: Final = 10_000
"""Users who are not found safe by then fail too often for it."""
NEGLIGIBLE: Final = 1e-9
CERTAIN: Final = 0.999
EVENTS_MAX: Final = 300
"""Only so many failing users are looked at; more of them would only raise the chance."""
GRID: Final = [step / 8 for step in range(-32, 33)]
"""The points at which a normal distribution is summed, in standard deviations."""

type Counts = dict[int, float]
"""The chance of each count."""


def binomial(trials: int, chance: float) -> Counts:
    """Return the chances of how many of `trials` succeed, without the tails."""
    if not 0 < chance < 1 or not trials:
        return {trials if chance >= 1 else 0: 1.0}
    mean, deviation = trials * chance, math.sqrt(trials * chance * (1 - chance))
    reach = TAILS_SD * deviation + 10
    first, last = max(0, math.floor(mean - reach)), min(trials, math.ceil(mean + reach))
    log = math.lgamma(trials + 1) - math.lgamma(first + 1) - math.lgamma(trials - first + 1)
    log += first * math.log(chance) + (trials - first) * math.log1p(-chance)
    counts, odds = {}, math.log(chance) - math.log1p(-chance)
    for count in range(first, last + 1):
        counts[count] = math.exp(log)
        log += odds + math.log((trials - count) / (count + 1)) if count < trials else 0.0
    return counts


def bounds(counts: Counts, share: float = 0.95) -> tuple[int, int]:
    """Return the counts between which this share of all draws lies, with equal tails."""
    tail, total, low = (1 - share) / 2, 0.0, None
    for count, chance in counts.items():
        total += chance
        if low is None and total > tail:
            low = count
        if total >= 1 - tail:
            return low or 0, count
    return low or 0, max(counts)


def expected(counts: Counts, value: Callable[[int], float]) -> float:
    """Return the mean of a value that changes slowly with the count."""
    stride = max(1, len(counts) // NODES)
    groups = ([*group] for _, group in groupby(counts.items(), lambda item: item[0] // stride))
    return math.fsum(value(group[len(group) // 2][0]) * math.fsum(chance for _, chance in group) for group in groups)


def chances_to_be_safe(failing: float, is_safe: Callable[[int, int], bool]) -> list[float]:
    """Return, by the number of judged users, the chance that evidence of safety was there after any of them.

    `is_safe` is asked with clean and failing users; a share `failing` of them fails.
    """
    waiting, reached, allowed = {0: 1.0}, [0.0], -1
    for judged in range(1, JUDGED_MAX + 1):
        following: Counts = {}
        for failed, part in waiting.items():
            following[failed] = following.get(failed, 0.0) + part * (1 - failing)
            following[failed + 1] = part * failing
        while allowed < judged and is_safe(judged - allowed - 1, allowed + 1):
            allowed += 1
        waiting = {failed: part for failed, part in following.items() if failed > allowed and part > NEGLIGIBLE}
        reached.append(1 - math.fsum(waiting.values()))
        if reached[-1] > CERTAIN:
            break
    return reached


def chance_of_error_alarm(people: int, weight_bp: int, shares: tuple[float, float], log_barrier: float) -> float:
    """Return the chance that the error test ever reaches the barrier when these shares of v1's and v2's users fail.

    Failing users come in a random order, and the evidence depends on their counts alone. So the chance never to have
    reached the barrier follows count by count from the user who came last.
    """
    weight = weight_bp / 10_000
    on_v1, on_v2 = (1 - weight) * shares[0], weight * shares[1]
    people = min(people, math.floor(EVENTS_MAX / max(on_v1 + on_v2, 1e-9)))
    of_v1, of_v2 = binomial(people, on_v1), binomial(people, on_v2)
    missed = 0.0
    for failing_v1, row in enumerate(_never(weight_bp, log_barrier, max(of_v1), max(of_v2))):
        if failing_v1 in of_v1:
            given = binomial(people - failing_v1, on_v2 / (1 - on_v1)) if on_v1 < 1 else {0: 1.0}
            missed += of_v1[failing_v1] * math.fsum(part * row[k] for k, part in given.items() if k < len(row))
    return max(0.0, 1.0 - missed)


def _never(weight_bp: int, log_barrier: float, most_v1: int, most_v2: int) -> Iterator[Sequence[float]]:
    """Yield, for each count of failing users of v1, the chance by count of v2 that the barrier was never reached."""
    factors = error_factors(weight_bp, 0, 10_000, 1.0)

    def is_alarm(of_v1: int, of_v2: int) -> bool:
        logs = [of_v1 * v1 + of_v2 * v2 for v1, v2 in zip(factors.if_v1, factors.if_v2, strict=True)]
        return log_error_mixture(logs) >= log_barrier

    above: list[float] = []
    fewest = 0
    for of_v1 in range(most_v1 + 1):
        while fewest <= most_v2 and not is_alarm(of_v1, fewest):
            fewest += 1
        row: list[float] = []
        for of_v2 in range(fewest):
            by_v1 = above[of_v2] if of_v2 < len(above) else 0.0
            by_v2 = row[-1] if row else 0.0
            events = of_v1 + of_v2
            row.append((of_v1 * by_v1 + of_v2 * by_v2) / events if events else 1.0)
        yield row
        above = row


def chance_of_latency_alarm(people: int, weight_bp: int, shift: float, log_barrier: float) -> float:
    """Return the chance that the latency test ever reaches the barrier; `shift` is in standard deviations.

    Logarithms of latency are taken as normal. The evidence of one stake is a random walk with drift, and the inverse
    Gaussian distribution (Wald 1947) gives the chance that it passes a barrier. The best stake has to do it alone.
    """
    drifts = _drifts(weight_bp, shift)
    log_barrier += math.log(len(drifts))
    return max((_passage(people, drift, variance, log_barrier) for drift, variance in drifts), default=0.0)


@lru_cache(maxsize=256)
def _drifts(weight_bp: int, shift: float) -> tuple[tuple[float, float], ...]:
    """Return mean and variance of each stake's growth by one person."""
    weight = weight_bp / 10_000
    whole = math.fsum(math.exp(-z * z / 2) for z in GRID)
    outcomes = []
    for on_v2, share in ((False, 1 - weight), (True, weight)):
        for z in GRID:
            value = z + shift * on_v2
            rank = (1 - weight) * _normal(value) + weight * _normal(value - shift)
            outcomes.append((share * math.exp(-z * z / 2) / whole, latency_factors(rank, weight, on_v2)))
    means = [math.fsum(part * logs[k] for part, logs in outcomes) for k in range(len(outcomes[0][1]))]
    squares = [math.fsum(part * logs[k] ** 2 for part, logs in outcomes) for k in range(len(means))]
    return tuple((mean, square - mean * mean) for mean, square in zip(means, squares, strict=True))


def _passage(steps: int, drift: float, variance: float, barrier: float) -> float:
    if steps <= 0 or variance <= 0:
        return 0.0
    spread = math.sqrt(variance * steps)
    reached = _normal((drift * steps - barrier) / spread)
    exponent = min(700.0, 2 * drift * barrier / variance)
    return min(1.0, reached + math.exp(exponent) * _normal((-drift * steps - barrier) / spread))


def _normal(z: float) -> float:
    """Return the share of a standard normal distribution that lies below z."""
    return math.erfc(-z / math.sqrt(2)) / 2
