"""Two servers while the weight climbs: whoever reached v2 stays there, over a restart too, and the shares are as promised."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.canary.live.cluster import Cluster
from tests.canary.live.people import make_people
from tests.canary.live.visitors import Visitor, all_ask, band, make_visitors
from tests.stalls import fair_time

RAMP = (0, 10, 50, 90, 100)
RESTART_AFTER = 50
ROUNDS = 2
"""Of everybody, at each weight."""
EAGER = 60
"""So many ask while the weight changes too."""
WITHIN_S = 2.0
USERS = 100


@pytest.mark.slow
@pytest.mark.parametrize("requests", [5_000, pytest.param(200_000, marks=pytest.mark.soak)])
def test_while_the_weight_climbs_nobody_who_reached_v2_gets_v1_again(cluster: Cluster, requests: int) -> None:
    visitors = make_visitors(requests // (ROUNDS * len(RAMP)), make_people(cluster.env, "subscriber", USERS))
    for ramp in (RAMP[: RAMP.index(RESTART_AFTER) + 1], RAMP[RAMP.index(RESTART_AFTER) + 1 :]):
        with cluster.serving(GUNICORN_CMD_ARGS="--preload") as servers:  # two of them start in half the time
            ports = [server.port for server in servers]
            _nobody_moves(visitors, ports)
            for percent in ramp:
                _climb(cluster, visitors, ports, percent)
    assert sum(len(visitor.versions) for visitor in visitors) >= requests


def _nobody_moves(visitors: list[Visitor], ports: list[int]) -> None:
    """Before the first change everybody is on v1; after a restart everybody is where they were."""
    before = [visitor.versions[-1] if visitor.versions else "1" for visitor in visitors]
    all_ask(visitors, ports)
    assert [visitor.versions[-1] for visitor in visitors] == before


def _climb(cluster: Cluster, visitors: list[Visitor], ports: list[int], percent: int) -> None:
    version = _change_while_some_ask(cluster, visitors[:: len(visitors) // EAGER], ports, percent)
    assert cluster.are_at(version)
    for _ in range(ROUNDS):
        all_ask(visitors, ports)
    assert [visitor for visitor in visitors if visitor.was_sent_back] == []
    on_v2 = sum(visitor.versions[-1] == "2" for visitor in visitors)
    expected = band(len(visitors), percent / 100)
    print(f"{percent} %: {on_v2} of {len(visitors)} on v2, between {expected.start} and {expected.stop - 1} expected")
    assert on_v2 in expected


def _change_while_some_ask(cluster: Cluster, eager: list[Visitor], ports: list[int], percent: int) -> int:
    """Each many times a second, of four workers that don't hear of the change together, until the promised time is over."""
    with ThreadPoolExecutor(1) as pool:
        changed = pool.submit(cluster.canary, "set", str(percent))
        while not changed.done():
            all_ask(eager, ports)
    over_at = fair_time() + WITHIN_S
    while fair_time() < over_at:
        all_ask(eager, ports)
    version: int = changed.result()["version"]
    return version
