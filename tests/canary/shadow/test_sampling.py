"""Which reads are repeated: a share of either version's, each route now and then, and fairly what failed or was refused."""

from collections.abc import Callable
from typing import Any

import pytest
from django.http import HttpResponse, StreamingHttpResponse
from django.test import RequestFactory
from django.urls import ResolverMatch

from canary.core.values import Decision, Identity, Snapshot
from canary.shadow.sampling import A_MINUTE, A_NETWORK, Choice, Quota, Sampler

Rollout = Callable[..., None]
IDENTITY = Identity("client", "c")


def snapshot(weight_bp: int = 1_000) -> Snapshot:
    return Snapshot(version=1, weight_bp=weight_bp, salt="s")


def of_bucket(place: int, weight_bp: int = 1_000) -> Decision:
    return Decision(2 if place < weight_bp else 1, "bucket", IDENTITY, place)


ON_V1 = of_bucket(1_500)


def chosen(
    sampler: Sampler,
    status: int = 200,
    decision: Decision = ON_V1,
    *,
    weight_bp: int = 1_000,
    route: str = "",
    method: str = "GET",
    **meta: Any,
) -> tuple[Choice, ...]:
    request = RequestFactory().generic(method, "/api/posts", **meta)
    if route:
        request.resolver_match = ResolverMatch(lambda: None, (), {}, route=route)
    return sampler.choose(request, HttpResponse(status=status), decision, snapshot(weight_bp))


@pytest.mark.parametrize("status", [200, 304, 404, 500, 503])
@pytest.mark.parametrize("decision", [of_bucket(1_500), of_bucket(500), Decision(2, "pinned"), Decision(1, "header")])
def test_a_share_of_either_version_is_taken_whatever_was_answered(
    rollout: Rollout, status: int, decision: Decision
) -> None:
    rollout(SHADOW_BP=10_000)
    assert Choice.SHARE in chosen(Sampler(), status, decision)


@pytest.mark.parametrize("other", [{"method": "POST"}, {"method": "HEAD"}, {"HTTP_COOKIE": "sessionid=x"}])
def test_all_but_reads_without_a_session_is_left_alone(rollout: Rollout, other: dict[str, Any]) -> None:
    rollout(SHADOW_BP=10_000)
    assert chosen(Sampler(), **other) == ()


def test_neither_are_streams_repeated_nor_anything_at_a_share_of_zero(rollout: Rollout) -> None:
    rollout(SHADOW_BP=10_000)
    request = RequestFactory().get("/api/posts")
    assert Sampler().choose(request, StreamingHttpResponse(), of_bucket(500), snapshot()) == ()
    rollout(SHADOW_BP=0)
    assert chosen(Sampler(), 404, of_bucket(500), route="r") == ()


def test_each_route_of_each_version_is_taken_once_in_a_while_however_small_the_share(rollout: Rollout) -> None:
    rollout(SHADOW_BP=1)
    sampler = Sampler()
    asked = [(route, place) for _ in range(3) for route in ("a", "b") for place in (500, 1_500)]
    taken = [(route, place) for route, place in asked if chosen(sampler, decision=of_bucket(place), route=route)]
    assert taken == asked[:4]  # another one of the eight by the share, once in a thousand runs


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 429])
def test_of_refusals_only_those_of_v2_are_repeated_and_so_many_a_minute(rollout: Rollout, status: int) -> None:
    rollout(SHADOW_BP=1)
    sampler = Sampler()
    asked = [f"198.51.{n}.7" for n in range(2 * A_MINUTE)]
    taken = [chosen(sampler, status, of_bucket(500), REMOTE_ADDR=address) for address in asked]
    assert A_MINUTE <= sum(Choice.REFUSED in choices for choices in taken) <= 2 * A_MINUTE  # a minute may end meanwhile
    assert chosen(Sampler(), status, of_bucket(1_500)) == ()
    assert chosen(Sampler(), status, Decision(2, "pinned")) == chosen(Sampler(), status, Decision(2, "header")) == ()


@pytest.mark.parametrize(
    ("weight_bp", "of_v1", "of_v2"),
    [(0, 0, 0), (1_000, 1_000, 1_000), (5_000, 5_000, 5_000), (9_000, 1_000, 1_000), (10_000, 0, 0)],
)
def test_of_what_failed_as_many_identities_of_either_version_are_taken(
    rollout: Rollout, weight_bp: int, of_v1: int, of_v2: int
) -> None:
    rollout(SHADOW_BP=1)
    counts = {1: 0, 2: 0}
    for place in range(0, 10_000, 100):
        decision = of_bucket(place, weight_bp)
        counts[decision.api_version] += Choice.FAILED in chosen(Sampler(), 500, decision, weight_bp=weight_bp)
    assert counts == {1: of_v1 // 100, 2: of_v2 // 100}


def test_what_another_version_answered_in_its_place_failed_too(rollout: Rollout) -> None:
    rollout(SHADOW_BP=1)
    assert chosen(Sampler(), 200, Decision(1, "failover", IDENTITY, 500)) == (Choice.FAILED,)
    assert chosen(Sampler(), 200, Decision(1, "overflow", IDENTITY, 500)) == ()


def test_what_both_versions_share_is_away_and_no_failure(rollout: Rollout) -> None:
    rollout(SHADOW_BP=1, IS_AWAY="tests.canary.shadow.test_sampling.is_away")
    assert chosen(Sampler(), 503, of_bucket(500)) == ()
    assert chosen(Sampler(), 500, of_bucket(500)) == (Choice.FAILED,)


def is_away(response: HttpResponse) -> bool:
    return response.status_code == 503


def test_a_quota_is_full_again_with_the_next_minute() -> None:
    quota = Quota(3, 2)
    assert [quota.take("n", at) for at in (0.0, 1.0, 59.0, 60.0, 61.0, 62.0)] == [True, True, False, True, True, False]


@pytest.mark.parametrize(("networks", "left"), [(1, 50), (6, 8), (12, 4), (30, 1)])
def test_however_many_networks_want_all_of_a_quota_some_is_left_to_another(networks: int, left: int) -> None:
    """Six of ten each took all sixty, and a wrong refusal of v2 was never looked at."""
    quota = Quota(A_MINUTE, A_NETWORK)
    for turn in range(A_MINUTE * networks):
        quota.take(f"network {turn % networks}", 0.0)
    assert sum(quota.take(f"user {number}", 0.0) for number in range(A_MINUTE)) >= left


def test_one_network_leaves_most_of_a_quota_to_others(rollout: Rollout) -> None:
    rollout(SHADOW_BP=1)
    sampler = Sampler()
    crawler = [chosen(sampler, 404, of_bucket(500), REMOTE_ADDR="203.0.113.9") for _ in range(5 * A_MINUTE)]
    assert sum(Choice.REFUSED in choices for choices in crawler) <= 2 * A_NETWORK  # a minute may end meanwhile
    assert Choice.REFUSED in chosen(sampler, 404, of_bucket(500), REMOTE_ADDR="198.51.100.9")
