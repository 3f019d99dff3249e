"""Setting the weight, rolling back and acknowledging, each with its event."""

import datetime
from collections.abc import Callable

import pytest

from canary.conf import canary_conf
from canary.errors import Refused, VersionConflict
from canary.models import Rollout, RolloutEvent
from canary.reporting.history import first_broken_version
from canary.state import store

Change = Callable[..., Rollout]


def test_the_first_change_makes_the_row_with_the_salt_in_force_so_that_nobody_moves(change: Change) -> None:
    before = store.current_snapshot()
    row = change("set_weight", weight_bp=1_250)
    assert (row.version, row.weight_bp, row.salt) == (1, 1_250, before.salt)
    assert store.refresh().salt == canary_conf().snapshot.salt


def test_every_change_of_weight_begins_a_stage_and_no_other_change_does(change: Change, now: datetime.datetime) -> None:
    later = now + datetime.timedelta(hours=1)
    first = change("set_weight", weight_bp=100)
    assert change("set_weight", weight_bp=100, now=later).stage == first.stage
    moved = change("set_weight", weight_bp=200, now=later)
    assert (moved.stage, moved.stage_started_at) == (first.stage + 1, later)


def test_an_event_says_who_did_what_when_and_why(change: Change, now: datetime.datetime) -> None:
    change("set_weight", weight_bp=100)
    change("set_weight", weight_bp=300, actor="user:3 alice", reason="looks good")
    event = RolloutEvent.objects.get(version=2)
    assert (event.actor, event.verb, event.reason, event.at) == ("user:3 alice", "set", "looks good", now)
    assert (event.before["weight_bp"], event.after["weight_bp"]) == (100, 300)


def test_no_event_tells_the_salt(change: Change) -> None:
    change("start_plan", steps_bp=[100], min_s=0, is_fresh_cohort=True)
    salt = Rollout.objects.get().salt
    assert salt not in str(list(RolloutEvent.objects.values()))


def test_a_change_against_an_old_version_is_a_conflict_that_names_the_state(change: Change) -> None:
    change("set_weight", weight_bp=100)
    with pytest.raises(VersionConflict) as caught:
        change("set_weight", weight_bp=900, expected_version=0)
    assert (caught.value.current["version"], caught.value.current["weight_bp"]) == (1, 100)
    assert "version 1 with 1 %" in caught.value.sentence
    assert RolloutEvent.objects.count() == 1


@pytest.mark.parametrize("weight_bp", [-1, 10_001])
def test_a_weight_outside_of_0_to_100_percent_is_refused(change: Change, weight_bp: int) -> None:
    with pytest.raises(Refused, match="0 to 100 percent"):
        change("set_weight", weight_bp=weight_bp)
    assert not Rollout.objects.exists()


def test_a_rollback_latches_and_until_it_is_acknowledged_nothing_raises_the_weight(change: Change) -> None:
    change("start_plan", steps_bp=[1_000, 5_000], min_s=0, is_fresh_cohort=False)
    row = change("roll_back")
    assert (row.weight_bp, row.latched, row.plan) == (0, True, None)
    for service, arguments in {
        "set_weight": {"weight_bp": 100},
        "start_plan": {"steps_bp": [100], "min_s": 0, "is_fresh_cohort": False},
        "promote_plan": {},
        "resume_plan": {},
    }.items():
        with pytest.raises(Refused) as caught:
            change(service, **arguments)
        assert caught.value.code == "latched"
        assert caught.value.current["latched"]
    assert change("acknowledge").weight_bp == 0
    assert change("set_weight", weight_bp=100).weight_bp == 100


def test_an_acknowledged_rollback_closes_its_evidence(change: Change) -> None:
    release = change("set_weight", weight_bp=100).release
    change("roll_back")
    row = change("acknowledge")
    assert (row.release, row.plan, row.latched) == (release + 1, None, False)


def test_a_rollback_compares_no_version_and_may_be_repeated(change: Change) -> None:
    change("set_weight", weight_bp=5_000)
    assert change("roll_back", evidence={"log_e": float("inf"), "users": {7: [1, None]}}).version == 2
    assert change("roll_back").version == 3
    assert RolloutEvent.objects.get(version=2).evidence == {"log_e": "inf", "users": {"7": [1, None]}}
    assert first_broken_version() is None


def test_without_a_rollback_there_is_nothing_to_acknowledge(change: Change) -> None:
    with pytest.raises(Refused, match="no rollback"):
        change("acknowledge")


def test_with_v1_switched_off_a_rollback_is_refused_with_the_reason(
    change: Change, rollout: Callable[..., None]
) -> None:
    change("set_weight", weight_bp=5_000)
    rollout(IS_V1_ENABLED=False)
    with pytest.raises(Refused, match="USE_LEGACY_API_V1=false"):
        change("roll_back")
    rollout()
    assert change("roll_back").weight_bp == 0


@pytest.mark.parametrize("reason", ["", " ", "\0"])
def test_a_change_without_a_reason_is_refused(change: Change, reason: str) -> None:
    with pytest.raises(Refused, match="needs a reason"):
        change("set_weight", weight_bp=1, reason=reason)


def test_a_reason_that_no_database_takes_is_stored_as_far_as_it_can_be(change: Change) -> None:
    change("set_weight", weight_bp=1, reason="a\0b\udcff" + "x" * 2_000, actor="é" * 500)
    assert RolloutEvent.objects.get().reason.startswith("ab?x")
    assert first_broken_version() is None
