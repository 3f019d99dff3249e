"""A statement of a web request that takes too long ends, and the answer is a 503. Nothing but requests is cut short."""

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, LiteralString

import httpx
import psycopg
import pytest
from psycopg.sql import SQL, Identifier

from tests.databases import copied_database, process_env
from tests.faults.crowd import Told, is_refusal_in_shape
from tests.servers import Server, manage, serve
from tests.slow import slow_unless

LIMIT_S = 1
LONGER_S = 2.5
UNLIMITED = dict.fromkeys(("RATE_LIMIT_ANONYMOUS", "RATE_LIMIT_LOGIN"), "0")


@dataclass
class Site:
    url: str
    env: dict[str, str]
    server: Server

    @contextlib.contextmanager
    def locked(self, table: str) -> Iterator[None]:
        """Whoever reads or writes the table waits until the block ends."""
        with psycopg.connect(self.url) as holder:
            holder.execute(SQL("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE").format(Identifier(table)))
            yield

    def ask(self, method: str, path: str, **more: Any) -> Told:
        with httpx.Client(base_url=self.server.base_url, timeout=60) as http:
            began_at = time.monotonic()
            answer = http.request(method, path, **more)
            kind = "page" if path.startswith("/admin") else path
            return Told(kind, began_at, time.monotonic() - began_at, answer)


@pytest.fixture(scope="module")
def site(template_of: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with copied_database(template_of("postgresql"), tmp_path_factory.mktemp("statements")) as url:
        env = process_env(url, DATABASE_STATEMENT_TIMEOUT_S=str(LIMIT_S), PUBLIC_CACHE_MB="0", **UNLIMITED)
        with serve(env) as server:
            yield Site(url, env, server)


SESSION = {"Cookie": f"sessionid={32 * '0'}"}
LOGIN = {"email": "mia@example.org", "password": "a password"}
REQUESTS = [
    ("GET", "/api/v1/posts", "cms_post", {}, 200),
    ("GET", "/api/v2/posts", "cms_post", {}, 200),
    ("GET", "/api/posts", "cms_post", {}, 200),
    ("POST", "/api/v1/auth/login", "cms_user", {"json": LOGIN}, 401),
    ("POST", "/api/v2/auth/token", "cms_user", {"json": LOGIN}, 401),
    ("GET", "/admin/", "cms_browsersession", {"headers": SESSION}, 302),
]
QUICK = {"/api/posts", "/api/v2/auth/token", "/admin/"}


@pytest.mark.parametrize(
    ("method", "path", "table", "more", "usual"),
    [slow_unless(each[1] in QUICK, *each) for each in REQUESTS],
    ids=[each[1] for each in REQUESTS],
)
def test_a_request_whose_statement_takes_too_long_gets_a_503_in_its_shape(
    site: Site, method: str, path: str, table: str, more: dict[str, Any], usual: int
) -> None:
    with site.locked(table):
        told = site.ask(method, path, **more)
    assert is_refusal_in_shape(told), told.answer.text
    assert told.took_s >= LIMIT_S
    assert site.ask(method, path, **more).status == usual


@pytest.mark.slow
def test_a_command_takes_the_time_that_it_needs(site: Site) -> None:
    code = f"from django.db import connection; connection.cursor().execute('SELECT pg_sleep({LONGER_S})')"
    assert manage("shell", "-v0", "--no-imports", "-c", code, env=site.env).returncode == 0


@pytest.mark.slow
def test_what_a_server_writes_beside_its_requests_waits_for_as_long_as_it_takes(site: Site) -> None:
    with psycopg.connect(site.url, autocommit=True) as database:
        [before] = _row(database, RECORDED)
        with site.locked("canary_metricbucket"):
            assert site.ask("GET", "/api/v1/posts").status == 200
            _wait_until(lambda: _row(database, WAITING, f"{LONGER_S} seconds") >= (1,))
        _wait_until(lambda: _row(database, RECORDED)[0] > before)
    assert "canary fault" not in site.server.log


RECORDED = "SELECT coalesce(sum(requests), 0) FROM canary_metricbucket"
WAITING = """
    SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND wait_event_type = 'Lock' AND now() - query_start > %s
"""


def _row(database: psycopg.Connection[Any], statement: LiteralString, *values: str) -> Any:
    return database.execute(statement, values).fetchone()


def _wait_until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.05)
