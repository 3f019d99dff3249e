"""The heartbeat file of real background commands: it moves while they work and ages while they stand still."""

import contextlib
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.databases import new_database, process_env
from tests.servers import ROOT, clean_environment, end_in_order, manage, spawn, stop_process
from tests.slow import slow

COMMANDS = ("run_worker", "run_canary_controller")


@contextlib.contextmanager
def started(command: str, folder: Path, url: str) -> Iterator[tuple[subprocess.Popen[bytes], Path, Path]]:
    heartbeat, log = folder / "heartbeat", folder / "log"
    words = [sys.executable, "manage.py", command, "--heartbeat", str(heartbeat)]
    process = spawn(words, log=log, cwd=ROOT, env=clean_environment(process_env(url)))
    try:
        yield process, heartbeat, log
    finally:
        stop_process(process, signal.SIGKILL)


def beats_within(heartbeat: Path, seconds: float) -> bool:
    """Whether the file is touched in that time."""
    before = heartbeat.stat().st_mtime_ns if heartbeat.exists() else None
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if heartbeat.exists() and heartbeat.stat().st_mtime_ns != before:
            return True
        time.sleep(0.05)
    return False


@pytest.fixture
def database(tmp_path: Path) -> Iterator[str]:
    with new_database("sqlite", tmp_path) as url:
        assert manage("migrate", "--no-seed", "-v0", env=process_env(url)).returncode == 0
        yield url


@pytest.mark.slow
@pytest.mark.parametrize("command", COMMANDS)
def test_a_paused_command_stops_beating_and_a_resumed_one_goes_on(command: str, database: str, tmp_path: Path) -> None:
    with started(command, tmp_path, database) as (process, heartbeat, log):
        assert all(beats_within(heartbeat, 60) for _ in range(3)), log.read_text()
        process.send_signal(signal.SIGSTOP)
        assert not beats_within(heartbeat, 3)
        process.send_signal(signal.SIGCONT)
        assert beats_within(heartbeat, 60)
        assert end_in_order(process, log) == 0


@pytest.mark.parametrize("command", [COMMANDS[0], slow(COMMANDS[1])])
def test_a_command_without_its_database_still_beats(command: str, tmp_path: Path) -> None:
    """A restart would not bring the database back."""
    with started(command, tmp_path, "postgresql://nobody@127.0.0.1:1/none") as (_, heartbeat, log):
        assert all(beats_within(heartbeat, 60) for _ in range(3)), log.read_text()


@pytest.mark.parametrize("command", COMMANDS)
def test_a_heartbeat_that_cannot_be_written_is_refused(command: str, tmp_path: Path) -> None:
    wanted = tmp_path / "absent" / "heartbeat"
    done = manage(command, "--heartbeat", str(wanted), env=process_env(f"sqlite:///{tmp_path}/x.db"))
    assert done.returncode == 2
    assert f"--heartbeat: {wanted} cannot be written: No such file or directory." in done.stderr
