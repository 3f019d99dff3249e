"""Shadow reads where they happen: in the background of several real server processes."""

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import httpx
import psycopg
import pytest

from tests.databases import copied_database, process_env
from tests.servers import manage, serve
from tests.slow import slow

PATHS = ("/posts?limit=5", "/tags", "/categories", "/search?q=the", "/search/suggest?prefix=a", "/info")
READS = 30
PAUSE_S = 0.5
"""Between the rounds: also on a slow machine reads wait in the queue for less long than until it is full."""


@pytest.fixture(params=["postgresql", slow("sqlite")])
def database_url(request: pytest.FixtureRequest, template_of: Callable[[str], str], tmp_path: Path) -> Iterator[str]:
    with copied_database(template_of(request.param), tmp_path) as url:
        seeded = manage("seed", env=process_env(url))
        assert seeded.returncode == 0, seeded.stderr
        yield url


def counts(url: str) -> dict[str, int]:
    statement = "SELECT result, sum(count) FROM canary_shadowtotal GROUP BY result"
    if url.startswith("sqlite"):
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection:
            return dict(connection.execute(statement).fetchall())
    with psycopg.connect(url) as connection:
        return {result: int(count) for result, count in connection.execute(statement).fetchall()}


@pytest.mark.slow
def test_two_workers_repeat_what_they_have_answered_and_add_up_what_they_found(database_url: str) -> None:
    env = process_env(database_url, CANARY_SHADOW_PERCENTAGE="100", CANARY_SHADOW_CPU_PERCENTAGE="50")
    found: dict[str, int] = {}
    deadline = time.monotonic() + 180
    with serve(env, workers=2) as server:
        while sum(found.values()) < READS and time.monotonic() < deadline:
            for path in PATHS:  # each on a connection of its own, so that both workers answer
                assert httpx.get(f"{server.base_url}/api/v1{path}", timeout=60).status_code == 200
            time.sleep(PAUSE_S)
            found = counts(database_url)
    assert found.keys() == {"equal"}
    assert sum(found.values()) >= READS
