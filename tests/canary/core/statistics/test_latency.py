"""Routes that one version lacks, or is used less on: their latencies say nothing against either version."""

import random
from collections.abc import Iterator

import pytest

from canary.core.statistics import Observed
from tests.canary.core.statistics.streams import evidence_of, seen
from tests.slow import slow

STEPS_BP = (1_000, 5_000, 9_000)


def alarms(streams: Iterator[list[Observed]]) -> int:
    return sum(evidence_of(stream).comparison.is_alarm for stream in streams)


def polled(rng: random.Random, identities: int) -> list[Observed]:
    """A route that v2 lacks, at 50 %: whoever is on v2 gets a 404 there, which is no latency."""
    return [seen("latency", n, 1, weight_bp=5_000, value=rng.gauss(3, 0.4)) for n in range(identities)]


def release_with_pollers(rng: random.Random, pollers: int) -> list[Observed]:
    """Identical versions at 10, 50 and 90 %: 400 users of a route of both, and pollers of one that v2 lacks."""
    buckets = [rng.randrange(10_000) for _ in range(400 + pollers)]
    stream = []
    for stage, weight_bp in enumerate(STEPS_BP):
        for n in rng.sample(range(len(buckets)), len(buckets)):
            version, is_poller = 1 + (buckets[n] < weight_bp), n >= 400
            if not (is_poller and version == 2):
                route = "GET /reports" if is_poller else "GET /posts"
                place = {"stage": stage, "weight_bp": weight_bp, "route": route}
                stream.append(seen("latency", n, version, value=rng.gauss(3, 0.4), **place))
    return stream


@pytest.mark.parametrize("identities", [60, slow(100), slow(170)])
def test_a_route_without_a_single_request_of_v2_is_no_evidence(identities: int) -> None:
    assert alarms(polled(random.Random(f"a {n}"), identities) for n in range(100)) == 0


@pytest.mark.parametrize("identities", [60, slow(100), slow(170)])
def test_a_route_that_v2_was_seen_on_once_is_hardly_ever_mistaken_for_harm(identities: int) -> None:
    """100 at 1.25 %, the share of latency: P(more than 5) = 0.2 %."""
    stray = seen("latency", "a stray", 2, weight_bp=5_000, value=3.0)
    assert alarms([stray, *polled(random.Random(f"b {n}"), identities)] for n in range(100)) <= 5


def test_a_route_of_v1_that_becomes_quicker_says_nothing_of_v2() -> None:
    stream = [seen("latency", n, 1, weight_bp=5_000, value=5 - n / 100) for n in range(300)]
    assert evidence_of(stream).comparison.latency.bets == 0


@pytest.mark.parametrize("pollers", [60, slow(200)])
def test_identical_versions_with_pollers_of_a_route_of_v1_rarely_alarm(pollers: int) -> None:
    """60 at 1.25 %: P(more than 4) = 0.1 %."""
    assert alarms(release_with_pollers(random.Random(f"c {n}"), pollers) for n in range(60)) <= 4
