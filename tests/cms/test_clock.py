"""The clock of a process that goes wrong is not believed, and neither is a slow look at the database's."""

import datetime
import time
from collections.abc import Callable

import pytest
from django.db import connection

from cms import clock
from cms.management.commands.run_worker import works_for
from cms.models import Job
from cms.services.mails import send_password_reset

HOUR = datetime.timedelta(hours=1)
NEAR = datetime.timedelta(seconds=10)
real_s = time.time


@pytest.fixture(autouse=True)
def _no_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "_reading", None)


@pytest.fixture
def jump(monkeypatch: pytest.MonkeyPatch) -> Callable[[datetime.timedelta], None]:
    """Set this process's clock."""
    return lambda by: monkeypatch.setattr(time, "time", lambda: real_s() + by.total_seconds())


def right_now() -> datetime.datetime:
    return datetime.datetime.fromtimestamp(real_s(), datetime.UTC)


def read(by: datetime.timedelta = datetime.timedelta(), *, took_s: float = 0.0) -> None:
    """A look at the database's clock, which is wrong by so much."""
    answered_s = time.monotonic()
    clock.note_reading(right_now() + by, asked_s=answered_s - took_s, answered_s=answered_s)


def is_right(now: datetime.datetime) -> bool:
    return abs(now - right_now()) < NEAR


@pytest.mark.parametrize("by", [HOUR, -HOUR])
def test_a_clock_that_jumps_is_not_believed(jump: Callable[[datetime.timedelta], None], by: datetime.timedelta) -> None:
    jump(by)
    assert not is_right(clock.now())
    read()
    assert is_right(clock.now())


def test_a_clock_that_agrees_is_taken_as_it_is(jump: Callable[[datetime.timedelta], None]) -> None:
    read()
    jump(datetime.timedelta(seconds=0.5))
    assert clock.now() - right_now() > datetime.timedelta(seconds=0.4)


def test_the_databases_clock_decides_also_when_it_is_the_one_that_was_set() -> None:
    read()
    read(HOUR)
    assert clock.now() - right_now() > HOUR - NEAR


def test_a_slow_answer_replaces_no_reading() -> None:
    read()
    read(HOUR, took_s=5)
    assert is_right(clock.now())


def test_the_database_is_asked_once_a_minute_and_each_second_while_the_clocks_disagree(
    jump: Callable[[datetime.timedelta], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    read()
    taken_s = time.monotonic()
    for by, after_s, wants in ((0, 59, False), (0, 61, True), (1, 0.5, False), (1, 2, True)):
        jump(by * HOUR + datetime.timedelta(seconds=after_s))
        monkeypatch.setattr(time, "monotonic", lambda after_s=after_s: taken_s + after_s)
        assert clock.wants_reading() is wants, (by, after_s)


def test_a_process_that_reads_no_database_believes_its_own_clock() -> None:
    assert not clock.wants_reading()


@pytest.fixture
def _reconnecting(transactional_db: None) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("with SQLite all processes have one machine's clock")
    connection.close()
    connection.close_pool()  # type: ignore[attr-defined]


@pytest.mark.usefixtures("_reconnecting")
def test_a_worker_whose_clock_is_wrong_leases_by_the_databases(jump: Callable[[datetime.timedelta], None]) -> None:
    jump(HOUR)
    send_password_reset.enqueue(None)
    [jobs] = [work for work in works_for(["mail"]) if work.name == "jobs"]
    assert jobs.turn()
    job = Job.objects.get()
    assert is_right(job.started_at)
    assert is_right(job.finished_at)
