"""Changes at the same time: one wins, all others learn what won; a rollback is never among the losers."""

import datetime
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest
from django.db import connection, connections

from canary import services
from canary.errors import Refused, VersionConflict
from canary.models import Rollout, RolloutEvent
from canary.reporting.history import first_broken_version

AT_ONCE = 20
WORDS = {"actor": "tester", "reason": "a race"}


def all_at_once(jobs: list[Callable[[], Any]]) -> list[Any]:
    """What each returned or raised; all begin together."""
    together = threading.Barrier(len(jobs))

    def run(job: Callable[[], Any]) -> Any:
        try:
            together.wait(60)
            return job()
        except Exception as error:
            return error
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(jobs)) as pool:
        return list(pool.map(run, jobs))


@pytest.fixture(autouse=True)
def _has_many_writers(transactional_db: None) -> None:
    if connection.vendor == "sqlite":
        pytest.skip("SQLite has one writer at a time: nothing races there")


@pytest.fixture
def stored(rollout: Callable[..., None], now: datetime.datetime) -> Rollout:
    return services.set_weight(weight_bp=100, expected_version=0, now=now, **WORDS)


def setting(weight_bp: int, version: int, now: datetime.datetime) -> Callable[[], Rollout]:
    return partial(services.set_weight, weight_bp=weight_bp, expected_version=version, now=now, **WORDS)


def test_of_twenty_changes_at_once_one_wins_and_the_rest_are_told_its_state(
    stored: Rollout, now: datetime.datetime
) -> None:
    results = all_at_once([setting(1_000 + i, stored.version, now) for i in range(AT_ONCE)])
    [won] = [result for result in results if isinstance(result, Rollout)]
    lost = [result for result in results if isinstance(result, VersionConflict)]
    assert len(lost) == AT_ONCE - 1
    assert {(error.current["version"], error.current["weight_bp"]) for error in lost} == {(2, won.weight_bp)}
    assert Rollout.objects.get().weight_bp == won.weight_bp
    assert (RolloutEvent.objects.count(), first_broken_version()) == (2, None)


def test_of_twenty_first_changes_at_once_one_makes_the_row(
    rollout: Callable[..., None], now: datetime.datetime
) -> None:
    results = all_at_once([setting(1_000 + i, 0, now) for i in range(AT_ONCE)])
    assert sorted(type(result).__name__ for result in results) == ["Rollout", *["VersionConflict"] * (AT_ONCE - 1)]


def test_a_rollback_among_changes_always_has_the_last_word(stored: Rollout, now: datetime.datetime) -> None:
    back = partial(services.roll_back, now=now, **WORDS)
    results = all_at_once([back, *(setting(1_000 + i, stored.version, now) for i in range(9)), back])
    assert [type(result) for result in (results[0], results[-1])] == [Rollout, Rollout]
    assert all(isinstance(result, Rollout | VersionConflict | Refused) for result in results)
    row = Rollout.objects.get()
    assert (row.weight_bp, row.latched) == (0, True)
    assert first_broken_version() is None


def test_workers_that_start_together_apply_the_environment_once(
    rollout: Callable[..., None], now: datetime.datetime
) -> None:
    results = all_at_once([partial(services.apply_environment, 2_500, now)] * 8)
    assert [type(result) for result in results if result is not None] == [Rollout]
    assert list(RolloutEvent.objects.values_list("verb", flat=True)) == ["environment"]


def test_servers_that_look_together_tell_once_that_no_controller_runs(
    rollout: Callable[..., None], now: datetime.datetime
) -> None:
    services.start_plan(steps_bp=[1_000, 5_000], min_s=0, is_fresh_cohort=False, expected_version=0, now=now, **WORDS)
    all_at_once([partial(services.watch_controller, now + datetime.timedelta(hours=1))] * 8)
    assert list(RolloutEvent.objects.values_list("verb", flat=True)) == ["start", "unguarded"]


def test_servers_of_one_build_that_start_together_begin_one_stage(stored: Rollout, now: datetime.datetime) -> None:
    results = all_at_once([partial(services.apply_build, "b1", now)] * 8)
    assert [type(result) for result in results if result is not None] == [Rollout]
    assert Rollout.objects.get().stage == stored.stage + 1
