"""Two servers of one rollout: many changes at once, a log that tells of tampering, and brownouts that end everywhere."""

import datetime
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import psycopg
import pytest

from tests.canary.headers import parse_http_date, parse_structured_date
from tests.canary.live.cluster import Cluster, ask_once, eventually
from tests.canary.live.people import make_people
from tests.servers import Server

AT_ONCE = 20
WITHIN_S = 2.0
PATH = "/api/v1/posts"


@pytest.fixture(scope="module")
def token(shared_cluster: Cluster) -> str:
    [admin] = make_people(shared_cluster.env, "admin", 1)
    return admin.token


@pytest.mark.slow
def test_of_twenty_changes_through_two_servers_one_wins_and_the_rest_are_told_the_state(
    shared_cluster: Cluster, servers: list[Server], token: str
) -> None:
    known = shared_cluster.canary("status")["version"]

    def change(number: int) -> httpx.Response:
        address = f"{servers[number % len(servers)].base_url}/canary/api/set"
        body = {"percent": str(number + 1), "reason": "a race", "expected_version": known}
        return httpx.post(address, json=body, headers={"Authorization": f"Bearer {token}"}, timeout=60)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        answers = [*pool.map(change, range(AT_ONCE))]
    [won] = [answer.json() for answer in answers if answer.status_code == 200]
    lost = [answer.json() for answer in answers if answer.status_code == 409]
    assert len(lost) == AT_ONCE - 1
    assert {(one["current"]["version"], one["current"]["weight_bp"]) for one in lost} == {(known + 1, won["weight_bp"])}
    assert len(shared_cluster.canary("history")["events"]) == known + 1


@pytest.mark.slow
def test_one_changed_row_of_the_log_is_found(shared_cluster: Cluster, servers: list[Server]) -> None:
    for percent in ("1", "2", "3"):
        version = shared_cluster.canary("set", percent)["version"]
    assert shared_cluster.canary("history", "--verify")["chain"]["is_whole"]
    with psycopg.connect(shared_cluster.env["DATABASE_URL"], autocommit=True) as database:
        change = "UPDATE canary_rolloutevent SET reason = %s WHERE version = %s"
        database.execute(change, ["nothing special", version - 1])
        found = shared_cluster.canary("history", "--verify", code=1)
        database.execute(change, ["a test", version - 1])
    assert (found["chain"]["is_whole"], found["chain"]["broken_at"]) == (False, version - 1)
    assert shared_cluster.canary("history", "--verify")["chain"]["is_whole"]


def after(**times: float) -> str:
    return (datetime.datetime.now(datetime.UTC) + datetime.timedelta(**times)).isoformat()


def statuses(servers: list[Server], path: str = PATH) -> set[int]:
    """On connections of their own, so that each may meet another worker."""
    return {ask_once(server, path=path)[0] for server in servers for _ in range(4)}


@pytest.mark.slow
def test_a_window_begins_by_itself_and_ends_by_one_command_everywhere(
    shared_cluster: Cluster, servers: list[Server]
) -> None:
    shared_cluster.canary("lifecycle", "deprecate", "--sunset", after(hours=2), "--override")
    assert statuses(servers) == {200}
    added = shared_cluster.canary("lifecycle", "brownout", "add", after(seconds=3), after(hours=1), "--override")
    assert added["lifecycle"] == "brownout"
    assert eventually(lambda: statuses(servers) == {410})
    _refuses_as_it_should(servers[0])
    assert statuses(servers, "/api/posts") == {200}

    version = shared_cluster.canary("lifecycle", "brownout", "end")["version"]
    ended_at = time.monotonic()
    assert eventually(lambda: shared_cluster.are_at(version) and statuses(servers) == {200}, within_s=WITHIN_S)
    print(f"v1 answered everywhere {time.monotonic() - ended_at:.2f} s after the command")


def _refuses_as_it_should(server: Server) -> None:
    refused = httpx.get(f"{server.base_url}{PATH}?limit=2", timeout=60)
    assert refused.headers["cache-control"] == "no-store"
    assert parse_http_date(refused.headers["sunset"]) >= parse_structured_date(refused.headers["deprecation"])
    assert httpx.get(refused.json()["equivalent"]["url"], timeout=60).status_code == 200
