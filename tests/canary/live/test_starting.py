"""What a server process does before its first answer, however it is started and on whatever database."""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.canary.live.cluster import UNLIMITED, Cluster, ask_once, eventually
from tests.databases import copied_database, process_env


@pytest.fixture
def on_sqlite(template_of: Callable[[str], str], tmp_path: Path) -> Iterator[Cluster]:
    """Without Redis, one worker a process."""
    with copied_database(template_of("sqlite"), tmp_path) as url:
        yield Cluster(process_env(url, **UNLIMITED), workers_each=1)


@pytest.fixture
def on_postgresql(template_of: Callable[[str], str], tmp_path: Path) -> Iterator[Cluster]:
    with copied_database(template_of("postgresql"), tmp_path) as url:
        yield Cluster(process_env(url, **UNLIMITED))


@pytest.mark.slow
def test_the_first_answer_follows_the_environment_once_and_what_was_decided_since(on_sqlite: Cluster) -> None:
    on_sqlite.canary("set", "0")
    with on_sqlite.serving(processes=1, API_V2_TRAFFIC_PERCENTAGE="100") as [server]:
        assert ask_once(server) == (200, "2")
    assert on_sqlite.canary("status")["environment_seen_bp"] == 10_000
    on_sqlite.canary("set", "0")
    with on_sqlite.serving(processes=1, API_V2_TRAFFIC_PERCENTAGE="100") as [server]:
        assert ask_once(server) == (200, "1")
    with on_sqlite.serving(processes=1, USE_LEGACY_API_V1="false") as [server]:
        assert ask_once(server) == (200, "2")
        assert ask_once(server, path="/api/v1")[0] == 410
    assert on_sqlite.canary("status")["lifecycle"] == "active"


@pytest.mark.slow
def test_two_processes_on_sqlite_serve_a_change_within_two_seconds(on_sqlite: Cluster) -> None:
    with on_sqlite.serving() as servers:
        for words, version in ((("set", "100"), "2"), (("rollback",), "1")):
            on_sqlite.canary(*words)
            assert eventually(lambda v=version: {ask_once(s) for s in servers} == {(200, v)}, within_s=2)  # type: ignore[misc]


@pytest.mark.slow
def test_workers_that_are_forked_from_a_loaded_application_read_for_themselves(on_postgresql: Cluster) -> None:
    with on_postgresql.serving(processes=1, GUNICORN_CMD_ARGS="--preload", API_V2_TRAFFIC_PERCENTAGE="30") as [server]:
        assert eventually(lambda: on_postgresql.are_at(1, workers=2))
        on_postgresql.canary("set", "100")
        assert eventually(lambda: on_postgresql.are_at(2, workers=2), within_s=2)
        assert {ask_once(server) for _ in range(8)} == {(200, "2")}
        server.stop()
        assert on_postgresql.are_at(0, workers=0)


@pytest.mark.slow
def test_without_any_database_the_environment_decides(tmp_path: Path) -> None:
    lost = Cluster(process_env(f"sqlite:///{tmp_path}/no/such.db", **UNLIMITED), workers_each=1)
    with contextlib.ExitStack() as stack:
        [server] = stack.enter_context(lost.serving(processes=1, API_V2_TRAFFIC_PERCENTAGE="100"))
        assert ask_once(server)[1] == "2"
        assert ask_once(server, path="/api/v1")[1] == "1"
        assert server.log.count("canary fault") == 1
