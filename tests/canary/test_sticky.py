"""Real decisions of the dispatcher while the weight climbs: nobody goes back, and the shares are as promised."""

import datetime
import math
from collections.abc import Callable

import pytest
from django.http import HttpResponse
from django.test import RequestFactory

from canary import services
from canary.middleware import CanaryMiddleware
from canary.recording import recorder
from canary.state import store

RAMP_BP = (0, 1_000, 5_000, 9_000, 10_000)
REQUESTS_EACH = 2
SIGMAS = 4


class Population:
    """Sticky clients that each ask twice at every weight."""

    def __init__(self, size: int) -> None:
        self._dispatch = CanaryMiddleware(lambda _: HttpResponse())
        self._requests = [RequestFactory().get("/api/x", headers={"x-client-id": f"c{i}"}) for i in range(size)]

    def ask(self) -> list[str]:
        """The version that each got, the same both times."""
        rounds = [[self._version(request) for request in self._requests] for _ in range(REQUESTS_EACH)]
        assert all(answers == rounds[0] for answers in rounds)
        return rounds[0]

    def _version(self, request: object) -> str:
        request.resolver_match = None  # type: ignore[attr-defined]
        return self._dispatch(request).headers["API-Version"]  # type: ignore[arg-type]


def climb(size: int, now: datetime.datetime) -> None:
    population, before = Population(size), ["1"] * size
    for version, weight_bp in enumerate(RAMP_BP):
        words = {"actor": "tester", "reason": "a ramp", "now": now}
        services.set_weight(weight_bp=weight_bp, expected_version=version, **words)  # type: ignore[arg-type]
        store.refresh()
        versions = population.ask()
        assert all(new >= old for old, new in zip(before, versions, strict=True))
        _is_in_the_band(versions.count("2"), size, weight_bp / 10_000)
        store.forget()  # as after a restart of the process
        store.refresh()
        assert population.ask() == versions
        before = versions
        recorder.queue.clear()


def _is_in_the_band(on_v2: int, size: int, share: float) -> None:
    """The binomial band of SIGMAS standard deviations; nothing but 0 and all at the edges."""
    assert abs(on_v2 - size * share) <= SIGMAS * math.sqrt(size * share * (1 - share))


def test_while_the_weight_climbs_nobody_who_reached_v2_gets_v1_again(
    rollout: Callable[..., None], db: None, now: datetime.datetime
) -> None:
    climb(500, now)


@pytest.mark.soak
def test_the_same_over_two_hundred_thousand_requests(
    rollout: Callable[..., None], db: None, now: datetime.datetime
) -> None:
    climb(10_000, now)


def test_another_cohort_is_independent_of_the_one_before(
    rollout: Callable[..., None], db: None, now: datetime.datetime
) -> None:
    size, answers = 2_000, []
    population = Population(size)
    for turn in range(2):
        services.start_plan(
            steps_bp=[5_000], min_s=0, is_fresh_cohort=turn == 1, actor="t", reason="t", expected_version=turn, now=now
        )
        store.refresh()
        answers.append(population.ask())
    _is_in_the_band(sum(first == second for first, second in zip(*answers, strict=True)), size, 0.5)
