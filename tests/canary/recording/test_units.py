"""What the requests of one unit come to: its summaries of latency within the warm-up of a step, and after it."""

import datetime

import pytest

from canary.core.values import Snapshot
from canary.recording.units import Judged, Subject, Units

BEGAN = datetime.datetime(2026, 12, 1, tzinfo=datetime.UTC)


def noted(units: Units, *came_after_s: float, unit: str = "a", stage: int = 1, ms: float = 10.0) -> list[str]:
    snapshot = Snapshot(version=1, weight_bp=5_000, salt="salt", stage=stage)
    subject = Subject(unit, unit, is_authenticated=True)
    requests = (
        Judged(snapshot, 2, subject, "GET /posts", 200, ms, "n", BEGAN + datetime.timedelta(seconds=after_s))
        for after_s in came_after_s
    )
    return [row.metric for judged in requests for row in units.observe(judged)]


@pytest.fixture
def units() -> Units:
    """The warm-up is the usual one, 180 s."""
    return Units()


def test_a_summary_within_the_warm_up_is_told_apart_and_another_one_follows(units: Units) -> None:
    assert noted(units, 0, 1, 2) == ["seen", "latency_cold", "settled"]
    assert noted(units, 150, 160, 170) == []
    assert noted(units, 180, 181, 182, 183) == ["latency"]


def test_requests_of_the_warm_up_are_no_part_of_a_later_summary(units: Units) -> None:
    assert noted(units, 0, 1) == ["seen"]
    assert noted(units, 200, 201) == ["settled"]
    assert noted(units, 202) == ["latency"]


def test_a_request_that_came_in_the_warm_up_and_was_answered_after_it_changes_nothing(units: Units) -> None:
    assert noted(units, 0, 200, 201) == ["seen", "settled"]
    assert noted(units, 179, 202, 203) == ["latency"]


def test_each_stage_is_warmed_up_anew(units: Units) -> None:
    assert noted(units, 0, 200, 201, 202) == ["seen", "settled", "latency"]
    assert noted(units, 1_000, 1_001, 1_002, stage=2) == ["seen", "latency_cold", "settled"]


def test_an_error_counts_from_the_start(units: Units) -> None:
    snapshot = Snapshot(version=1, weight_bp=5_000, salt="salt")
    failed = Judged(snapshot, 2, Subject("a", "a", is_authenticated=True), "GET /posts", 500, 10.0, "n", BEGAN)
    assert [row.metric for row in units.observe(failed)] == ["seen", "error"]
