"""Made-up users and what their requests come to: a few use the API much, a few fail much, most do neither."""

import math
import random
from dataclasses import dataclass, field
from itertools import count
from typing import Final, NamedTuple

from canary.core.statistics import Observed

STAGES_BP: Final = (1_000, 5_000, 9_000)
STAGE_MIN: Final = 60
WARM_UP_MIN: Final = 3
"""For so long after each step summaries of latency are not judged, as the recorder has it."""
COLD_MIN: Final = 3
MAX_ERRORS: Final = 0.08
"""What such a site would declare: 1.7 % of its users have an error in their first three requests of a stage."""
ROUTES: Final = ("GET /posts", "GET /posts/{}", "GET /tags", "POST /comments")
_ROUTE_SHARES: Final = (0.5, 0.85, 0.95, 1.0)
_ROUTE_LOG_MS: Final = (3.0, 2.5, 2.0, 3.5)


class Truth(NamedTuple):
    """How v2 differs from v1: the ratios of failing and of refused requests, and of latency."""

    errors: float = 1.0
    refusals: float = 1.0
    latency: float = 1.0
    cold: float = 1.0
    """Of latency in the first COLD_MIN minutes of each stage, on top of that."""


class User(NamedTuple):
    unit: str
    bucket: int
    rate: float
    """Requests a minute."""
    failing: float
    refused: float
    slowness: float
    network: str


@dataclass
class Release:
    """`observations` in the order of time, with the minutes since the start; `minutes` for rules over requests."""

    observations: list[tuple[float, Observed]] = field(default_factory=list)
    minutes: list[list[list[int]]] = field(
        default_factory=lambda: [[[0, 0], [0, 0]] for _ in range(STAGE_MIN * len(STAGES_BP))]
    )
    """For each minute, v1's and v2's requests and failures."""


def draw_users(rng: random.Random, size: int) -> list[User]:
    """Activity Gamma(0.5) with mean 0.1 a minute; failing Beta(0.05, 9.95), mean 0.5 %; refused Beta(0.1, 9.9), mean 1 %."""
    return [
        User(
            f"u{number}",
            rng.randrange(10_000),
            rng.gammavariate(0.5, 0.2),
            rng.betavariate(0.05, 9.95),
            rng.betavariate(0.1, 9.9),
            rng.gauss(0.0, 0.3),
            f"n{number // 2}",
        )
        for number in range(size)
    ]


def draw_release(rng: random.Random, truth: Truth, *, size: int = 2_000) -> Release:
    """A whole release: every stage is run for its time, whatever anybody would have decided."""
    release = Release()
    users = draw_users(rng, size)
    for stage, weight_bp in enumerate(STAGES_BP):
        for user in users:
            _run_stage(rng, truth, release, user, (stage, weight_bp))
    release.observations.sort(key=lambda pair: pair[0])
    return release


def _run_stage(rng: random.Random, truth: Truth, release: Release, user: User, stage: tuple[int, int]) -> None:
    on_v2 = user.bucket < stage[1]
    times = _times_of(rng, user.rate, stage[0] * STAGE_MIN)
    if not times:
        return
    failures = _drawn(rng, user.failing * (truth.errors if on_v2 else 1), len(times))
    minutes = release.minutes
    for at in times:
        minutes[int(at)][on_v2][0] += 1
    for number in failures:
        minutes[int(times[number])][on_v2][1] += 1
    refused = _drawn(rng, user.refused * (truth.refusals if on_v2 else 1), len(times))
    what = [(times[0], "seen", None)]
    if failures:
        what.append((times[failures[0]], "error", None))
    if len(times) >= 3 and not (failures and failures[0] < 3):
        what.append((times[2], "settled", None))
    if refused:
        what.append((times[refused[0]], "refusal", None))
    for at, metric, value in what:
        route = ROUTES[int(at * 997) % len(ROUTES)]
        release.observations.append((at, _observed(stage, user, metric, route, value)))
    if len(times) >= 3:
        warm_at = stage[0] * STAGE_MIN + WARM_UP_MIN
        slower = truth if on_v2 else Truth()
        _add_latency(rng, slower, release, user, (stage, "latency_cold", [at for at in times if at < warm_at]))
        _add_latency(rng, slower, release, user, (stage, "latency", [at for at in times if at >= warm_at]))


def _add_latency(
    rng: random.Random, truth: Truth, release: Release, user: User, when: tuple[tuple[int, int], str, list[float]]
) -> None:
    """The summary of the first three requests of a route, of the first route that comes so far."""
    stage, metric, times = when
    used, cold = [0] * len(ROUTES), [0] * len(ROUTES)
    for at in times:
        draw = rng.random()
        route = next(k for k, share in enumerate(_ROUTE_SHARES) if draw < share)
        used[route] += 1
        cold[route] += at < stage[0] * STAGE_MIN + COLD_MIN
        if used[route] == 3:
            tail = sum(rng.expovariate(1.0) for _ in range(3) if rng.random() < 0.05)
            noise = (rng.gauss(0.0, 0.4 * math.sqrt(3)) + tail) / 3
            slower = math.log(truth.latency) + cold[route] / 3 * math.log(truth.cold)
            value = _ROUTE_LOG_MS[route] + user.slowness + noise + slower
            release.observations.append((at, _observed(stage, user, metric, ROUTES[route], value)))
            return


def _observed(stage: tuple[int, int], user: User, metric: str, route: str, value: float | None) -> Observed:
    api_version = 2 if user.bucket < stage[1] else 1
    return Observed(*stage, user.unit, api_version, metric, route, value, True, user.network)


def _times_of(rng: random.Random, rate: float, start: float) -> list[float]:
    """A Poisson process over one stage."""
    times: list[float] = []
    log, draw = math.log, rng.random
    at, end = start, start + STAGE_MIN
    while True:
        at -= log(1.0 - draw()) / rate if rate > 1e-9 else -STAGE_MIN * 2
        if at >= end:
            return times
        times.append(at)


def _drawn(rng: random.Random, chance: float, length: int) -> list[int]:
    """Which of `length` requests have a property that each has with `chance`: by geometric gaps, for it is rare."""
    if chance >= 1:
        return list(range(length))
    if chance < 1e-12:
        return []
    found: list[int] = []
    place, scale = -1, math.log1p(-chance)
    for _ in count():
        place += 1 + min(length, int(math.log(1.0 - rng.random()) / scale))
        if place >= length:
            break
        found.append(place)
    return found
