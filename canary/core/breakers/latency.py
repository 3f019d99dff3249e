"""The breaker about latency: a route of v2 that takes several times as long as v1's, for a quarter of an hour."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from canary.core.breakers.limits import Limits
from canary.core.judgements import Stage, Trip
from canary.core.values import CANDIDATE, STABLE

WINDOW_S: Final = 300
WINDOWS: Final = 3
LEAST_REQUESTS: Final = 100
LEAST_UNITS: Final = 10
LEFT_OUT: Final = 4
"""Anybody may have a few networks or accounts, whose dear requests must not roll v2 back."""
LATE_S: Final = 60
"""After its end a window is read and written; until then the last one that is known may be the one before."""

type Known = dict[tuple[str, int, int], RouteWindow]


class RouteWindow(NamedTuple):
    """One route of one version in five minutes by the clock, from `start_s` on; written where there is enough to go by.

    `p95_ms` is the median of the p95 of all slices of users, `low_ms` and `high_ms` the least and the most that it is
    when LEFT_OUT of them are left out.
    """

    start_s: int
    api_version: int
    route: str
    requests: int
    units: int
    p95_ms: float
    low_ms: float
    high_ms: float
    is_present: bool = True
    """Whether it is of the stage in force, not of an earlier one."""


def slow_routes(windows: Sequence[RouteWindow], stage: Stage, limits: Limits, now: float) -> Trip | None:
    """Trip by the route of v2 that is slowed down the most, in three windows running."""
    found = sorted(_slowdowns(windows, stage, limits, now), reverse=True)
    if not found:
        return None
    ratio, route, slow, stable = found[0]
    sentence = (
        f"v2 is too slow on {route}: its p95 of the last five minutes is {slow.p95_ms:.0f} ms, {ratio:.1f} times the "
        f"{stable.p95_ms:.0f} ms of {_name(stable)} (rule: {limits.max_slowdown:g} times in {WINDOWS} windows of 5 min "
        f"running with {LEAST_REQUESTS} requests of {LEAST_UNITS} users, whichever {LEFT_OUT} are left out)"
    )
    numbers = {"route": route, "p95_ms": slow.p95_ms, "stable_ms": stable.p95_ms, "ratio": ratio, "routes": len(found)}
    return Trip("latency", sentence, numbers)


def _slowdowns(
    windows: Iterable[RouteWindow], stage: Stage, limits: Limits, now: float
) -> Iterator[tuple[float, str, RouteWindow, RouteWindow]]:
    present: Known = {}
    earlier: Known = {}
    for one in windows:
        if one.requests >= LEAST_REQUESTS and one.units >= LEAST_UNITS:
            (present if one.is_present else earlier)[one.route, one.api_version, one.start_s] = one
    last_s = max((start_s for _, version, start_s in present if version == CANDIDATE), default=0)
    if now - last_s - WINDOW_S > WINDOW_S + LATE_S:
        return
    for route in sorted({route for route, version, start_s in present if (version, start_s) == (CANDIDATE, last_s)}):
        pairs = [
            (present.get((route, CANDIDATE, start_s)), _stable(present, earlier, stage, (route, start_s)))
            for start_s in range(last_s, last_s - WINDOWS * WINDOW_S, -WINDOW_S)
        ]
        if all(slow and stable and slow.low_ms > limits.max_slowdown * stable.high_ms for slow, stable in pairs):
            slow, stable = pairs[0]
            assert slow is not None
            assert stable is not None
            yield slow.p95_ms / stable.p95_ms, route, slow, stable


def _stable(present: Known, earlier: Known, stage: Stage, place: tuple[str, int]) -> RouteWindow | None:
    """Return what v2 is compared with: v1 at the same time, or at 100 % the slowest window before the step."""
    route, start_s = place
    if stage.has_control:
        return present.get((route, STABLE, start_s))
    for version in (CANDIDATE, STABLE):
        known = [one for (name, number, _), one in earlier.items() if (name, number) == (route, version)]
        if known:
            return max(known, key=lambda one: one.high_ms)
    return None


def _name(stable: RouteWindow) -> str:
    return f"v{stable.api_version}{'' if stable.is_present else ' before the step'}"
