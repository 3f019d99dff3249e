"""Real servers: builds beside each other, and a plan that no controller guards."""

import contextlib
import http.client
import re

import pytest

from tests.canary.live.cluster import Cluster, ask_once, eventually
from tests.servers import HOST, Server, manage


def build_and_stage(cluster: Cluster) -> tuple[str, int]:
    told = cluster.canary("status")
    return told["build"], told["stage"]


def verbs(cluster: Cluster) -> list[str]:
    return [event["verb"] for event in reversed(cluster.canary("history")["events"])]


def age_s(server: Server) -> float:
    with contextlib.closing(http.client.HTTPConnection(HOST, server.port, timeout=60)) as connection:
        connection.request("GET", "/metrics")
        text = connection.getresponse().read().decode()
    [found] = re.findall(r"^canary_controller_age_seconds (\S+)$", text, re.MULTILINE)
    return float(found)


@pytest.mark.slow
def test_a_build_is_in_force_from_its_first_process_on_whatever_old_ones_do(cluster: Cluster) -> None:
    cluster.canary("set", "50")
    stage = build_and_stage(cluster)[1]
    with cluster.serving(processes=1, CANARY_BUILD="b1"):
        assert eventually(lambda: build_and_stage(cluster) == ("b1", stage + 1))
        with cluster.serving(processes=1, CANARY_BUILD="b2"):
            assert eventually(lambda: build_and_stage(cluster) == ("b2", stage + 2))
            with cluster.serving(processes=1, CANARY_BUILD="b1") as [again]:
                assert ask_once(again)[0] == 200
                assert eventually(lambda: len(cluster.versions_of_workers()) == 6)
                builds = [worker["build"] for worker in cluster.canary("status")["workers"]]
                assert sorted(builds) == ["b1"] * 4 + ["b2"] * 2
                assert build_and_stage(cluster) == ("b2", stage + 2)
                assert verbs(cluster) == ["set", "build", "build"]
    assert cluster.canary("history", "--verify")["chain"]["is_whole"]


@pytest.mark.slow
def test_processes_of_the_build_before_are_in_force_again_once_the_new_ones_are_gone(cluster: Cluster) -> None:
    cluster.canary("set", "50")
    with cluster.serving(processes=1, CANARY_BUILD="b1"):
        assert eventually(lambda: build_and_stage(cluster)[0] == "b1")
        with cluster.serving(processes=1, CANARY_BUILD="b2"):
            assert eventually(lambda: build_and_stage(cluster)[0] == "b2")
        assert eventually(lambda: build_and_stage(cluster)[0] == "b1")
    assert verbs(cluster) == ["set", "build", "build", "build"]


@pytest.mark.slow
def test_a_plan_that_no_controller_guards_is_told_by_the_servers_once_until_one_is_back(cluster: Cluster) -> None:
    cluster.env |= {"CANARY_UNGUARDED_S": "10"}
    with cluster.serving() as servers:
        cluster.canary("start", "--plan", "10,50")
        assert eventually(lambda: "unguarded" in verbs(cluster))
        assert cluster.canary("status")["controller"]["is_missing"]
        assert {age_s(server) for server in servers} == {float("inf")}
        done = manage("run_canary_controller", "--once", env=cluster.env)
        assert done.returncode == 0, done.stderr
        assert eventually(lambda: "guarded" in verbs(cluster))
        assert verbs(cluster) == ["start", "unguarded", "guarded"]
        assert eventually(lambda: max(age_s(server) for server in servers) < 60)
