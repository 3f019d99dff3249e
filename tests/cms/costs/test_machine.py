"""A turn that all processes of an installation on a machine share."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest

from cms.costs.answering import _begin_request, _end_request
from cms.costs.machine import MachineTurn
from cms.costs.turns import Bounded, Busy, Places
from cms.media.images import PICTURES

LONG_S: Final = 60
HOLD: Final = """
import sys, time
from django.conf import settings
settings.configure(WEB_THREADS=8, MEDIA_ROOT=sys.argv[1])
from cms.media.images import PICTURES
with PICTURES.turn():
    print(flush=True)
    time.sleep(60)
"""


@contextmanager
def a_request() -> Iterator[None]:
    _begin_request()
    try:
        yield
    finally:
        _end_request()


@pytest.fixture
def site(settings: Any, tmp_path: Path) -> Path:
    settings.MEDIA_ROOT = tmp_path
    return tmp_path


@contextmanager
def another_process(site: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Work on a picture in another process until it is killed."""
    left_behind = lock_file()
    with subprocess.Popen([sys.executable, "-c", HOLD, str(site)], stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline()
            yield process
        finally:
            process.kill()
            left_behind.unlink(missing_ok=True)


def lock_file() -> Path:
    return MachineTurn("pictures")._path()


def test_two_processes_work_on_one_picture_at_a_time(site: Path) -> None:
    impatient = Bounded("pictures", make_turns=lambda: MachineTurn("pictures"), patience_s=0.05, places=Places(1))
    with another_process(site) as process:
        with pytest.raises(Busy, match="pictures"), a_request(), impatient.turn():
            pass
        process.send_signal(signal.SIGKILL)
        with PICTURES.turn():  # a command waits as long as it takes
            assert process.wait(LONG_S) == -signal.SIGKILL
    with a_request(), impatient.turn():
        pass
    assert not lock_file().exists()


def test_another_installation_has_turns_of_its_own(site: Path, settings: Any) -> None:
    with another_process(site):
        settings.MEDIA_ROOT = site / "other"
        turn = MachineTurn("pictures")
        assert turn.acquire(timeout=0)
        turn.release()


@pytest.mark.parametrize("make", ["readable", "symlink", "folder", "foreign"])
def test_what_others_could_lock_is_not_waited_for(site: Path, make: str) -> None:
    path = lock_file()
    if make == "symlink":
        path.symlink_to(site / "elsewhere")
    elif make == "folder":
        path.mkdir()
    else:
        path.touch(0o600)
        path.chmod(0o644 if make == "readable" else 0o600)
    if make == "foreign":
        if os.geteuid():
            pytest.skip("only root gives a file to another user")
        os.chown(path, 12_345, 12_345)
    try:
        holder, turn = MachineTurn("pictures"), MachineTurn("pictures")
        assert holder.acquire(timeout=0)
        assert turn.acquire(timeout=0)
        for each in (holder, turn):
            each.release()
        assert os.path.lexists(path)
    finally:
        path.rmdir() if make == "folder" else path.unlink()


def test_a_forked_process_does_not_keep_the_turn_of_its_parent(site: Path) -> None:
    turn = MachineTurn("pictures")
    assert turn.acquire(timeout=0)
    child = os.fork()
    if not child:
        time.sleep(LONG_S)
        os._exit(0)
    try:
        turn.release()
        other = MachineTurn("pictures")
        assert other.acquire(timeout=LONG_S / 2)
        other.release()
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def test_many_take_turns_and_none_is_lost(site: Path) -> None:
    turns, inside, most = [MachineTurn("pictures") for _ in range(8)], [0], [0]

    def take(turn: MachineTurn) -> None:
        for _ in range(20):
            assert turn.acquire(timeout=LONG_S)
            inside[0] += 1
            most[0] = max(most[0], inside[0])
            inside[0] -= 1
            turn.release()

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(take, turns)) == [None] * 8
    assert (inside, most) == ([0], [1])
