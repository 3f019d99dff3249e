"""What is wanted of the figures, as data, and how a round's figures are held against it. Knows nothing of servers."""

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from tests.bench.load import Load

READS: Final = ("post_get", "post_list", "tag_list")
PASSWORDS: Final = ("register", "login")
ENDPOINTS: Final = (*READS, "search", "create", "edit", *PASSWORDS, "mixed")
SIDES: Final = ("v1", "v2 cold", "v2 warm", "v2", "drf", "empty")
"""What is measured, as it is shown: v2's reads are warm or cold, its writes neither."""
CANARY_MAX_US: Final = 15
LOADED_SHARE: Final = 0.8
"""Of saturation, at which the slowest answers are looked at."""


@dataclass(frozen=True)
class Measured:
    """What one server did at one endpoint in one round."""

    load: Load
    """With several connections, each as fast as it is answered."""
    cpu_ms: float
    """Of the server, a request."""
    unloaded: Load
    """With one connection."""
    paced: Load | None = None
    """At LOADED_SHARE of the rate of `load`."""
    database_cpu_ms: float | None = None
    """Of PostgreSQL, all of its processes, a request; None for one that was not started here."""
    queued: Load | None = None
    """With several connections, of what is loaded with one."""


type Round = Mapping[tuple[str, str], Measured]
"""By endpoint and side."""


@dataclass(frozen=True)
class Target:
    """A figure that is taken inside each round, and the bound that its median keeps; without a bound it is shown."""

    name: str
    sides: tuple[tuple[str, str], ...]
    figure: Callable[..., float]
    """Of the sides' measurements."""
    at_least: float | None = None
    at_most: float | None = None


def side_of(server: str, cache: str, endpoint: str) -> str:
    """v2's reads are warm or cold; its writes are neither."""
    return server if cache == "none" or endpoint not in (*READS, "search") else f"{server} {cache}"


def _rate(one: Measured, other: Measured) -> float:
    return one.load.requests_per_s / other.load.requests_per_s


def _p50(one: Measured, other: Measured) -> float:
    return one.load.percentile_ms(50) / other.load.percentile_ms(50)


def _p50_ms(one: Measured) -> float:
    return one.load.percentile_ms(50)


def _queued_p50_ms(one: Measured) -> float:
    assert one.queued is not None
    return one.queued.percentile_ms(50)


def _tail(one: Measured) -> float:
    assert one.paced is not None
    return one.paced.percentile_ms(99) / one.paced.percentile_ms(50)


def _ratio(endpoint: str, side: str, other: str, at_least: float | None = None) -> Target:
    return Target(f"{endpoint} {side}/{other}", ((endpoint, side), (endpoint, other)), _rate, at_least)


def _targets() -> tuple[Target, ...]:
    warm_to_drf = {"post_get": 8, "post_list": 15, "tag_list": 8}
    cold_to_drf = {"post_get": 4, "post_list": 3.5, "tag_list": 5}
    return (
        *(_ratio(name, "v2 warm", "v1", 3) for name in READS),
        *(Target(f"{name} v2 warm/v1 p50", ((name, "v2 warm"), (name, "v1")), _p50, at_most=1 / 3) for name in READS),
        *(_ratio(name, "v2 cold", "v1") for name in (*READS, "search")),
        _ratio("post_get", "v2 warm", "empty", 0.6),
        *(_ratio(name, "v2 warm", "drf", bound) for name, bound in warm_to_drf.items()),
        *(_ratio(name, "v2 cold", "drf", bound) for name, bound in cold_to_drf.items()),
        *(_ratio(name, "v1", "drf", 1) for name in ENDPOINTS),
        _ratio("create", "v2", "drf", 2.5),
        *(_ratio(name, "v2", "drf") for name in ("edit", *PASSWORDS, "mixed")),
        *(
            Target(f"{name} {side} p50 ms", ((name, side),), _p50_ms, at_most=50)
            for name in PASSWORDS
            for side in ("v1", "v2")
        ),
        *(
            Target(f"{name} {side} p50 ms, 8 connections", ((name, side),), _queued_p50_ms, at_most=50)
            for name in PASSWORDS
            for side in ("v1", "v2")
        ),
        *(
            Target(f"{name} {side} p99/p50 at 80 %", ((name, side),), _tail, at_most=10)
            for name in (*READS, "search")
            for side in ("v2 warm", "v2 cold")
        ),
    )


TARGETS: Final = _targets()


def ratios(rounds: Sequence[Round], canary_us: float | None = None) -> dict[str, dict[str, Any]]:
    """Each target that the rounds say something of: median, least and greatest, the bound and whether it is kept."""
    found = {}
    for target in TARGETS:
        if all(key in rounds[0] for key in target.sides):
            figures = [target.figure(*(each[key] for key in target.sides)) for each in rounds]
            found[target.name] = judged(figures, target.at_least, target.at_most)
    if canary_us is not None:
        found["canary µs a request"] = judged([canary_us], at_most=CANARY_MAX_US)
    return found


def judged(figures: Sequence[float], at_least: float | None = None, at_most: float | None = None) -> dict[str, Any]:
    median = statistics.median(figures)
    is_kept = (at_least is None or median >= at_least) and (at_most is None or median <= at_most)
    return {
        "median": median,
        "min": min(figures),
        "max": max(figures),
        "target": at_most if at_least is None else at_least,
        "bound": "" if at_least is None and at_most is None else "<=" if at_least is None else ">=",
        "ok": is_kept,
    }
