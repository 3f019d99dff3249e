"""`make chaos` in its short form: each kind of fault under load, and nothing is lost or wrong; and an interrupted run."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers import ROOT, clean_environment, spawn
from tests.staging.conftest import need_nginx
from tests.staging.test_command import Command

SEED = 1
SHORT_S = 40
FULL_S = 600
REFUSED = 2


@pytest.fixture
def folder() -> Iterator[Path]:
    """One that PostgreSQL's user can enter."""
    need_nginx()
    with tempfile.TemporaryDirectory(prefix="tandem-chaos-") as name:
        Path(name).chmod(0o711)
        yield Path(name)


def start(folder: Path, **settings: str) -> subprocess.Popen[bytes]:
    environment = clean_environment({"CHAOS_FOLDER": str(folder), **settings})
    return spawn([sys.executable, "-m", "tests.chaos"], log=folder / "told", cwd=ROOT, env=environment)


def played(folder: Path, seed: int, duration_s: int) -> str:
    """What a run said that found nothing wrong."""
    process = start(folder, SEED=str(seed), DURATION=str(duration_s))
    code = process.wait()
    told = (folder / "told").read_text()
    if code == REFUSED and os.environ.get("REQUIRE_SERVICES", "").lower() not in ("1", "true"):
        pytest.skip(told.strip())
    assert code == 0, told[-10_000:]
    return told


def test_each_kind_of_fault_under_load_loses_nothing(folder: Path) -> None:
    assert "Nothing was lost, and nothing wrong was answered." in played(folder, SEED, SHORT_S)


@pytest.mark.soak
def test_ten_minutes_of_kills_and_all_other_faults_lose_nothing(folder: Path) -> None:
    print(played(folder, int(time.time()), FULL_S))


@pytest.mark.slow
def test_an_interrupted_run_ends_everything(folder: Path) -> None:
    process = start(folder, FAULTS="kill stop", DURATION=str(FULL_S))
    deadline = time.monotonic() + 300
    while "stop worker-2\n" not in (folder / "told").read_text().partition("The storm begins.")[2]:
        assert process.poll() is None, (folder / "told").read_text()
        assert time.monotonic() < deadline
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    assert process.wait() == REFUSED
    assert (folder / "told").read_text().endswith("Interrupted; everything has ended.\n")
    assert Command(folder).processes() == set()
    assert sorted(path.name for path in folder.iterdir()) == ["lock", "logs", "secrets.env", "told"]
