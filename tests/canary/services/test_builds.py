"""Builds as stages: another build begins one, whose evidence is its own, and no process of an old build brings it back."""

import datetime
from collections.abc import Callable
from pathlib import Path

import pytest

from canary.conf import canary_conf
from canary.core.plans import RUNNING
from canary.judging.evidence import peek
from canary.judging.judging import stage_of
from canary.models import Observation, Rollout, RolloutEvent, Worker
from canary.services import apply_build
from canary.services.builds import LEAST_S
from canary.state.status import HEARD_OF_S
from tests.canary.judging.crowd import arrive
from tests.canary.services.conftest import Change, row

HOUR = datetime.timedelta(hours=1)


@pytest.fixture
def start(now: datetime.datetime) -> Callable[..., bool]:
    """`start("b2", at=…)`: a server process of this build begins; whether it put the build in force."""

    def begin(build: str, at: datetime.datetime = now) -> bool:
        Worker.objects.update_or_create(name=f"{build}-{at}", defaults={"version": 0, "build": build, "seen_at": at})
        return apply_build(build, at) is not None

    return begin


def test_without_a_stored_rollout_there_is_nothing_to_tell_apart(db: None, start: Callable[..., bool]) -> None:
    assert not start("b1")
    assert not Rollout.objects.exists()


def test_another_build_begins_a_stage_and_the_same_one_does_not(
    change: Change, start: Callable[..., bool], now: datetime.datetime
) -> None:
    before = change("set_weight", weight_bp=2_000)
    assert (start("b1"), start("b1"), start("b2", now + HOUR)) == (True, False, True)
    after = row()
    assert (after.build, after.stage, after.weight_bp) == ("b2", before.stage + 2, 2_000)
    assert (after.release, after.stage_started_at) == (before.release, now + HOUR)
    event = RolloutEvent.objects.last()
    assert (event.verb, event.actor, event.reason) == ("build", "server", "Build b2 is in service, after b1.")


def test_a_process_of_an_old_build_that_restarts_beside_the_new_one_changes_nothing(
    change: Change, start: Callable[..., bool], now: datetime.datetime
) -> None:
    change("set_weight", weight_bp=2_000)
    start("b1")
    start("b2")
    stage = row().stage
    for build in ("b1", "b2", "b1", "b1", "b2"):
        assert not start(build)
    assert (row().build, row().stage) == ("b2", stage)


def test_an_old_build_is_in_force_again_once_nothing_is_heard_of_the_new_one(
    change: Change, start: Callable[..., bool], now: datetime.datetime
) -> None:
    """As after a way back, or a deployment whose processes end as soon as they begin."""
    change("set_weight", weight_bp=2_000)
    start("b1")
    start("b2")
    assert not start("b1", now + datetime.timedelta(seconds=HEARD_OF_S))
    assert start("b1", now + datetime.timedelta(seconds=HEARD_OF_S + 1))
    assert row().build == "b1"


def test_a_process_that_was_overtaken_changes_nothing(
    change: Change, start: Callable[..., bool], now: datetime.datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    change("set_weight", weight_bp=2_000)
    start("b1")

    def overtaken(build: str, in_force: str, now: datetime.datetime) -> bool:
        Rollout.objects.update(build="b3")
        return True

    monkeypatch.setattr("canary.services.builds._is_later", overtaken)
    assert not start("b2")
    assert row().build == "b3"


def test_a_row_that_is_made_has_the_build_of_whoever_makes_it(
    change: Change, rollout: Callable[..., None], start: Callable[..., bool]
) -> None:
    rollout(BUILD="b1")
    change("set_weight", weight_bp=2_000)
    assert row().build == "b1"
    assert not start("b1")


@pytest.mark.parametrize(("min_s", "left_s"), [(60.0, 60.0), (7 * 86_400.0, LEAST_S)], ids=["a minute", "a week"])
def test_the_time_of_a_step_goes_on_but_for_an_hour_of_the_new_build(
    change: Change, start: Callable[..., bool], now: datetime.datetime, min_s: float, left_s: float
) -> None:
    change("start_plan", steps_bp=[1_000, 5_000], min_s=min_s, is_fresh_cohort=False)
    late = now + datetime.timedelta(seconds=min_s - 1)
    start("b1", late)
    assert (row().plan or {})["state"] == RUNNING
    assert stage_of(row()).min_s == pytest.approx(left_s)


def test_most_of_a_long_step_is_left_as_it_was(
    change: Change, start: Callable[..., bool], now: datetime.datetime
) -> None:
    before = change("start_plan", steps_bp=[1_000, 5_000], min_s=86_400, is_fresh_cohort=False)
    start("b1", now + HOUR)
    assert (row().plan or {})["next_at"] == (before.plan or {})["next_at"]


def test_of_a_stage_that_a_build_began_the_rows_of_that_build_alone_count(
    change: Change, start: Callable[..., bool], now: datetime.datetime
) -> None:
    change("set_weight", weight_bp=2_000)
    told = arrive(range(100))  # by processes that tell no build
    start("b1")
    for build, numbers in (("b1", range(100, 200)), ("b0", range(200, 300)), ("", range(300, 400))):
        arrive(numbers)
        Observation.objects.filter(stage=row().stage, build="").update(build=build)
    assert _taken(row().release) == told + 200
    start("b2", now + HOUR)
    assert _taken(row().release) == told + 200


def test_the_build_of_an_earlier_stage_is_found_again_when_all_is_replayed(
    change: Change, start: Callable[..., bool], now: datetime.datetime
) -> None:
    change("set_weight", weight_bp=2_000)
    start("b1")
    arrive(range(50))
    Observation.objects.update(build="b1")
    change("set_weight", weight_bp=3_000)
    start("b2", now + HOUR)
    arrive(range(50, 100))
    Observation.objects.filter(build="").update(build="b2")
    assert _taken(row().release) == 200


def test_the_hash_of_the_code_is_that_of_its_content(tmp_path: Path, rollout: Callable[..., None]) -> None:
    folders = [tmp_path / name for name in ("one", "two")]
    for folder in folders:
        (folder / "app/inner").mkdir(parents=True)
        (folder / "app/inner/views.py").write_text("x = 1")
        (folder / "app/notes.txt").write_text(folder.name)
        (folder / "requirements.txt").write_text("django==6.1")

    def build_of(folder: Path) -> str:
        rollout(CODE=[folder / "app", folder / "requirements.txt", folder / "gone"])
        return canary_conf().build()

    first, second = (build_of(folder) for folder in folders)
    assert first == second
    assert len(first) == 16
    (folders[0] / "app/inner/views.py").write_text("x = 2")
    assert build_of(folders[0]) == first  # as it was when the process began


def test_a_build_has_the_name_that_it_is_given(rollout: Callable[..., None], tmp_path: Path) -> None:
    rollout(BUILD="2026-12-01", CODE=[tmp_path])
    assert canary_conf().build() == "2026-12-01"
    rollout()
    assert canary_conf().build() == ""


def _taken(release: int) -> int:
    """How many observations count, if all that wait are taken."""
    return peek(release).taken
