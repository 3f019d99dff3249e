"""From what was seen in the periods of a crossover to its verdict, for all consumers and for each of them.

Harm to all is looked for after every pair of periods, harm to a single consumer once, after the last pair. Each may be
a false alarm in one of 40 crossovers at most, so that both together are one in 20 at most.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from fractions import Fraction
from typing import Any, Final, NamedTuple

from canary.core.crossover import Crossover
from canary.core.judgements import Judgement, Trip
from canary.core.statistics.crossovers import Answered, chance_of, differences, peak_evidence
from canary.core.wording import consumers, share, strength

LIMIT: Final = 40
"""The evidence against v2 at which it harms its consumers: chance brings it about in one of 40 crossovers at most."""
CHANCE: Final = Fraction(1, 40)
"""The same for single consumers, divided among all of them."""
LEAST_REQUESTS: Final = 50
"""With fewer requests to a version, nothing is said of a consumer."""
NAMED_MAX: Final = 3
BREAKER: Final = "crossover"
"""Its name among the breakers, the reasons of judgements, and their numbers."""
OPENINGS: Final = {"pass": "Pass", "hold": "Hold", "no_data": "No data"}

HARM: Final = "harm"
NO_HARM: Final = "no_harm"
TOO_FEW: Final = "too_few"
RUNNING: Final = "running"

type Seen = Mapping[tuple[int, int], Answered]
"""By the place of a consumer and the number of a period."""


class Count(NamedTuple):
    requests: int
    failures: int


@dataclass(frozen=True, slots=True)
class OfConsumer:
    consumer: str
    verdict: str
    """`harm`, `no_harm`, `too_few` requests to tell, or `running`."""
    candidate: Count
    stable: Count
    against: int
    """In how many pairs v2 failed more, beyond what failed for the others too."""
    others: int
    """In how many v1 did."""
    chance: float
    """How likely fair coins make the pairs look as bad for v2."""


@dataclass(frozen=True, slots=True)
class CrossoverVerdict:
    kind: str
    """As of a judgement: `harm`, `pass`, `no_data`, or `hold` while it is running."""
    sentence: str
    done: int
    pairs: int
    against: int
    others: int
    evidence: float
    """The highest one so far."""
    consumers: tuple[OfConsumer, ...]
    counts: tuple[tuple[int, ...], ...]
    """All that the verdict rests on: place, period, 1 for v2, requests and failures."""

    @property
    def is_over(self) -> bool:
        return self.done == self.pairs

    @property
    def opened(self) -> str:
        """Return the sentence as one that stands alone."""
        told = self.sentence
        return f"{told[0].upper()}{told[1:]}."

    @property
    def trip(self) -> Trip | None:
        """Return the harm, as a breaker tells it."""
        return Trip(BREAKER, self.sentence) if self.kind == HARM else None

    def as_json(self) -> dict[str, Any]:
        told = asdict(self)
        counts = ("candidate", "stable")
        told["consumers"] = [
            {**one, **{name: dict(zip(Count._fields, one[name], strict=True)) for name in counts}}
            for one in told["consumers"]
        ]
        return told | {"counts": [[*row] for row in self.counts], "limit": LIMIT}


def judge_crossover(crossover: Crossover, seen: Seen, done: int) -> CrossoverVerdict:
    """Return the verdict after `done` pairs of periods. Equal inputs give equal verdicts."""
    names, is_over = [*crossover.consumers], done == crossover.pairs
    periods = [
        [seen.get((place, period), Answered()) for place in crossover.consumers.values()] for period in range(2 * done)
    ]
    rounds = [differences(*pair) for pair in zip(periods[::2], periods[1::2], strict=True)]
    of_each = tuple(
        _of_consumer(
            name, [period[place] for period in periods], [found[place] for found in rounds], len(names), is_over=is_over
        )
        for place, name in enumerate(names)
    )
    peak = peak_evidence(rounds)
    against, others = sum(one.against for one in of_each), sum(one.others for one in of_each)
    counts = tuple((*key, *map(int, answered)) for key, answered in sorted(seen.items()) if key[1] < 2 * done)
    kind, sentence = _verdict(of_each, peak, _told(against, others, peak), is_over=is_over)
    told = f"crossover after {done} of {crossover.pairs} pairs of periods of {consumers(len(names))}: {sentence}"
    return CrossoverVerdict(kind, told, done, crossover.pairs, against, others, float(peak), of_each, counts)


def seen_from(counts: Iterable[Sequence[int]]) -> Seen:
    """Return what was seen by the counts of an earlier verdict."""
    return {(place, period): Answered(bool(is_v2), *answers) for place, period, is_v2, *answers in counts}


def crossed(judgement: Judgement, verdict: CrossoverVerdict | None) -> Judgement:
    """Return the judgement with the crossover among its numbers. It is the verdict where nothing else was found."""
    if verdict is None:
        return judgement
    log_e = {**judgement.numbers["log_e"], BREAKER: math.log(verdict.evidence)}
    numbers = {**judgement.numbers, "log_e": log_e, BREAKER: verdict.as_json()}
    if judgement.reason != "no_v2" or verdict.kind == HARM:
        return replace(judgement, numbers=numbers)
    sentence = f"{OPENINGS[verdict.kind]} at 0 %: {verdict.sentence}."
    return Judgement(verdict.kind, sentence, numbers, reason=BREAKER)


def _of_consumer(
    name: str, periods: Sequence[Answered], found: Sequence[Fraction], count: int, *, is_over: bool
) -> OfConsumer:
    candidate, stable = (_sum(one for one in periods if one.is_candidate == is_v2) for is_v2 in (True, False))
    chance = chance_of(found)
    if not is_over:
        verdict = RUNNING
    elif chance * count <= CHANCE:
        verdict = HARM
    else:
        verdict = NO_HARM if min(candidate.requests, stable.requests) >= LEAST_REQUESTS else TOO_FEW
    against, others = sum(one > 0 for one in found), sum(one < 0 for one in found)
    return OfConsumer(name, verdict, candidate, stable, against, others, float(chance))


def _sum(periods: Iterable[Answered]) -> Count:
    found = [*periods]
    return Count(sum(one.requests for one in found), sum(one.failures for one in found))


def _verdict(of_each: Sequence[OfConsumer], peak: Fraction, told: str, *, is_over: bool) -> tuple[str, str]:
    if peak >= LIMIT:
        return HARM, f"v2 harms its consumers: {told}"
    if harmed := [one for one in of_each if one.verdict == HARM]:
        return HARM, f"v2 harms {'; '.join(map(_of_harmed, harmed[:NAMED_MAX]))}{_more(len(harmed))}"
    if not is_over:
        return "hold", f"no harm so far: {told}"
    few = sum(one.verdict == TOO_FEW for one in of_each)
    known = f"{consumers(few)} sent fewer than {LEAST_REQUESTS} requests to a version"
    if 2 * few > len(of_each):
        return "no_data", f"too little was seen: {known}"
    return "pass", f"no harm: {told}{f'; {known}' if few else ''}"


def _told(against: int, others: int, peak: Fraction) -> str:
    evidence = strength(math.log(peak))
    return f"v2 failed more in {against} of them and v1 in {others}, evidence {evidence} (rule: harm from {LIMIT} on)"


def _of_harmed(one: OfConsumer) -> str:
    failed = (Fraction(count.failures, count.requests or 1) for count in (one.candidate, one.stable))
    on_v2, on_v1 = (share(float(part)) for part in failed)
    return (
        f"{one.consumer}: {on_v2} of its requests failed on v2, {on_v1} on v1, and pairs as bad as these come by chance"
        f" in one of {1 / one.chance:,.0f} cases"
    )


def _more(count: int) -> str:
    return f"; and {count - NAMED_MAX} more" if count > NAMED_MAX else ""
