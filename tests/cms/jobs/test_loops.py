"""The loops of a worker: which of them hold up its heartbeat."""

import threading
import time

import pytest

from cms.jobs.loops import Work, run_until


def beats_while(work: Work, turn_began: threading.Event, seconds: float = 3) -> int:
    """How often the heartbeat beats in that time after the first turn began."""
    beats: list[float] = []
    told_at: list[float] = []

    def is_told_to_stop(_wait_s: float) -> bool:
        turn_began.wait(60)
        told_at.append(time.monotonic())
        time.sleep(0.1)
        return told_at[-1] - told_at[0] > seconds

    assert run_until(is_told_to_stop, [work], lambda: beats.append(time.monotonic()))
    return len([at for at in beats if at - told_at[0] > seconds / 2])


@pytest.mark.slow
def test_a_loop_that_never_ends_its_turn_stops_the_heartbeat(caplog: pytest.LogCaptureFixture) -> None:
    began, released = threading.Event(), threading.Event()
    threading.Timer(4, released.set).start()

    def hang() -> bool:
        began.set()
        released.wait(60)
        return False

    assert beats_while(Work("hanging", hang, 1, turn_limit_s=0.5), began) == 0
    assert [record.message for record in caplog.records].count("hanging is stalled: its turn exceeds the limit") == 1


@pytest.mark.slow
def test_a_long_turn_without_a_limit_leaves_the_heartbeat_alone() -> None:
    began, released = threading.Event(), threading.Event()
    threading.Timer(4, released.set).start()

    def work_long() -> bool:
        began.set()
        released.wait(60)
        return False

    assert beats_while(Work("importing", work_long, 1), began) > 5


@pytest.mark.slow
def test_a_loop_that_fails_each_turn_still_beats() -> None:
    began = threading.Event()

    def fail() -> bool:
        began.set()
        raise OSError("the disk is gone")

    assert beats_while(Work("failing", fail, 1, turn_limit_s=0.5), began) > 5
