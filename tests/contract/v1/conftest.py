"""One server process with the world of the stories behind it, on PostgreSQL and Redis, for the whole session."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass

import httpx
import psycopg
import pytest

from tests.contract.v1.exchanges import Teller
from tests.contract.v1.openapi import Document
from tests.contract.v1.rows import Watch
from tests.contract.v1.world import World
from tests.databases import new_database, process_env
from tests.servers import ROOT, Server, clean_environment, serve

FILL = "import django; django.setup(); from tests.contract.v1.world import print_world; print_world()"


@dataclass
class Site:
    server: Server
    http: httpx.Client
    database: psycopg.Connection[object]
    watch: Watch
    world: World
    document: Document

    @property
    def teller(self) -> Teller:
        return Teller(self.http, self.watch, self.world, self.document)


@pytest.fixture(scope="session")
def shared_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    if os.environ["DATABASE_URL"].startswith("sqlite"):
        pytest.skip("the contract is told on PostgreSQL and Redis")
    folder = tmp_path_factory.mktemp("contract")
    with new_database("postgresql", folder) as url:
        # The session's Redis: what a test leaves there is cleared after it, as for every test.
        env = process_env(url, REDIS_URL=os.environ["REDIS_URL"], MEDIA_ROOT=str(folder), RATE_LIMIT_REGISTER="5")
        world = _filled({**env, "DJANGO_SETTINGS_MODULE": "cms.settings"})
        with (
            serve(env) as server,
            httpx.Client(base_url=server.base_url, timeout=30) as http,
            psycopg.connect(url, autocommit=True) as database,
        ):
            document = Document(http.get("/api/v1/openapi.json").json())
            yield Site(server, http, database, Watch(database), world, document)


@pytest.fixture
def site(shared_site: Site) -> Iterator[Site]:
    """The site, which is as before when the test has ended."""
    yield shared_site
    shared_site.watch.changes()  # what a failed story hasn't asked for
    if shared_site.watch.is_changed:
        shared_site.watch.restore()


def _filled(env: dict[str, str]) -> World:
    done = subprocess.run(
        [sys.executable, "-c", FILL], cwd=ROOT, env=clean_environment(env), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return World(**json.loads(done.stdout.splitlines()[-1]))
