"""The power of a plan before its start: what each step can find, and whether it can pass.

It is computed from the people who used the entrance lately (ADR 35). An unknown figure is None and refuses nothing.
"""

import math
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Final

from canary.core.arrivals import WEEK_S
from canary.core.breakers.failures import FURTHEST_S, LEAST_ANSWERS
from canary.core.plans import FULL_BP
from canary.core.power.chances import (
    binomial,
    bounds,
    chance_of_error_alarm,
    chance_of_latency_alarm,
    chances_to_be_safe,
    expected,
)
from canary.core.power.values import Found, PlanPower, Population, StepPower
from canary.core.power.wording import (
    NOTHING_KNOWN,
    sentence_of_advice,
    sentence_of_population,
    sentence_of_refusal,
    sentence_of_step,
)
from canary.core.statistics.certificate import MAX_ERRORS, Safety
from canary.core.statistics.comparison import LIMITS
from canary.core.statistics.latency import LEAST_EARLIER
from canary.core.wording import percent

PATIENCE: Final = 4
"""A step that can't pass within so many times its minimum time is refused."""
PATIENCE_LEAST_S: Final = 3600.0
"""Anybody waits so long, however short the minimum time is."""
LIKELY: Final = 0.5
"""A step can pass when it more likely does than not."""
COMFORTABLE: Final = 0.9
"""A suggested plan passes so likely."""
LATENCY: Final = 1.5
PEOPLE_MAX: Final = 1_000_000
RAISED_BP: Final = (*range(100, 1_000, 100), *range(1_000, 10_000, 500), 9_900)
"""Weights that may be suggested."""


def power_of(
    steps_bp: Sequence[int], min_s: float, population: Population, max_errors: float = MAX_ERRORS
) -> PlanPower:
    """Return what is known of a plan before it starts. Its last step has nothing to pass on to.

    `max_errors` is the declared limit: the share of v2's users that may have a failed answer.
    """
    steps = tuple(_step(weight_bp, min_s, population, max_errors) for weight_bp in steps_bp)
    known = sentence_of_population(population)
    stuck = next((step for step in steps[:-1] if step.can_pass is False), None)
    if stuck is None:
        return PlanPower(known, steps)
    better = _better(steps, min_s, population, max_errors)
    why = sentence_of_refusal(stuck, patience_s(min_s), population, max_errors)
    return PlanPower(known, steps, f"{why} {sentence_of_advice(*better)}", *better)


def patience_s(min_s: float) -> float:
    """Return how long anybody would wait for a step."""
    return max(PATIENCE_LEAST_S, PATIENCE * min_s)


def _step(weight_bp: int, min_s: float, population: Population, max_errors: float) -> StepPower:
    most_s, arrivals = patience_s(min_s), population.arrivals
    if arrivals is None:
        return StepPower(weight_bp, most_s, sentence=NOTHING_KNOWN.format(percent(weight_bp)))
    needed = _people_needed(weight_bp, population.failing_share, max_errors)
    pass_s = None if needed is None else population.until_judged(needed)
    lasts_s = max(min_s, most_s if pass_s is None else min(most_s, pass_s))
    counts = binomial(round(arrivals.within(lasts_s)), weight_bp / FULL_BP)
    chance = _chance_to_pass(population.judged(most_s), weight_bp, population.failing_share, max_errors)
    step = StepPower(
        weight_bp,
        lasts_s,
        arrivals.within(lasts_s) * weight_bp / FULL_BP,
        *bounds(counts),
        _total_failure_s(weight_bp, population),
        _found(weight_bp, population.voting(lasts_s), population),
        needed,
        pass_s,
        chance,
        _can_pass(chance, most_s, population),
    )
    return replace(step, sentence=sentence_of_step(step, population))


def _can_pass(chance: float, most_s: float, population: Population) -> bool | None:
    """Return False only where so much is recorded as anybody would wait, or a week."""
    if chance >= LIKELY:
        return True
    return False if population.recorded_s >= min(most_s, WEEK_S) else None


def _chance_to_pass(people: int, weight_bp: int, failing_share: float, max_errors: float) -> float:
    """Return the chance that the certificate is there once so many people are judged, some of them on v2."""
    reached = _reached(failing_share, max_errors)
    return expected(binomial(people, weight_bp / FULL_BP), lambda on_v2: reached[min(on_v2, len(reached) - 1)])


@lru_cache(maxsize=64)
def _reached(failing_share: float, max_errors: float) -> list[float]:
    return chances_to_be_safe(failing_share, lambda clean, failing: Safety(max_errors, clean, failing).is_safe)


def _people_needed(weight_bp: int, failing_share: float, max_errors: float) -> int | None:
    """Return the smallest number with which a step likely passes."""

    def is_enough(people: int) -> bool:
        return _chance_to_pass(people, weight_bp, failing_share, max_errors) >= LIKELY

    most = 64
    while not is_enough(most):
        most *= 2
        if most > PEOPLE_MAX:
            return None
    least = most // 2
    while most - least > 1:
        middle = (least + most) // 2
        least, most = (least, middle) if is_enough(middle) else (middle, most)
    return most


def _total_failure_s(weight_bp: int, population: Population) -> float | None:
    answers_s = population.requests_per_s * weight_bp / FULL_BP
    return LEAST_ANSWERS / answers_s if answers_s * FURTHEST_S >= LEAST_ANSWERS else None


def _found(weight_bp: int, people: int, population: Population) -> Found:
    if weight_bp >= FULL_BP:
        return Found()
    base, barrier = population.failing_to_multiply, math.log(LIMITS["error"])
    twice, five_times = (
        chance_of_error_alarm(people, weight_bp, (base, min(1.0, ratio * base)), barrier) for ratio in (2, 5)
    )
    return Found(twice, five_times, _found_latency(weight_bp, people, population))


def _found_latency(weight_bp: int, people: int, population: Population) -> float | None:
    if not population.log_spread:
        return None
    shift = math.log(LATENCY) / population.log_spread
    return chance_of_latency_alarm(people - LEAST_EARLIER, weight_bp, shift, math.log(LIMITS["latency"]))


def _better(
    steps: Sequence[StepPower], min_s: float, population: Population, max_errors: float
) -> tuple[tuple[int, ...], float | None]:
    """Return steps and a minimum time that can pass, none if no others do.

    More time is better than more users at once: the same steps if only the time is short, else a larger first step.
    """
    weights, waits = tuple(step.weight_bp for step in steps), [step.pass_s for step in steps[:-1]]
    if None not in waits:
        longest_s = max(wait_s for wait_s in waits if wait_s is not None)
        return weights, max(min_s, min(WEEK_S, 60.0 * math.ceil(longest_s / 60)))
    given = (population.failing_share, max_errors)
    for longer_s in (min_s, max(min_s, WEEK_S)):
        people = population.judged(patience_s(longer_s))
        for raised_bp in RAISED_BP:
            if raised_bp > weights[0] and _chance_to_pass(people, raised_bp, *given) >= COMFORTABLE:
                return (raised_bp, *(weight for weight in weights if weight > raised_bp)), longer_s
    return (), None
