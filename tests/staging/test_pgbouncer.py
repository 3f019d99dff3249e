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

from scripts.staging_local import stores
from tests.servers import HOST, Server, clean_environment, free_port, serve, spawn, stop_process
from tests.staging.site import Staging

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


@pytest.fixture(params=[200, 0], ids=["keeps plans", "knows no plans"])
def behind_pgbouncer(staging: Staging, request: pytest.FixtureRequest) -> Iterator[Server]:
    program = shutil.which("pgbouncer", path=f"{os.environ['PATH']}:/usr/sbin")
    if program is None:
        if os.environ.get("REQUIRE_SERVICES", "").lower() in ("1", "true"):
            pytest.fail("pgbouncer was not found. Debian: apt-get install pgbouncer")
        pytest.skip("pgbouncer was not found. Debian: apt-get install pgbouncer")
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
                prepared=request.param,
            )
        )
        router = spawn([program, str(file)], log=Path(folder) / "log", cwd=Path(folder), credentials=credentials)
        try:
            await_router(router, port, Path(folder) / "log")
            env = staging.stack.environment("web-1") | {
                "DATABASE_URL": stores.database_url(password, port),
                "DATABASE_PREPARE": "true" if request.param else "false",
                "PUBLIC_CACHE_MB": "0",
            }
            with serve(clean_environment(env), threads=8) as server:
                yield server
        finally:
            stop_process(router)


def await_router(router: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + 10
    while True:
        try:
            psycopg.connect(host=HOST, port=port, user=stores.USER, dbname=stores.DATABASE, connect_timeout=2).close()
        except psycopg.OperationalError:
            assert router.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.05)
        else:
            return


def test_reads_and_writes_of_many_threads_share_two_connections(behind_pgbouncer: Server, staging: Staging) -> None:
    headers = {"X-API-Key": staging.author_key}

    def visit(number: int) -> list[int]:
        with httpx.Client(base_url=behind_pgbouncer.base_url, timeout=60) as client:
            made = client.post("/api/v2/posts", json={"title": f"Routed {number}", "content": "Text."}, headers=headers)
            slug = made.json()["slug"]
            published = client.post(f"/api/v2/posts/{slug}/actions/publish", headers=headers)
            reads = [
                client.get(path)
                for path in (f"/api/v2/posts/{slug}", "/api/v2/posts", "/api/v2/tags", "/api/posts") * 5
            ]
            return [answer.status_code for answer in (made, published, *reads)]

    with ThreadPoolExecutor(8) as pool:
        told = list(pool.map(visit, range(16)))
    assert told == [[201, *[200] * 21]] * 16
