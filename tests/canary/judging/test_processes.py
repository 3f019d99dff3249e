"""Controllers as real processes: killed, paused, stopped in order, and without their database for a while."""

import contextlib
import json
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.databases import copied_database, process_env
from tests.faults.engines_of_own import own_engines
from tests.servers import ROOT, clean_environment, end_in_order, manage, spawn, stop_process
from tests.stalls import fair_time

CROWD = "from tests.canary.judging.crowd import *; "
USERS = 1_200
HOLDER = "SELECT holder FROM canary_lease WHERE name = 'controller'"
TAKEN = "SELECT count(*) FROM canary_observation WHERE sequence IS NOT NULL"
WAITING = "SELECT count(*) FROM canary_observation WHERE sequence IS NULL"


class Site:
    """A database, and the controllers on it."""

    def __init__(self, url: str, folder: Path, stack: contextlib.ExitStack) -> None:
        self.url, self.env = url, process_env(url)
        self._folder, self._stack = folder, stack
        self.logs: dict[int, Path] = {}

    def start(self) -> subprocess.Popen[bytes]:
        log = self._folder / f"controller-{len(self.logs)}.log"
        command = [sys.executable, "manage.py", "run_canary_controller", "--interval", "0.2"]
        process = spawn(command, log=log, cwd=ROOT, env=clean_environment(self.env))
        self._stack.callback(stop_process, process, signal.SIGKILL)
        self.logs[process.pid] = log
        return process

    def log(self, process: subprocess.Popen[bytes]) -> str:
        return self.logs[process.pid].read_text()

    def end_in_order(self, process: subprocess.Popen[bytes]) -> int:
        return end_in_order(process, self.logs[process.pid])

    def manage(self, *words: str) -> str:
        done = manage(*words, env=self.env)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def crowd(self, call: str) -> str:
        return self.manage("shell", "--no-imports", "-c", f"{CROWD}{call}")

    def account(self) -> dict[str, Any]:
        account: dict[str, Any] = json.loads(self.crowd("print_account()"))
        return account

    def ask(self, statement: str) -> Any:
        if self.url.startswith("sqlite"):
            with contextlib.closing(sqlite3.connect(self.url.removeprefix("sqlite:///"), timeout=20)) as connection:
                row = connection.execute(statement).fetchone()
        else:
            with psycopg.connect(self.url, autocommit=True) as database:
                row = database.execute(statement).fetchone()  # type: ignore[call-overload]
        return row and row[0]

    def leader_pid(self) -> int:
        return int((self.ask(HOLDER) or "::").split(":")[-2] or 0)


@contextlib.contextmanager
def site_on(url: str, folder: Path) -> Iterator[Site]:
    with contextlib.ExitStack() as stack:
        site = Site(url, folder, stack)
        site.manage("canary", "set", "20", "--reason", "a test")
        yield site


def wait_until(condition: Callable[[], object], *, seconds: float = 180) -> float:
    """How long it took."""
    began = fair_time()
    while not condition():
        assert fair_time() - began < seconds
        time.sleep(0.05)
    return fair_time() - began


@pytest.mark.slow
@pytest.mark.parametrize(
    ("engine", "how"),
    [("sqlite", signal.SIGKILL), ("postgresql", signal.SIGKILL), ("postgresql", signal.SIGSTOP)],
    ids=["sqlite-killed", "postgresql-killed", "postgresql-paused"],
)
def test_another_controller_goes_on_within_seconds_and_comes_to_the_same_evidence(
    template_of: Callable[[str], str], tmp_path: Path, engine: str, how: signal.Signals
) -> None:
    with copied_database(template_of(engine), tmp_path) as url, site_on(url, tmp_path) as site:
        controllers = [site.start(), site.start()]
        crowd = threading.Thread(target=site.crowd, args=(f"keep_arriving({USERS})",))
        crowd.start()
        wait_until(lambda: site.ask(TAKEN) > 200)
        [first] = [process for process in controllers if process.pid == site.leader_pid()]
        [second] = [process for process in controllers if process is not first]
        first.send_signal(how)
        assert wait_until(lambda: site.leader_pid() == second.pid) < 9
        crowd.join()
        wait_until(lambda: site.ask(WAITING) == 0)
        if how == signal.SIGSTOP:
            first.send_signal(signal.SIGCONT)
            wait_until(lambda: "stands by" in site.log(first))
            assert site.end_in_order(first) == 0
        assert site.end_in_order(second) == 0
        account = site.account()
        assert account == {"rows": 2 * USERS, "waiting": 0, "taken": 2 * USERS, "is_as_in_one_go": True}


@pytest.mark.slow
def test_a_restart_of_the_database_is_survived_and_said_once(tmp_path: Path) -> None:
    with own_engines() as engines:
        url = engines.postgres.url
        assert manage("migrate", "--no-seed", "-v0", env=process_env(url)).returncode == 0
        with site_on(url, tmp_path) as site:
            controller = site.start()
            site.crowd("keep_arriving(200)")
            wait_until(lambda: site.ask(WAITING) == 0)
            engines.postgres.stop()
            late = site.start()
            for process in (controller, late):
                wait_until(lambda process=process: "can't be used" in site.log(process))  # type: ignore[misc]
            engines.postgres.start()
            site.crowd("arrive(range(200, 300))")
            wait_until(lambda: site.ask(WAITING) == 0)
            for process in (controller, late):
                wait_until(lambda process=process: "succeed again" in site.log(process))  # type: ignore[misc]
                assert site.log(process).count("can't be used") == 1
                assert "Traceback" not in site.log(process)
                assert site.end_in_order(process) == 0
            assert site.account() == {"rows": 600, "waiting": 0, "taken": 600, "is_as_in_one_go": True}


@pytest.mark.slow
def test_once_takes_one_turn_and_leaves_everything_for_the_next(
    template_of: Callable[[str], str], tmp_path: Path
) -> None:
    with copied_database(template_of("sqlite"), tmp_path) as url, site_on(url, tmp_path) as site:
        site.crowd("arrive(range(1_500))")
        assert site.manage("run_canary_controller", "--once").startswith("Pass at 20 %")
        site.crowd("arrive(range(1_500, 1_600))")
        assert site.manage("run_canary_controller", "--once").startswith("Pass at 20 %")
        assert site.account()["taken"] == 3_200
        site.start()
        wait_until(site.leader_pid)
        wait_until(lambda: "Another controller leads" in site.manage("run_canary_controller", "--once"))


def test_without_a_database_once_ends_with_one_sentence() -> None:
    done = manage("run_canary_controller", "--once", env=process_env("sqlite:////nonexistent/x.db"))
    assert (done.returncode, done.stderr.count("\n")) == (1, 1), done.stderr
    assert "can't be used" in done.stderr


@pytest.mark.parametrize("interval", ["0", "nan", "much", "99999"])
def test_an_interval_that_makes_no_sense_is_wrong_usage(interval: str) -> None:
    done = manage("run_canary_controller", "--interval", interval, env=process_env("sqlite:////nonexistent/x.db"))
    assert done.returncode == 2
    assert "is not an interval" in done.stderr
