"""Real servers whose v2 hangs, or kills its process: each request without an answer is recorded, once."""

import contextlib
import http.client
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, LiteralString

import psycopg
import pytest

from canary.conf import canary_conf
from canary.core.bucketing import bucket
from canary.core.values import Identity
from canary.recording.tally import digest_of
from tests.canary.live.cluster import Cluster, eventually
from tests.servers import HOST, Server, manage, serve
from tests.slow import slow
from tests.stalls import fair_time, let_pass

HALF_BP = 5_000
HANG_S = 1
PATH, ROUTE = "/api/posts", "GET /posts"
FLUSHED_S = 4.0
"""After so long everything that was seen is in the database."""


class Site:
    """A rollout at 50 % and its clients on v2, by their number."""

    def __init__(self, cluster: Cluster, folder: Path) -> None:
        self.hangs = folder / "hangs"
        self._cluster, salt = cluster, canary_conf().snapshot.salt
        ids = [f"c{number}" for number in range(100)]
        self.on_v2 = [one for one in ids if bucket(Identity("client", one), salt) < HALF_BP]
        self._env = cluster.env | {
            "DJANGO_SETTINGS_MODULE": "tests.canary.live.dying_settings",
            "HANGS_WHILE": str(self.hangs),
            "CANARY_HANG_S": str(HANG_S),
            "TMPDIR": str(folder),
        }

    @contextlib.contextmanager
    def serving(self, workers: int, **more: str) -> Iterator[Server]:
        self.hangs.touch()
        with serve(self._env | more, workers=workers) as server:
            try:
                assert eventually(lambda: self._cluster.are_at(1, workers))
                yield server
            finally:
                self.hangs.unlink(missing_ok=True)

    def rows(self, statement: LiteralString, *values: object) -> list[tuple[Any, ...]]:
        with psycopg.connect(self._cluster.env["DATABASE_URL"]) as database:
            return database.execute(statement, values).fetchall()

    def failed(self) -> list[tuple[Any, ...]]:
        """Requests and failed answers of v2 on the route, and the units that failed."""
        sums = "SELECT sum(requests), sum(status_5xx) FROM canary_metricbucket WHERE api_version = 2 AND route = %s"
        units = "SELECT DISTINCT unit FROM canary_observation WHERE api_version = 2 AND route = %s AND metric = 'error'"
        return [*self.rows(sums, ROUTE), *sorted(self.rows(units, ROUTE))]


@pytest.fixture
def site(cluster: Cluster, tmp_path: Path) -> Site:
    cluster.canary("set", "50")
    return Site(cluster, tmp_path)


def ask(server: Server, client: str, deed: str = "", path: str = PATH) -> int:
    """The status of the answer, 0 for none."""
    with contextlib.closing(http.client.HTTPConnection(HOST, server.port, timeout=120)) as connection:
        connection.request("GET", path, headers={"X-Client-Id": client, "X-Do": deed})
        try:
            return connection.getresponse().status
        except (OSError, http.client.HTTPException):
            return 0


@contextlib.contextmanager
def asking(server: Server, client: str, deed: str) -> Iterator[list[int]]:
    """What it was told, once the block has ended."""
    told: list[int] = []
    thread = threading.Thread(target=lambda: told.append(ask(server, client, deed)))
    thread.start()
    try:
        yield told
    finally:
        thread.join()


def units(*clients: str) -> list[tuple[str]]:
    return sorted((digest_of(Identity("client", client)),) for client in clients)


@pytest.mark.slow
def test_a_request_that_hangs_is_a_failure_before_its_answer_and_its_late_answer_is_none(site: Site) -> None:
    client = site.on_v2[0]
    with site.serving(workers=1) as server:
        assert ask(server, client, path="/api/v2/tags") == 200  # loads the views, which may take longer than a hang
        with asking(server, client, "hang") as told:
            assert eventually(lambda: site.failed() == [(1, 1), *units(client)])
            site.hangs.unlink()
        assert told == [200]
        let_pass(fair_time() + FLUSHED_S)
        assert site.failed() == [(1, 1), *units(client)]


@pytest.mark.parametrize(
    ("deed", "workers", "more"),
    [
        ("exit", 1, {}),
        slow("kill", 2, {}),
        slow("segfault", 2, {}),
        slow("exit", 2, {"GUNICORN_CMD_ARGS": "--preload"}),
    ],
)
def test_what_a_worker_has_in_flight_when_v2_ends_it_fails_with_it(
    site: Site, deed: str, workers: int, more: dict[str, str]
) -> None:
    """With one worker the next one tells of it, with two the survivor may."""
    first, last = site.on_v2[:2]
    with site.serving(workers, CANARY_HANG_S="3600", **more) as server:
        with asking(server, first, "hang") as told:
            assert eventually(lambda: _in_flight(server) == 1)
            while not told:  # with two workers it may be the other one that dies
                assert ask(server, last, deed) == 0
        assert told == [0]
        assert eventually(lambda: {unit for (unit,) in units(first, last)} <= {row[0] for row in site.failed()[1:]})
        let_pass(fair_time() + FLUSHED_S)
    crashes = site.rows("SELECT api_version, requests, death = worker FROM canary_crash ORDER BY id")
    assert {(version, alone) for version, _, alone in crashes} == {(2, True)}
    requests = sum(count for _, count, _ in crashes)
    assert requests == len(crashes) + 1
    assert site.failed() == [(requests, requests), *units(first, last)]
    assert not [*site.hangs.parent.glob("tandem-metrics-*/*/*.flights")]


@pytest.mark.slow
def test_a_v2_that_ends_its_workers_is_rolled_back_by_the_next_turn_of_the_controller(
    site: Site, cluster: Cluster
) -> None:
    with site.serving(workers=2) as server:
        for client in site.on_v2[:3]:
            assert ask(server, client, "kill") == 0
        assert eventually(lambda: len(site.rows("SELECT 1 FROM canary_crash")) == 3)
        assert manage("run_canary_controller", "--once", env=cluster.env).returncode == 0
        assert cluster.canary("status")["latched"]
        assert eventually(lambda: ask(server, site.on_v2[0], "kill") == 200)  # by v1


def _in_flight(server: Server) -> int:
    with contextlib.closing(http.client.HTTPConnection(HOST, server.port, timeout=60)) as connection:
        connection.request("GET", "/metrics")
        lines = connection.getresponse().read().decode().splitlines()
    return next((int(float(line.split()[-1])) for line in lines if line.startswith('canary_in_flight{version="2"}')), 0)
