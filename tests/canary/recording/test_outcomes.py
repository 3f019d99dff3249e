"""What each unit was answered minute by minute: which requests count, for whom, and how many units are looked at."""

import datetime
import random
import time
from collections.abc import Callable, Iterator

import pytest
from django.http import HttpResponse
from django.test import Client

from canary.conf import BUSY
from canary.core.breakers import is_sampled
from canary.models import MetricBucket, UnitMinute
from canary.recording.batches import OUTCOMES_MAX, Batch, CellKey
from canary.recording.flushing import flush
from canary.recording.outcomes import UNITS_A_MINUTE, Outcome, OutcomeKey, Sample
from tests.canary.seeing import ARMS, ask, client_on, fresh_recorder, metrics_of, weight

PATH = "/api/things/7"
MINUTE = datetime.datetime(2026, 11, 25, 12, 0, tzinfo=datetime.UTC)


def key(number: int, minute: int = 0, api_version: int = 1) -> OutcomeKey:
    unit = f"{random.Random(number).getrandbits(128):032x}"
    return OutcomeKey(MINUTE + datetime.timedelta(minutes=minute), 1, 1, api_version, unit)


def is_named_away(response: HttpResponse) -> bool | str:
    return response.headers.get("away", False)


@pytest.fixture
def half(rollout: Callable[..., None], db: None) -> Iterator[None]:
    rollout(0, **ARMS)
    with fresh_recorder():
        weight(5_000)
        yield


def counts(*names: str) -> list[tuple[int, ...]]:
    """Summed up over the minutes."""
    found: dict[tuple[int, str], list[int]] = {}
    for version, unit, *values in UnitMinute.objects.values_list("api_version", "unit", *names):
        sums = found.setdefault((version, unit), [0] * len(names))
        found[version, unit] = [total + new for total, new in zip(sums, values, strict=True)]
    return sorted((version, *sums) for (version, _), sums in found.items())


def test_answers_and_failures_are_counted_by_version(half: None) -> None:
    ask(PATH, client_on(1), times=3)
    ask(f"{PATH}?v2=503", client_on(2), times=2)
    flush(is_last=True)
    ask(PATH, client_on(2))
    flush(is_last=True)
    assert counts("answers", "failures") == [(1, 3, 0), (2, 3, 2)]


def test_refused_reads_are_reads_and_no_judged_answers(half: None) -> None:
    """A stranger's 400s counted as good: v2 failed all that its only users asked for, and was not rolled back."""
    ask(f"{PATH}?v2=404", client_on(2), times=2)
    ask(f"{PATH}?v2=422", client_on(2))
    Client().post(PATH, headers={"x-client-id": client_on(2)})
    flush(is_last=True)
    assert counts("answers", "failures", "reads", "refused_reads") == [(2, 1, 0, 3, 3)]


def test_what_both_versions_need_and_is_away_fails_neither(half: None, rollout: Callable[..., None]) -> None:
    rollout(0, **ARMS, IS_AWAY="tests.canary.recording.test_outcomes.is_named_away")
    ask(f"{PATH}?v2=503&away=1", client_on(2), times=2)
    ask(f"{PATH}?v2=503", client_on(2))
    flush(is_last=True)
    assert counts("answers", "failures", "failed_over", "failed_twice") == [(2, 1, 1, 1, 0)]


@pytest.mark.parametrize("version", [1, 2])
def test_what_is_away_is_no_evidence_and_no_judged_request(
    half: None, rollout: Callable[..., None], version: int
) -> None:
    """Five strangers on v2 and one flood of dear searches rolled a sound v2 back: it said it was too busy, as v1 did."""
    rollout(0, **ARMS, IS_AWAY="tests.canary.recording.test_outcomes.is_named_away")
    ask(f"{PATH}?v{version}=503&away=1", client_on(version), times=4)
    flush(is_last=True)
    assert metrics_of(api_version=version) == ["seen"]
    assert set(MetricBucket.objects.values_list("judged", flat=True)) == {False}
    ask(f"{PATH}?v{version}=503", client_on(version))
    flush(is_last=True)
    assert "error" in metrics_of(api_version=version)


@pytest.mark.parametrize("version", [1, 2])
def test_a_version_without_room_has_refused_its_users_and_failed_nobody(
    half: None, rollout: Callable[..., None], version: int
) -> None:
    """Else v2 could be too busy for a route to all of its users, and pass: v1 answers them."""
    rollout(0, **ARMS, IS_AWAY="tests.canary.recording.test_outcomes.is_named_away")
    ask(f"{PATH}?v{version}=503&away={BUSY}", client_on(version), times=4)
    flush(is_last=True)
    assert metrics_of(api_version=version) == metrics_of() == ["seen", "refusal"]
    assert set(MetricBucket.objects.values_list("judged", flat=True)) == {False}
    assert counts("answers", "failures", "failed_over") == [(version, 0, 0, 0)]


@pytest.mark.parametrize(("query", "failed_twice"), [("v2=500", 0), ("status=500", 2)])
def test_what_v1_answers_instead_is_counted_beside_the_failure(half: None, query: str, failed_twice: int) -> None:
    ask(f"{PATH}?{query}", client_on(2), times=2)
    flush(is_last=True)
    assert counts("answers", "failures", "reads", "failed_over", "failed_twice") == [(2, 2, 2, 2, 2, failed_twice)]


def an_hour_ago() -> float:
    return time.time() - 3_600


def test_requests_are_dated_by_the_clock_that_all_agree_on(half: None, rollout: Callable[..., None]) -> None:
    """By its own clock a process an hour ahead wrote nothing for an hour, and its failures were not seen."""
    rollout(0, **ARMS, CLOCK="tests.canary.recording.test_outcomes.an_hour_ago")
    ask(f"{PATH}?v2=500", client_on(2))
    flush(is_last=True)
    (at,) = UnitMinute.objects.filter(api_version=2).values_list("start_at", flat=True)
    assert abs(at.timestamp() - an_hour_ago()) < 300


def test_clients_at_one_address_are_one_unit_and_forced_versions_none(half: None) -> None:
    for number in range(5):
        ask(PATH, client_on(2, number))
    ask(PATH, client_on(1), api_version="2")
    flush(is_last=True)
    assert counts("answers") == [(2, 5)]


def test_rows_are_written_as_often_as_totals_and_no_oftener() -> None:
    batch, start_s = Batch(), int(MINUTE.timestamp())
    batch.cell(CellKey(start_s, 1, 1, 5_000, 2, "GET /things", judged=True))
    batch.outcome(key(1), 0).answers += 1
    assert not batch.take_closed(start_s + 4).outcomes
    assert batch.take_closed(start_s + 5).outcomes == {key(1): Outcome(0, answers=1)}
    assert not batch.outcomes


def test_while_the_database_is_away_the_oldest_rows_go() -> None:
    batch = Batch()
    for number in range(OUTCOMES_MAX + 10):
        batch.outcome(OutcomeKey(MINUTE, 1, 1, 2, f"{number:032x}"), 0)
    assert (len(batch.outcomes), batch.lost) == (OUTCOMES_MAX, 10)


def test_few_units_are_all_looked_at() -> None:
    sample = Sample()
    assert {sample.halvings_for(key(number)) for number in range(UNITS_A_MINUTE)} == {0}


def test_of_too_many_units_the_same_half_is_looked_at_by_every_process() -> None:
    sample = Sample()
    for number in range(4 * UNITS_A_MINUTE):
        sample.halvings_for(key(number))
    looked_at = {number for number in range(4 * UNITS_A_MINUTE) if sample.halvings_for(key(number)) is not None}
    halvings = sample.halvings_for(key(min(looked_at)))
    assert halvings is not None
    assert halvings >= 1
    assert looked_at == {number for number in range(4 * UNITS_A_MINUTE) if is_sampled(key(number).unit, halvings)}
    assert len(looked_at) == pytest.approx(4 * UNITS_A_MINUTE / 2**halvings, rel=0.2)
    assert sample.halvings_for(key(0, api_version=2)) == 0


def test_quiet_minutes_bring_back_what_was_left_out() -> None:
    sample = Sample()
    for number in range(3 * UNITS_A_MINUTE):
        sample.halvings_for(key(number))
    for minute in range(1, 10):
        for number in range(10):
            sample.halvings_for(key(number, minute))
    assert {sample.halvings_for(key(number, 10)) for number in range(10)} == {0}
