"""Does a consumer fare worse in its periods on v2 than in those on v1? Exact tests on pairs of periods.

In each pair a fair coin drew which period was v2's. If the version makes no difference, the other outcome of the coin
would have shown the same two periods with their labels exchanged. So the sign of their difference is a fair coin, even
if failures clump in time or an outage strikes both versions. ADR 54 has the proofs.
"""

from collections.abc import Iterable, Sequence
from fractions import Fraction
from itertools import groupby
from math import comb
from typing import Final, NamedTuple

QUARTER: Final = 4
LEAST_CONSUMERS: Final = 4
"""With fewer, the others are often all on the same version, and taking off their failures hides its harm."""


class Answered(NamedTuple):
    """The answers to one consumer in one period, all of them by one version."""

    is_candidate: bool = False
    requests: int = 0
    failures: int = 0


def differences(first: Sequence[Answered], second: Sequence[Answered]) -> list[Fraction]:
    """Return for each consumer by how much more v2 failed in a pair of periods, as a share of requests.

    From LEAST_CONSUMERS on, the failures that the others have too are taken off: an outage would outweigh what the
    versions do. 0 for a consumer that sent nothing in one of the periods.
    """
    return [
        Fraction() if one is None or other is None else (one - other if answered.is_candidate else other - one)
        for one, other, answered in zip(_excess(first), _excess(second), first, strict=True)
    ]


def _excess(period: Sequence[Answered]) -> list[Fraction | None]:
    """Return the share of failed requests of each consumer beyond the lower quartile of the others' shares.

    The coin of a consumer has no part in what the others' shares are, so its sign stays a fair coin.
    """
    shares = [Fraction(one.failures, one.requests) if one.requests else None for one in period]
    known = sorted(share for share in shares if share is not None)
    place = (len(known) - 1) // QUARTER
    if len(known) < LEAST_CONSUMERS:
        return shares
    # Without its own share, the next one stands at this place if its own was not beyond it.
    return [None if share is None else share - known[place + (share <= known[place])] for share in shares]


def evidence(against: int, others: int) -> Fraction:
    """Return the evidence of so many pairs in which v2 failed more, and so many in which v1 did.

    A bet on the chance q of a pair against v2 multiplies its capital by 2q or 2(1 - q). This is the mean capital of the
    bets on all q from 1/2 to 1, an integral with a closed form. So it is an e-process: if v2 is no worse, it ever
    reaches x with a chance of at most 1/x, at every look (Ville 1939; Shafer 2021, doi:10.1111/rssa.12647).
    """
    count, total, ways = against + others, 0, 1
    for less in range(against + 1):
        total, ways = total + ways, ways * (count + 1 - less) // (less + 1)
    return Fraction(total, (count + 1) * comb(count, against))


def peak_evidence(rounds: Iterable[Sequence[Fraction]]) -> Fraction:
    """Return the highest evidence after any round; a round holds the differences of all consumers in a pair."""
    peak, against, others = Fraction(1), 0, 0
    for found in rounds:
        against += sum(difference > 0 for difference in found)
        others += sum(difference < 0 for difference in found)
        peak = max(peak, evidence(against, others))
    return peak


def chance_of(differences: Iterable[Fraction]) -> Fraction:
    """Return how likely fair coins make the pairs of one consumer look at least as bad for v2.

    The signed-rank test (Wilcoxon 1945) over all outcomes of the coins, counted and not approximated. Ranks keep one
    period from outweighing all others. Pairs without a difference say nothing and are left out.
    """
    found = sorted(filter(None, differences), key=abs)
    ranks, place = [], 0
    for _size, tied in groupby(found, key=abs):
        count = len([*tied])
        ranks += [2 * place + count + 1] * count  # twice the mean of their places, which is a whole number
        place += count
    seen = sum(rank for rank, difference in zip(ranks, found, strict=True) if difference > 0)
    ways = [1] + [0] * sum(ranks)
    """By the sum of ranks against v2, how many outcomes of the coins give it."""
    for rank in ranks:
        ways = [count + (ways[total - rank] if total >= rank else 0) for total, count in enumerate(ways)]
    return Fraction(sum(ways[seen:]), 2 ** len(ranks))
