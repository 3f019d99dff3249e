"""The four weeks of the original timetable through the proxy, the rollback, and a plan that goes on by itself."""

import time
from dataclasses import dataclass, field
from typing import Final

import httpx
import pytest

from scripts.staging_local.stack import WEBS
from tests.staging.site import Staging, eventually

WEEKS: Final = (10, 50, 90, 100)
CLIENTS: Final = [f"week-{number}" for number in range(300)]
PLAN_CLIENTS: Final = [f"plan-{number}" for number in range(2_400)]
"""A tenth of them is more than the 177 whom a step needs."""


@dataclass
class Walk:
    """Who was answered by which version in which week."""

    weeks: dict[int, dict[str, str]] = field(default_factory=dict)
    again: dict[int, dict[str, str]] = field(default_factory=dict)
    """Asked a second time, each web process a half of them directly."""
    foretold: dict[int, int] = field(default_factory=dict)
    """Reached from the weight before, by explain's own bucket."""


@pytest.fixture(scope="module")
def walk(staging: Staging) -> Walk:
    walk = Walk()
    staging.reset()
    walk.weeks[0] = staging.versions_of(CLIENTS)
    for percent in WEEKS:
        staging.set_weight(percent)
        walk.weeks[percent] = staging.versions_of(CLIENTS)
        halves = [
            staging.versions_of(CLIENTS[number::2], staging.stack.url_of(name)) for number, name in enumerate(WEBS)
        ]
        walk.again[percent] = {**halves[0], **halves[1]}
    staging.reset()
    return walk


def test_before_the_first_week_everybody_is_on_v1(walk: Walk) -> None:
    assert set(walk.weeks[0].values()) == {"1"}


@pytest.mark.parametrize("percent", WEEKS)
def test_a_week_sends_its_share_to_v2(walk: Walk, percent: int) -> None:
    share = 100 * list(walk.weeks[percent].values()).count("2") / len(CLIENTS)
    assert abs(share - percent) <= 9  # the same clients and buckets in every run


@pytest.mark.parametrize("percent", WEEKS)
def test_everybody_gets_the_same_version_again_from_either_process(walk: Walk, percent: int) -> None:
    assert walk.again[percent] == walk.weeks[percent]


def test_nobody_who_came_to_v2_goes_back(walk: Walk) -> None:
    for before, after in zip((0, *WEEKS), WEEKS, strict=False):
        moved = [client for client in CLIENTS if (walk.weeks[before][client], walk.weeks[after][client]) == ("2", "1")]
        assert moved == []


def test_each_answer_is_what_explain_says(walk: Walk, at_rest: Staging) -> None:
    at_rest.set_weight(50)
    for client in CLIENTS[:10]:
        told = at_rest.admin.get("/canary/api/explain", params={"identity": f"client:{client}"}).json()
        assert (str(told["api_version"]), told["reason"]) == (walk.weeks[50][client], "bucket")


def test_what_if_counts_those_who_then_move(at_rest: Staging) -> None:
    clients = [f"whatif-{number}" for number in range(40)]
    before = at_rest.versions_of(clients)

    known = {f"client:{client}" for client in clients}

    def movers(percent: int) -> set[str]:
        told = at_rest.admin.get("/canary/api/whatif", params={"percent": percent}).json()
        return known & set(told["moves"]["to_v2"]["ids"])

    eventually(lambda: movers(100) == known, "all clients are known")
    foretold = movers(50)
    at_rest.set_weight(50)
    after = at_rest.versions_of(clients)
    assert {f"client:{client}" for client in clients if after[client] != before[client]} == foretold


def test_the_rollback_drill(at_rest: Staging) -> None:
    """Rolled back, latched against every other door, and open again after an acknowledgement alone."""
    at_rest.set_weight(90)
    at_rest.canary("rollback", reason="a drill")
    at_rest.await_rollout()
    assert set(at_rest.versions_of(CLIENTS[:60]).values()) == {"1"}
    refused = at_rest.canary("set", code=409, percent=10)
    assert refused["current"]["latched"] is True
    at_rest.canary("start", code=409)
    at_rest.stack.processes.stop("web-2")
    at_rest.stack.more = {**at_rest.stack.more, "API_V2_TRAFFIC_PERCENTAGE": "100"}
    try:
        at_rest.stack.start("web-2")
        at_rest.stack.await_ready("web-2")
        assert set(at_rest.versions_of(CLIENTS[:20], at_rest.stack.url_of("web-2")).values()) == {"1"}
    finally:
        at_rest.stack.more = {
            key: value for key, value in at_rest.stack.more.items() if key != "API_V2_TRAFFIC_PERCENTAGE"
        }
    at_rest.canary("ack")
    assert at_rest.status()["weight_bp"] == 0
    at_rest.set_weight(10)
    assert at_rest.status()["weight_bp"] == 1_000


def test_the_history_tells_of_it_and_its_chain_holds(at_rest: Staging) -> None:
    at_rest.canary("set", percent=25, reason="told in the history")
    history = at_rest.admin.get("/canary/api/history", params={"verify": "true", "limit": 5})
    assert history.status_code == 200
    assert "told in the history" in history.text
    assert not history.json().get("error")


@pytest.mark.slow
def test_the_controller_takes_every_step_of_a_plan_by_itself(at_rest: Staging) -> None:
    """Four steps without a minimum time: what makes it go on is that enough clients were served well on v2."""
    at_rest.canary("start", plan=list(WEEKS), min_minutes=0, accept_low_power=True)
    at_rest.await_rollout()
    requests, deadline = 0, time.monotonic() + 600
    while (weight_bp := at_rest.status()["weight_bp"]) < 10_000 and time.monotonic() < deadline:
        requests += len(at_rest.versions_by_network(PLAN_CLIENTS, "/api/tags?limit=1"))
    at_rest.figures.append(f"a plan of {WEEKS} was at {weight_bp / 100:g} % by itself after {requests} requests")
    assert weight_bp == 10_000
    events = at_rest.admin.get("/canary/api/history", params={"limit": 20}).json()["events"]
    weights = [event["after"]["weight_bp"] for event in events if event["actor"] == "controller"]
    assert list(dict.fromkeys(weights))[:3] == [10_000, 9_000, 5_000]


def test_prometheus_tells_the_weight_and_counts_both_versions(at_rest: Staging) -> None:
    if at_rest.stack.processes.pid("prometheus") is None:
        pytest.skip("prometheus is not installed")
    at_rest.set_weight(50)
    at_rest.versions_of(CLIENTS[:40])
    url = f"{at_rest.stack.url_of('prometheus')}/api/v1/query"

    def values(query: str) -> list[str]:
        return [one["value"][1] for one in httpx.get(url, params={"query": query}, timeout=60).json()["data"]["result"]]

    eventually(lambda: values("canary_weight_bp") == ["5000", "5000"], "both processes tell the weight")
    eventually(
        lambda: len(values('sum by (version) (canary_requests_total{version=~"1|2"})')) == 2, "both versions count"
    )
