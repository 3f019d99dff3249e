"""Real servers: the metrics of all workers together, and nothing lost while the database is away."""

import contextlib
import http.client
import os
import re
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.canary.live.cluster import eventually
from tests.databases import copied_database, process_env
from tests.faults.engines_of_own import IMMEDIATE, OwnEngines, own_engines
from tests.servers import HOST, Server, manage, serve
from tests.stalls import fair_time, let_pass

UNLIMITED = {"RATE_LIMIT_ANONYMOUS": "0"}
PINNED = "/api/v1/tags"
BACK_WITHIN_S = 2.0


@dataclass
class Asker:
    """Asks on a new connection each time, so that any worker may answer; knows what it was told."""

    port: int
    statuses: Counter[int] = field(default_factory=Counter)
    slowest_s: float = 0.0

    def ask(self, path: str, client: str) -> None:
        with contextlib.closing(http.client.HTTPConnection(HOST, self.port, timeout=60)) as connection:
            began = fair_time()
            connection.request("GET", path, headers={"X-Client-Id": client})
            response = connection.getresponse()
            response.read()
            self.slowest_s = max(self.slowest_s, fair_time() - began)
            self.statuses[response.status] += 1

    def metrics(self) -> str:
        with contextlib.closing(http.client.HTTPConnection(HOST, self.port, timeout=60)) as connection:
            connection.request("GET", "/metrics")
            response = connection.getresponse()
            assert response.status == 200
            return response.read().decode()

    def total(self, version: int = 1) -> int:
        """Of all routes and statuses of a version."""
        series = re.findall(rf'^canary_requests_total{{.*version="{version}"}} (\S+)$', self.metrics(), re.MULTILINE)
        return int(sum(map(float, series)))


@pytest.fixture(scope="module")
def site_env(template_of: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """With a folder for temporary files of its own, so that the metrics of other servers can't be met there."""
    folder = tmp_path_factory.mktemp("metrics")
    with copied_database(template_of("postgresql"), folder) as url:
        yield process_env(url, TMPDIR=str(folder), **UNLIMITED)


@pytest.mark.slow
@pytest.mark.parametrize("preload", [False, True], ids=["each_worker_loads", "preloaded"])
def test_metrics_are_those_of_all_workers_and_survive_the_end_of_one(site_env: dict[str, str], preload: bool) -> None:
    # gunicorn takes options from this variable too; the app reads none of it.
    options, before = {"GUNICORN_CMD_ARGS": "--preload"} if preload else {}, _recorders(site_env)
    with serve(site_env | options, workers=2) as server:
        asker, crowds = Asker(server.port), 0
        deadline = time.monotonic() + 120
        while len(_recorders(site_env) - before) < 2:  # of connections one after the other, one worker may get all
            assert time.monotonic() < deadline
            with ThreadPoolExecutor(8) as pool:
                list(pool.map(lambda number: asker.ask(PINNED, f"c{number}"), range(40)))
            crowds += 1
        assert eventually(lambda: asker.total() == 40 * crowds)
        assert eventually(lambda: "\ncanary_workers 2.0" in asker.metrics())
        _kill_one_worker(server)
        for number in range(30):
            asker.ask(PINNED, f"c{number}")
        assert eventually(lambda: asker.total() == 40 * crowds + 30)
        assert eventually(lambda: "\ncanary_workers 2.0" in asker.metrics())
    # Neither of those that have ended, nor of whoever started the server, which runs the same interpreter here.
    assert {folder.partition("-")[0] for folder in _folders(site_env)} == {str(server.process.pid)}


@pytest.mark.slow
def test_two_servers_on_one_machine_answer_each_for_itself(site_env: dict[str, str]) -> None:
    with serve(site_env) as one, serve(site_env) as other:
        Asker(one.port).ask(PINNED, "c1")
        assert eventually(lambda: Asker(one.port).total() == 1)
        assert Asker(other.port).total() == 0
        assert len(_folders(site_env)) == 2  # and nothing of servers that have ended


@pytest.mark.slow
def test_what_several_processes_record_on_sqlite_is_all_there(
    template_of: Callable[[str], str], tmp_path: Path
) -> None:
    with copied_database(template_of("sqlite"), tmp_path) as url:
        env = process_env(url, TMPDIR=str(tmp_path), **UNLIMITED)
        with serve(env, workers=2) as server:
            asker = Asker(server.port)
            for number in range(60):
                asker.ask(PINNED, f"c{number % 3}")
            _end(server)
        report = manage("shell", "-v0", "-c", SUMS, env=env)
    assert report.stdout.split() == ["60", "60"], report.stdout + report.stderr


SUMS = """
from django.db.models import Sum
from canary.models import ConsumerUsage, MetricBucket
print(MetricBucket.objects.aggregate(n=Sum("requests"))["n"], ConsumerUsage.objects.aggregate(n=Sum("calls"))["n"])
"""


@pytest.mark.slow
@pytest.mark.parametrize("away_s", [3.0, pytest.param(20.0, marks=pytest.mark.soak)])
def test_nothing_is_lost_and_nobody_waits_while_the_database_is_away(tmp_path: Path, away_s: float) -> None:
    with own_engines() as engines:
        env = process_env(engines.postgres.url, TMPDIR=str(tmp_path), **UNLIMITED)
        assert manage("migrate", "--no-seed", "-v0", env=env).returncode == 0
        with serve(env, workers=2) as server:
            asker = Asker(server.port)
            for number in range(50):
                asker.ask(PINNED, f"c{number % 5}")
            _go_away(engines, asker, away_s)
            # Who ends while it still believes it away loses all.
            assert eventually(lambda: server.log.count("is reached again") >= server.log.count("can't be reached"))
            for number in range(50):
                asker.ask(PINNED, f"c{number % 5}")
            _end(server)
        asked = asker.statuses.total()
        with psycopg.connect(engines.postgres.url) as database:
            found = [
                _sum(database, table, column)
                for table, column in (
                    ("canary_metricbucket", "requests"),
                    ("canary_consumerusage", "calls"),
                    ("canary_recorder", "lost"),
                )
            ]
        assert found == [asked, asked, 0]
        assert asker.statuses[500] == 0
        # Answers of `GET /api/v1` need no database, those of PINNED are refused at once: neither waits for the recorder.
        # Whoever waited for a connection would do so for 10 s.
        assert asker.slowest_s < 5.0


def _go_away(engines: OwnEngines, asker: Asker, away_s: float) -> None:
    with engines.postgres.away(IMMEDIATE):
        until = time.monotonic() + away_s
        while time.monotonic() < until:
            asker.ask(PINNED, "c1")
            asker.ask("/api/v1", "c2")
            time.sleep(0.01)
    # The promise is about time, so the test has to let it pass.
    let_pass(fair_time() + BACK_WITHIN_S)


def _sum(database: psycopg.Connection[Any], table: str, column: str) -> int:
    row = database.execute(f"SELECT coalesce(sum({column}), 0) FROM {table}").fetchone()  # type: ignore[call-overload]
    return int(row[0])  # type: ignore[index]


def _end(server: Server) -> None:
    """In order, however long that takes: what is killed for being slow can't write what it has seen."""
    server.process.terminate()
    server.process.wait(120)


def _folders(env: dict[str, str]) -> list[str]:
    [root] = Path(env["TMPDIR"]).glob("tandem-metrics-*")
    return [folder.name for folder in root.iterdir()]


def _recorders(env: dict[str, str]) -> set[str]:
    """The workers that wrote what they saw."""
    with psycopg.connect(env["DATABASE_URL"]) as database:
        return {row[0] for row in database.execute("SELECT worker FROM canary_recorder").fetchall()}


def _kill_one_worker(server: Server) -> None:
    os.kill(server.workers[0], signal.SIGTERM)
