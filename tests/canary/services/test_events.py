"""The chain in the database, the message of each change, and what happens when the database doesn't answer."""

from collections.abc import Callable

import pytest
from django.db import connection
from django.db.utils import OperationalError

from canary.core.values import Identity
from canary.errors import StoreUnreachable
from canary.models import ListEntry, Rollout, RolloutEvent
from canary.reporting.history import first_broken_version
from canary.requests.faults import faults

Change = Callable[..., Rollout]
told: list[RolloutEvent] = []


def listen(event: RolloutEvent) -> None:
    told.append(event)


def fail(event: RolloutEvent) -> None:
    ListEntry.objects.get(kind="none")


@pytest.fixture
def history(change: Change) -> Change:
    change("set_weight", weight_bp=100)
    change("add_to_list", list="allow", identity=Identity("user", "1"))
    change("start_plan", steps_bp=[1_000, 5_000], min_s=0.5, is_fresh_cohort=True)
    change("promote_plan", evidence={"log_e": 1.0, "share": 1e22})
    change("roll_back")
    return change


def test_a_history_as_it_was_made_is_whole(history: Change) -> None:
    assert first_broken_version() is None


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("reason", "another"),
        ("actor", "mallory"),
        ("after", {"weight_bp": 9_000}),
        ("evidence", {"n": 1}),
        ("hash", "0"),
    ],
)
def test_one_changed_event_is_found(history: Change, column: str, value: object) -> None:
    RolloutEvent.objects.filter(version=3).update(**{column: value})
    assert first_broken_version() == 3


@pytest.mark.parametrize("version", [1, 3, 5])
def test_one_missing_event_is_found_even_the_last(history: Change, version: int) -> None:
    RolloutEvent.objects.filter(version=version).delete()
    assert first_broken_version() == version


def test_a_row_that_was_changed_without_an_event_is_found(history: Change) -> None:
    history("acknowledge")
    assert first_broken_version() is None
    Rollout.objects.update(weight_bp=10_000)
    assert first_broken_version() == 6


def test_whoever_listens_is_told_of_each_change(change: Change, rollout: Callable[..., None]) -> None:
    told.clear()
    rollout(NOTIFY=f"{__name__}.listen")
    change("set_weight", weight_bp=100)
    change("roll_back")
    assert [(event.verb, event.version) for event in told] == [("set", 1), ("rollback", 2)]


def test_a_message_that_fails_stops_no_change(change: Change, rollout: Callable[..., None]) -> None:
    rollout(NOTIFY=f"{__name__}.fail")
    before = faults.count
    assert change("roll_back").latched
    assert faults.count == before + 1


def test_a_database_that_does_not_answer_is_named_as_the_reason(change: Change) -> None:
    def refuse(*_: object) -> None:
        raise OperationalError("connection refused\nIs the server running?")

    with connection.execute_wrapper(refuse), pytest.raises(StoreUnreachable) as caught:
        change("set_weight", weight_bp=1, expected_version=0)
    assert caught.value.sentence.endswith("nothing was changed: connection refused.")
