"""Two server processes, one writer: how long anonymous readers are told what is no longer so."""

import contextlib
import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from api_v2.public_bodies.store import AGE_MAX_S
from cms.generations.in_postgresql import LOOK_EVERY_S
from tests.conftest import PASSWORD
from tests.databases import copied_database, process_env
from tests.servers import manage, serve
from tests.session import ENGINES
from tests.slow import slow

LATE_MAX_S = 0.050
UNLIMITED = {"RATE_LIMIT_ANONYMOUS": "0", "RATE_LIMIT_CREDENTIAL": "0"}


@pytest.fixture(scope="module", params=["postgresql", slow("sqlite")])
def site(
    request: pytest.FixtureRequest, template_of: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator["Site"]:
    """On PostgreSQL with Redis, on SQLite without."""
    engine = request.param
    redis_url = ENGINES.redis_url_for(os.environ.get("PYTEST_XDIST_WORKER", "master")) if engine != "sqlite" else ""
    with contextlib.ExitStack() as stack:
        url = stack.enter_context(copied_database(template_of(engine), tmp_path_factory.mktemp("site")))
        env = process_env(url, REDIS_URL=redis_url or "", **UNLIMITED)
        create = ("users", "create", "--username", "mia", "--email", "mia@example.org", "--role", "author")
        assert manage(*create, "--password-stdin", env=env, input=PASSWORD).returncode == 0
        servers = [stack.enter_context(serve(env)) for _ in range(2)]
        yield Site(stack, env, [server.base_url for server in servers])


class Site:
    """A published post, its author, and anonymous readers of both processes."""

    def __init__(self, stack: contextlib.ExitStack, env: dict[str, str], bases: list[str]) -> None:
        self.env, self.engine = env, env["DATABASE_URL"].partition("://")[0]
        credentials = {"email": "mia@example.org", "password": PASSWORD}
        token = httpx.post(f"{bases[0]}/api/v2/auth/token", json=credentials, timeout=60).json()["access_token"]
        headers = {"Authorization": f"Bearer {token}"}
        self.writer = stack.enter_context(httpx.Client(base_url=bases[0], headers=headers, timeout=30))
        self.readers = [stack.enter_context(httpx.Client(base_url=base, timeout=30)) for base in bases]
        post = self.writer.post("/api/v2/posts", json={"title": "Title 0", "content": "x"}).json()
        self.path = f"/api/v2/posts/{post['id']}"
        assert self.writer.post(f"{self.path}/actions/publish").status_code == 200

    def lateness_of(self, title: str) -> float:
        """How long after a change was answered the last read began that didn't show it; 0 when all did."""
        for reader in self.readers:
            assert title_of(reader, self.path) != title  # what is known of the generation is as young as can be
        assert self.writer.patch(self.path, json={"title": title}).status_code == 200
        answered_at = time.monotonic()
        with ThreadPoolExecutor(len(self.readers)) as pool:
            return max(pool.map(lambda reader: self._lateness_at(reader, title, answered_at), self.readers))

    def _lateness_at(self, reader: httpx.Client, title: str, answered_at: float) -> float:
        late_s = 0.0
        while True:
            began_at = time.monotonic()
            if title_of(reader, self.path) == title:
                return late_s
            late_s = began_at - answered_at
            assert late_s < 10, "the change never shows"


def title_of(reader: httpx.Client, path: str) -> Any:
    return reader.get(path).json()["title"]


def test_a_change_shows_in_both_processes_within_50_ms_of_its_answer(site: Site) -> None:
    late_s = [site.lateness_of(f"Title {number + 1}") for number in range(40)]
    assert max(late_s) <= (0 if site.engine == "sqlite" else LATE_MAX_S)


@pytest.mark.soak
def test_of_10_000_changes_none_shows_later_than_50_ms_after_its_answer(site: Site) -> None:
    late_s = [site.lateness_of(f"Soaked {number}") for number in range(10_000)]
    print(f"{site.engine}: latest {max(late_s) * 1_000:.1f} ms, {sum(map(bool, late_s))} of {len(late_s)} late at all")
    assert max(late_s) <= (0 if site.engine == "sqlite" else LATE_MAX_S)


@pytest.mark.slow
def test_what_the_command_line_changes_shows_as_soon(site: Site, tmp_path: Path) -> None:
    """Another door, and a process that ends right after its change: 50 ms are over before we hear of its end."""
    before = [titles_at(reader) for reader in site.readers]
    (tmp_path / "note.md").write_text("---\ntitle: Imported\ndate: 2026-01-01\n---\nText.\n")
    done = manage("import_content", str(tmp_path), "--format", "markdown", env=site.env)
    assert done.returncode == 0, done.stderr
    assert [titles_at(reader) for reader in site.readers] == [titles | {"Imported"} for titles in before]


def titles_at(reader: httpx.Client) -> set[str]:
    return {post["title"] for post in reader.get("/api/v2/posts?fields=title").json()["data"]}


@pytest.mark.soak
def test_a_change_that_nobody_reported_shows_in_a_body_older_than_ten_seconds(site: Site) -> None:
    """As after a process that died between its commit and its report; here the database is changed by hand."""
    if site.engine == "sqlite":
        pytest.skip("an SQLite file tells of every commit itself")
    old_at = time.monotonic() + 3 * AGE_MAX_S  # what was changed before may be counted in the first ten seconds
    while time.monotonic() < old_at:
        before = title_of(site.readers[1], site.path)
        time.sleep(0.05)
    with psycopg.connect(site.env["DATABASE_URL"], autocommit=True) as connection:
        connection.execute("UPDATE cms_post SET title = 'By hand' WHERE title = %s", [before])
    deadline = time.monotonic() + LOOK_EVERY_S
    while title_of(site.readers[1], site.path) != "By hand":
        assert time.monotonic() < deadline + 1
        time.sleep(0.05)
