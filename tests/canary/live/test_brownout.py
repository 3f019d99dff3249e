"""Brownouts in server processes: a window begins in all of them by itself, and ends in all within 2 s of one command."""

import datetime
import time

import httpx
import pytest

from tests.canary.headers import parse_http_date, parse_structured_date
from tests.canary.live.cluster import Cluster, ask_once, eventually
from tests.servers import Server

WITHIN_S = 2.0
PATH = "/api/v1/posts"


def after(**times: float) -> str:
    return (datetime.datetime.now(datetime.UTC) + datetime.timedelta(**times)).isoformat()


def statuses(servers: list[Server], path: str = PATH) -> set[int]:
    """On connections of their own, so that each may meet another worker."""
    return {ask_once(server, path=path)[0] for server in servers for _ in range(4)}


@pytest.mark.parametrize("cluster", ["redis"], indirect=True)
def test_a_window_begins_by_itself_and_ends_by_one_command_everywhere(cluster: Cluster) -> None:
    with cluster.serving() as servers:
        cluster.canary("lifecycle", "deprecate", "--sunset", after(hours=2), "--override")
        assert statuses(servers) == {200}
        added = cluster.canary("lifecycle", "brownout", "add", after(seconds=3), after(hours=1), "--override")
        assert added["lifecycle"] == "brownout"
        assert eventually(lambda: statuses(servers) == {410})
        _refuses_as_it_should(servers[0])
        assert statuses(servers, "/api/posts") == {200}

        cluster.canary("lifecycle", "brownout", "end")
        ended_at = time.monotonic()
        assert eventually(lambda: statuses(servers) == {200})
        waited_s = time.monotonic() - ended_at
        print(f"v1 answered everywhere {waited_s:.2f} s after the command")
        assert waited_s < WITHIN_S


def _refuses_as_it_should(server: Server) -> None:
    refused = httpx.get(f"{server.base_url}{PATH}?limit=2")
    assert refused.headers["cache-control"] == "no-store"
    assert parse_http_date(refused.headers["sunset"]) >= parse_structured_date(refused.headers["deprecation"])
    assert httpx.get(refused.json()["equivalent"]["url"]).status_code == 200
