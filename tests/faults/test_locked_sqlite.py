"""An SQLite file whose write lock somebody keeps: who has to write is told to come again, in the words of each version."""

import contextlib
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from tests.conftest import PASSWORD
from tests.databases import copied_database, process_env
from tests.servers import manage, serve


@pytest.mark.soak  # a lock is waited for, 20 s
def test_a_write_into_a_locked_file_is_refused_with_503_and_reads_go_on(
    template_of: Callable[[str], str], tmp_path: Path
) -> None:
    with copied_database(template_of("sqlite"), tmp_path) as url:
        env = process_env(url)
        account = ("--username", "mia", "--email", "mia@example.org", "--role", "author", "--password-stdin")
        assert manage("users", "create", *account, env=env, input=PASSWORD).returncode == 0
        with serve(env) as server, httpx.Client(base_url=server.base_url, timeout=60) as http:
            credentials = {"email": "mia@example.org", "password": PASSWORD}
            token = http.post("/api/v2/auth/token", json=credentials).json()["access_token"]
            http.headers["Authorization"] = f"Bearer {token}"
            new = {"title": "Locked out", "content": "x"}
            with contextlib.closing(sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)) as other:
                other.execute("BEGIN IMMEDIATE")
                assert http.get("/api/v2/posts").status_code == 200
                with ThreadPoolExecutor(2) as pool:
                    first, second = pool.map(lambda version: http.post(f"/api/{version}/posts", json=new), ("v1", "v2"))
            assert (first.status_code, first.json()["error"]) == (503, "Service unavailable")
            assert (second.status_code, second.headers["Content-Type"]) == (503, "application/problem+json")
            assert int(first.headers["Retry-After"]) >= 1
            assert int(second.headers["Retry-After"]) >= 1
            assert http.post("/api/v2/posts", json=new).status_code == 201
