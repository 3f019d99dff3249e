"""One web process behind a PgBouncer in transaction mode, where two connections to PostgreSQL serve all of its threads."""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import psycopg
import pytest

from cms.db.postgresql.connection import CANCEL_S
from cms.db.postgresql.watch import LOOK_EVERY_S
from scripts.staging_local import stores
from scripts.staging_local.stack import ADMIN
from tests.servers import HOST, Server, clean_environment, free_port, serve, spawn, stop_process
from tests.slow import slow_unless
from tests.staging.site import Staging

SITEMAP, EXPORT = "/api/v2/sitemap.xml", "/admin/cms/auditevent/export/"
LISTS = ("/api/v2/posts?limit=3", "/api/v2/tags", "/api/posts?limit=1")
SETTINGS = """\
[databases]
{database} = host={host} port={port} dbname={database} user={user} password={password}
[pgbouncer]
listen_addr = {host}
listen_port = {listen}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = 2
max_prepared_statements = {prepared}
ignore_startup_parameters = extra_float_digits
"""


ROUTERS = {
    # How many prepared statements it tracks, and what we are told of it.
    "keeps plans": (200, "true"),
    "knows no plans": (0, "false"),
    "knows no plans, and nobody says so": (0, "true"),
}


@pytest.fixture(params=[slow_unless(name == "keeps plans", name) for name in ROUTERS])
def behind_pgbouncer(staging: Staging, request: pytest.FixtureRequest) -> Iterator[Server]:
    program = shutil.which("pgbouncer", path=f"{os.environ['PATH']}:/usr/sbin")
    if program is None:
        if os.environ.get("REQUIRE_SERVICES", "").lower() in ("1", "true"):
            pytest.fail("pgbouncer was not found. Debian: apt-get install pgbouncer")
        pytest.skip("pgbouncer was not found. Debian: apt-get install pgbouncer")
    tracked, prepares = ROUTERS[request.param]
    port, password, credentials = free_port(), staging.stack.secrets["POSTGRES_PASSWORD"], staging.stack.credentials
    with tempfile.TemporaryDirectory(prefix="tandem-pgbouncer-") as folder:
        Path(folder).chmod(0o711)
        (file := Path(folder) / "pgbouncer.ini").write_text(
            SETTINGS.format(
                database=stores.DATABASE,
                user=stores.USER,
                password=password,
                host=HOST,
                port=staging.stack.ports["postgres"],
                listen=port,
                prepared=tracked,
            )
        )
        router = spawn([program, str(file)], log=Path(folder) / "log", cwd=Path(folder), credentials=credentials)
        try:
            await_router(router, port, Path(folder) / "log")
            env = staging.stack.environment("web-1") | {
                "DATABASE_URL": stores.database_url(password, port),
                "DATABASE_PREPARE": prepares,
                "PUBLIC_CACHE_MB": "0",
                "DATABASE_STATEMENT_TIMEOUT_S": "3",
            }
            with serve(clean_environment(env), threads=8) as server:
                yield server
        finally:
            stop_process(router)


def await_router(router: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            psycopg.connect(host=HOST, port=port, user=stores.USER, dbname=stores.DATABASE, connect_timeout=2).close()
        except psycopg.OperationalError:
            assert router.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.05)
        else:
            return


FIELDS = ("slug,title", "title,slug", "slug,excerpt,title", "content,title,slug")


def test_reads_and_writes_of_many_threads_share_two_connections(behind_pgbouncer: Server, staging: Staging) -> None:
    """Each answer is looked at: another client's statement under the same name would give a 200 with other columns."""
    headers = {"X-API-Key": staging.author_key}

    def visit(number: int) -> list[object]:
        with httpx.Client(base_url=behind_pgbouncer.base_url, timeout=60) as client:
            made = client.post("/api/v2/posts", json={"title": f"Routed {number}", "content": "Text."}, headers=headers)
            post = made.json()
            published = client.post(f"/api/v2/posts/{post['slug']}/actions/publish", headers=headers)
            wrong: list[object] = [answer.text for answer in (made, published) if not answer.is_success]
            for turn in range(16):
                fields, name = FIELDS[(number + turn) % len(FIELDS)], post["slug" if turn % 2 else "id"]
                read = client.get(f"/api/v2/posts/{name}?fields={fields}")
                if read.status_code != 200 or [read.json()[key] for key in ("slug", "title")] != [
                    post["slug"],
                    post["title"],
                ]:
                    wrong.append(read.text)
                wrong += [answer.text for answer in map(client.get, LISTS) if answer.status_code != 200]
            return wrong

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(visit, range(16))) == [[]] * 16


def test_long_answers_are_read_whole_by_many_threads(behind_pgbouncer: Server, staging: Staging) -> None:
    """Their rows come in pieces, and the router may give the session to somebody else in between."""
    with httpx.Client(base_url=behind_pgbouncer.base_url, timeout=60) as client:
        signed_in = sign_in(client, staging)

        def in_turn(path: str, headers: dict[str, str]) -> httpx.Response:
            """Ask until it is our turn: a process sends one export at a time."""
            deadline = time.monotonic() + 60
            while True:
                answer = client.get(path, headers=headers)
                if answer.status_code != 503 or time.monotonic() > deadline:
                    return answer
                time.sleep(0.02)

        def visit(number: int) -> list[object]:
            export = number % 2 == 0
            path, end = (EXPORT, "\r\n") if export else (SITEMAP, "</urlset>\n")
            answers = [in_turn(path, {"Cookie": signed_in} if export else {}) for _ in range(6)]
            return [a.text[-500:] for a in answers if a.status_code != 200 or not a.text.endswith(end)]

        with ThreadPoolExecutor(8) as pool:
            assert list(pool.map(visit, range(8))) == [[]] * 8


@pytest.mark.parametrize("behind_pgbouncer", ["keeps plans"], indirect=True)
def test_statements_that_take_too_long_end_while_the_router_lets_nobody_through(
    behind_pgbouncer: Server, staging: Staging
) -> None:
    """They keep both connections, so that the router answers a login and no statement after it.

    A request's first statements may wait in the router for those before it, so six of them end in three pairs.
    """
    limit_s, pairs = 3, 3
    url = stores.database_url(staging.stack.secrets["POSTGRES_PASSWORD"], staging.stack.ports["postgres"])

    def ask(path: str) -> tuple[int, float]:
        began_at = time.monotonic()
        status = httpx.get(f"{behind_pgbouncer.base_url}{path}", timeout=120).status_code
        return status, time.monotonic() - began_at

    assert {ask(path)[0] for path in (*LISTS, "/api/v2/categories")} == {200}
    with psycopg.connect(url) as locked, ThreadPoolExecutor(6) as pool:
        locked.execute("LOCK TABLE cms_post IN ACCESS EXCLUSIVE MODE")
        held_up = [pool.submit(ask, f"/api/v2/posts?limit={number}") for number in range(1, 6)]
        other = pool.submit(ask, "/api/v2/categories")
        answers = [one.result() for one in held_up]
        assert [status for status, _ in answers] == [503] * 5
        last_s = max(took_s for _, took_s in (*answers, other.result()))
        assert last_s < pairs * (limit_s + LOOK_EVERY_S + CANCEL_S)
        assert other.result()[0] in (200, 503)
        locked.rollback()
    assert ask(LISTS[0])[0] == 200


def sign_in(client: httpx.Client, staging: Staging) -> str:
    """Return the cookie of an admin's session at the admin site."""
    token = client.get("/admin/login/").cookies["csrftoken"]
    form = {"username": ADMIN, "password": staging.stack.secrets["ADMIN_PASSWORD"], "csrfmiddlewaretoken": token}
    headers = {"Cookie": f"csrftoken={token}", "Referer": f"{client.base_url}/admin/login/"}
    answer = client.post("/admin/login/?next=/admin/", data=form, headers=headers)
    assert answer.status_code == 302, answer.text
    return f"sessionid={answer.cookies['sessionid']}"
