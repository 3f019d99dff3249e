"""The rows of the table: kinds of releases, and what the design wants of each."""

import math
import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from canary.core.plans import FULL_BP
from tests.simulation.loop.people import (
    RARE_READ,
    RARE_WRITE,
    Person,
    draw_clients,
    draw_keys,
    draw_people,
    draw_pollers,
    draw_strangers,
)
from tests.simulation.loop.playing import HOUR_S, Case
from tests.simulation.loop.worlds import Truth, harm_with_a_step, outage_before_a_step, outages_at_random

SURE: Final = 0.01
"""The chance that a short form fails by chance while the share is just the wanted one."""


@dataclass(frozen=True)
class Wanted:
    """Shares of releases; nothing is wanted where None stands. `within_s` is about what is rolled back."""

    least: float | None = None
    most: float | None = None
    within_s: float = math.inf
    is_promoted: bool | None = None
    has_failed_reads: bool | None = None

    def __str__(self) -> str:
        words = [f"≥ {100 * self.least:g} %"] if self.least is not None else []
        words += [f"≤ {100 * self.most:g} %"] if self.most is not None else []
        words += [f"in {self.within_s / 60:g} min"] if self.within_s < math.inf else []
        words += ["never promoted"] if self.is_promoted is False else []
        words += ["no failed read"] if self.has_failed_reads is False else []
        return ", ".join(words) or "(told)"


@dataclass(frozen=True)
class Row:
    case: Case
    wanted: Wanted
    runs: int
    quick: int = 0
    """How many runs the short form has; none where it is 0."""


def at_least(runs: int, share: float) -> int:
    """Return the fewest of `runs` that chance leaves, but for SURE, when each happens with this chance."""
    return runs - at_most(runs, 1 - share)


def at_most(runs: int, share: float) -> int:
    """Return the most of `runs` that chance makes, but for SURE, when each happens with this chance."""
    rest, count = 1.0, -1
    while rest > SURE:
        count += 1
        rest -= math.comb(runs, count) * share**count * (1 - share) ** (runs - count)
    return count


def site(rng: random.Random) -> list[Person]:
    """People of whom hardly anybody ever fails: v2 can be proved safe."""
    return draw_people(rng, 3_000, 0.1, failing=0.0005)


def small_site(rng: random.Random) -> list[Person]:
    return draw_people(rng, 500, 0.3, failing=0.0005)


def base(rng: random.Random) -> list[Person]:
    return draw_people(rng, 1_000, 0.15)


def heavy_tails(rng: random.Random) -> list[Person]:
    return draw_people(rng, 1_000, 0.15, shape=0.1, odd=0.005)


def few(size: int, weight_bp: int, rate: float = 12) -> Row:
    """Programs that ask so often a minute, at least one of them on v2."""
    within_s = 120.0 if weight_bp == FULL_BP else 600.0

    def draw(rng: random.Random) -> list[Person]:
        found = draw_clients(rng, size, rate)
        if all(client.bucket >= weight_bp for client in found):
            found[0] = found[0]._replace(bucket=rng.randrange(weight_bp))
        return found

    steps = sorted({weight_bp, FULL_BP})
    case = Case(draw, Truth(fails=1.0), steps_bp=steps, turn_s=5, length_s=1_800)
    return Row(case, Wanted(0.99, None, within_s, None, has_failed_reads=False), 100, 20)


def refusing(status: int, share: float) -> Row:
    case = Case(small_site, Truth(refuses=(status, share)), step_s=1_800, length_s=2 * HOUR_S)
    return Row(case, Wanted(0.95, None, is_promoted=False), 60, 10)


def slow(truth: Truth) -> Row:
    """A step of a day at 10 % of 300 people."""

    def draw(rng: random.Random) -> list[Person]:
        return draw_people(rng, 300, 0.3, failing=0.0005)

    case = Case(draw, truth, steps_bp=(1_000, FULL_BP), step_s=24 * HOUR_S, length_s=24 * HOUR_S, turn_s=60)
    return Row(case, Wanted(0.95), 30, 5)


def polled(size: int) -> Row:
    def draw(rng: random.Random) -> list[Person]:
        return small_site(rng) + draw_pollers(rng, size)

    return Row(Case(draw, step_s=1_800, length_s=2 * HOUR_S, is_pushed=True), Wanted(None, 0.05), 60, 10)


def pressed(people: Callable[[random.Random], list[Person]], wanted: Wanted) -> Row:
    """Whoever attacks fails on v2 alone, with every request."""

    def draw(rng: random.Random) -> list[Person]:
        return small_site(rng) + [attacker._replace(fails_on_v2=1.0) for attacker in people(rng)]

    return Row(Case(draw, step_s=1_800, length_s=2 * HOUR_S, is_pushed=True), wanted, 60, 10 if wanted.most else 0)


def jammed(people: Callable[[random.Random], list[Person]]) -> Row:
    """v2 fails a third of everybody's requests; an attacker uses such keys alone as are on v2, and is served well."""

    def draw(rng: random.Random) -> list[Person]:
        lucky = [attacker for attacker in people(rng) if attacker.bucket < 1_000]
        return small_site(rng) + [attacker._replace(fails_on_v2=0.0) for attacker in lucky]

    return Row(Case(draw, Truth(fails=1 / 3), length_s=2 * HOUR_S), Wanted(0.95, is_promoted=False), 60, 10)


def keys(size: int) -> Callable[[random.Random], list[Person]]:
    return lambda rng: draw_keys(rng, size, 1.0)


def networks(size: int) -> Callable[[random.Random], list[Person]]:
    return lambda rng: draw_strangers(rng, size, 0.2)


def behind_one_network(rng: random.Random) -> list[Person]:
    """Nobody is known by name."""
    found = draw_strangers(rng, 1, 1.0)
    return [*found, found[0]._replace(bucket=0)]


NULL: Final = Wanted(None, 0.05)
SOUND: Final = Case(base, is_pushed=True)
"""Each step is taken when its time is over, so that everything that can alarm has its time."""
LATE: Final = Truth(latency=10, from_s=6 * HOUR_S)
ROWS: Final = {
    **{
        f"fails everything, {size} client{'s' * (size > 1)}, {weight_bp // 100} %": few(size, weight_bp)
        for weight_bp in (1_000, 5_000, FULL_BP)
        for size in (1, 5, 20, 100)
    },
    "fails everything, 1 client that asks once a minute, 10 %": replace(few(1, 1_000, 1), wanted=Wanted(), quick=0),
    "fails everything, 40 callers of one network": Row(
        Case(behind_one_network, Truth(fails=1.0), turn_s=5, length_s=1_800), Wanted(0.99, within_s=600), 60, 20
    ),
    "answers 30 % by 404": refusing(404, 0.3),
    "answers 30 % by 401": refusing(401, 0.3),
    "answers 60 % by 429": refusing(429, 0.6),
    "latency × 10 from hour 6 of 24": slow(LATE),
    "the same on a read with 5 % of the calls": slow(replace(LATE, slow_route=RARE_READ)),
    "latency × 10 on a read with 5 % of the calls": slow(Truth(latency=10, slow_route=RARE_READ)),
    "latency × 10 on a write with 5 % of the calls": replace(
        slow(Truth(latency=10, slow_route=RARE_WRITE)), wanted=Wanted(), quick=0
    ),
    **{f"sound, {size} pollers of a route of v1 alone": polled(size) for size in (60, 100, 200)},
    "sound": Row(SOUND, NULL, 100, 10),
    "sound, heavy tails": Row(replace(SOUND, people=heavy_tails), NULL, 100, 10),
    "sound, outages of both": Row(replace(SOUND, outages=outages_at_random), NULL, 100, 10),
    "sound, cold: latency × 2 for 3 min after each step": Row(replace(SOUND, truth=Truth(cold=2)), NULL, 100, 10),
    "sound, an outage of both before a step": Row(replace(SOUND, outages=outage_before_a_step), NULL, 100, 10),
    "better: errors × 0.5, latency - 20 %": Row(
        replace(SOUND, truth=Truth(errors=0.5, latency=0.8)), Wanted(None, 0.005), 100, 10
    ),
    "sound, hardly anybody fails, by itself": Row(Case(site, step_s=1_800, length_s=6 * HOUR_S), NULL, 20, 2),
    "harms both versions by its load": Row(
        Case(small_site, outages=harm_with_a_step, length_s=2 * HOUR_S, is_pushed=True), Wanted(0.95), 60, 8
    ),
    "the same where 1 to 3 % of users fail anyway": Row(
        Case(base, outages=harm_with_a_step, length_s=2 * HOUR_S, is_pushed=True), Wanted(), 60
    ),
    "sound, a new account with 200 keys attacks": pressed(keys(200), NULL),
    "sound, 5 networks attack": pressed(networks(5), Wanted()),
    "sound, 20 networks attack": pressed(networks(20), Wanted()),
    "fails a third, a new account with 200 keys jams": jammed(keys(200)),
}
"""The plans begin at 10 %. What is not named as pushed goes on by the verdict alone."""
