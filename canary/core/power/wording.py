"""The sentences about a plan's power, each with its figures."""

from collections.abc import Sequence
from typing import Final

from canary.core.arrivals import WEEK_S
from canary.core.breakers.failures import FURTHEST_S, LEAST_ANSWERS
from canary.core.plans import FULL_BP
from canary.core.power.values import ASSUMED_FAILING, Population, StepPower
from canary.core.wording import duration, percent, share

NOTHING_KNOWN: Final = "{}: nothing is known."
FORESEEN: Final = 10
"""Times as long as the records reach. Further ahead, too little is known of users who come back."""


def sentence_of_population(population: Population) -> str:
    if population.arrivals is None:
        return (
            "No records tell who uses the entrance, so nobody knows what this plan can find: how many people will use"
            " v2, and when a step can pass."
        )
    period_s = min(population.recorded_s, WEEK_S)
    return (
        f"In the last {duration(period_s)}, {population.arrivals.within(period_s):,.0f} people used the entrance, with"
        f" {_rounded(60 * population.requests_per_s)} requests a minute. {_sentence_of_failing(population)}"
    )


def _sentence_of_failing(population: Population) -> str:
    if not population.outcomes:
        return f"Nobody was judged on v1 yet; the chances assume that {share(ASSUMED_FAILING)} have an error there."
    return f"{population.failing:,} of {population.outcomes:,} users of v1 had an error in their first requests."


def sentence_of_refusal(stuck: StepPower, most_s: float, population: Population, max_errors: float) -> str:
    """Return why a step can hardly pass within the time that anybody would wait."""
    given = f"with {share(population.failing_share)} of users failing and {share(max_errors)} allowed"
    if stuck.people_needed is None:
        why = f"{given}, no number of users is enough"
    else:
        judged = f"{population.judged(most_s):,} will be"
        why = f"{given}, {stuck.people_needed:,} people have to be judged on both versions together, and {judged}"
    return (
        f"The step of {percent(stuck.weight_bp)} can hardly pass in {duration(most_s)}"
        f" (four times its minimum time, and at least an hour): {why}."
    )


def sentence_of_advice(steps_bp: Sequence[int], min_s: float | None) -> str:
    if min_s is None:
        return "No other steps can pass either: take them by hand, or allow more users to fail."
    steps = ",".join(f"{weight_bp / 100:g}" for weight_bp in steps_bp)
    return f"Better: steps of {steps} % that last at least {min_s / 60:g} minutes each."


def sentence_of_step(step: StepPower, population: Population) -> str:
    weight, lasts, passes = percent(step.weight_bp), duration(step.lasts_s), _sentence_of_pass(step, population)
    if step.lasts_s > FORESEEN * population.recorded_s:
        recorded = duration(population.recorded_s)
        first = f"{weight}: {recorded} of records are too few to say how many users of v2 come in {lasts}."
        return f"{first} {_sentence_of_total(step)} {passes}"
    bounds = f"({step.users_low:,} to {step.users_high:,})"
    first = f"{weight}: about {step.users:,.0f} users of v2 {bounds} in {lasts}."
    return " ".join((first, _sentence_of_total(step), _sentence_of_found(step), passes))


def _sentence_of_total(step: StepPower) -> str:
    if step.total_failure_s is None:
        window = f"fewer than {LEAST_ANSWERS} answers in {duration(FURTHEST_S)}"
        return f"v2 has {window}, so finding a total failure takes long."
    return f"A total failure is found in about {duration(step.total_failure_s)}."


def _sentence_of_found(step: StepPower) -> str:
    if step.weight_bp >= FULL_BP:
        return "Nobody is left on v1 to compare with."
    found = step.found
    chances = {
        "twice the errors": found.errors_x2,
        "five times the errors": found.errors_x5,
        "50 % more latency": found.latency_x1_5,
    }
    told = ", ".join(f"{what} {'unknown' if part is None else f'{100 * part:.0f} %'}" for what, part in chances.items())
    return f"Chances to find, at least: {told}."


def _sentence_of_pass(step: StepPower, population: Population) -> str:
    if step.can_pass and step.pass_s is not None:
        return f"Enough users are judged after about {duration(step.pass_s)}."
    if step.can_pass is False:
        return f"It can hardly pass (chance {100 * (step.pass_chance or 0):.0f} %)."
    return f"{duration(population.recorded_s)} of records are too few to say whether it can pass."


def _rounded(number: float) -> str:
    return f"{number:,.0f}" if number >= 999.5 else f"{number:.3g}"
