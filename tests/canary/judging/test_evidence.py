"""What the controller keeps: the same evidence to the last bit, however often it stops; rows that don't grow for ever."""

import datetime
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection

from canary.core.judgements import Judgement
from canary.core.statistics import Evidence
from canary.judging import evidence, judging
from canary.judging.controller import Controller
from canary.judging.leadership import Leadership, NotLeadingError
from canary.models import EvidenceCheckpoint, EvidencePoint, Observation, Rollout, Verdict
from tests.canary.judging.conftest import Change, Clock
from tests.canary.judging.crowd import arrive, in_one_go, some

Turn = Callable[[], Judgement | None]


@pytest.fixture
def running(change: Change) -> Rollout:
    return change("set_weight", weight_bp=2_000)


def test_controllers_that_take_turns_come_to_the_same_state_as_one_that_never_stopped(
    running: Rollout, clock: Clock
) -> None:
    for start in range(0, 1_500, 300):
        controller = Controller(clock)
        arrive(range(start, start + 300), some)
        assert controller.lead()
        controller.turn()
        arrive(range(start + 100, start + 400))
        controller.turn()
        controller.finish()
    saved = EvidenceCheckpoint.objects.get()
    assert bytes(saved.state) == in_one_go(running.release)
    assert saved.sequence == Observation.objects.count() == Evidence.load(bytes(saved.state)).taken


def test_without_a_checkpoint_all_is_replayed(running: Rollout, turn: Turn, caplog: Any) -> None:
    arrive(range(500), some)
    turn()
    EvidenceCheckpoint.objects.update(state=b"of another version")
    assert evidence.open_book(running.release).evidence.dump() == in_one_go(running.release)
    assert "of another version" in caplog.text


@pytest.mark.skipif(connection.vendor != "postgresql", reason="PostgreSQL plans by what it last counted")
def test_a_burst_after_the_table_was_counted_as_empty_is_read_once(running: Rollout) -> None:
    arrive(range(1_500), some)
    Observation.objects.all().delete()
    read = "SELECT idx_tup_fetch + seq_tup_read FROM pg_stat_xact_user_tables WHERE relname = 'canary_observation'"
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE canary_observation")
        arrive(range(1_000), some)
        book = evidence.open_book(running.release)
        cursor.execute(read)
        (before,) = cursor.fetchone()
        assert len(evidence.take_new(book)) == 2_000
        cursor.execute(read)
        assert cursor.fetchone()[0] - before < 20 * 2_000  # some four of each; in a join planned for no rows 2,000


def test_a_new_release_begins_anew_and_late_rows_of_the_old_one_are_passed_over(
    running: Rollout, turn: Turn, change: Change
) -> None:
    arrive(range(500), some)
    turn()
    started = change("start_plan", steps_bp=[1_000], min_s=0, is_fresh_cohort=True)
    arrive(range(500, 600), row=running)
    arrive(range(100))
    assert turn().numbers["observations"] == 200
    assert not Observation.objects.filter(sequence=None).exists()
    assert bytes(EvidenceCheckpoint.objects.get(release=started.release).state) == in_one_go(started.release)


def test_numbers_go_on_after_all_rows_were_pruned(running: Rollout, turn: Turn, controller: Controller) -> None:
    arrive(range(100))
    turn()
    controller.finish()
    Observation.objects.all().delete()
    arrive(range(100, 150))
    turn()
    assert Observation.objects.earliest("sequence").sequence == 201
    assert evidence.open_book(running.release).evidence.taken == 300


def test_a_verdict_is_a_row_when_it_changes_and_is_renewed_while_it_does_not(
    running: Rollout, clock: Clock, now: datetime.datetime
) -> None:
    def judged(kind: str, reason: str, sentence: str) -> list[tuple[str, str, datetime.datetime]]:
        judging.write_verdict(running, Judgement(kind, sentence, {}, reason=reason), clock.now)
        clock.pass_s(10)
        return list(Verdict.objects.order_by("pk").values_list("kind", "sentence", "at"))

    assert judged("hold", "not_safe", "5 are missing") == [("hold", "5 are missing", now)]
    assert judged("hold", "not_safe", "4 are missing") == [("hold", "4 are missing", now)]
    assert [row[0] for row in judged("hold", "finding", "an N+1")] == ["hold", "hold"]
    assert [row[0] for row in judged("pass", "safe", "safe")] == ["hold", "hold", "pass"]


def test_points_for_charts_are_bounded_and_keep_the_first_and_the_latest(
    running: Rollout, now: datetime.datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(judging, "POINTS_MAX", 40)
    for number in range(200):
        judging.write_point(running.release, {"overall": float(number)}, now)
    kept = [point.log_e["overall"] for point in EvidencePoint.objects.order_by("pk")]
    assert len(kept) <= 40
    assert (kept[0], kept[-5:]) == (0.0, [195.0, 196.0, 197.0, 198.0, 199.0])


def test_a_turn_without_news_writes_no_rows(running: Rollout, turn: Turn) -> None:
    arrive(range(100))
    turn()
    for _ in range(3):
        turn()
    assert (EvidencePoint.objects.count(), Verdict.objects.count(), EvidenceCheckpoint.objects.count()) == (1, 1, 1)


@pytest.mark.django_db
def test_one_leads_and_another_only_after_it_gave_back_or_let_it_expire() -> None:
    first, second = Leadership(), Leadership()
    assert (first.seize(), second.seize(), first.keep(), second.keep()) == (True, False, True, False)
    first.give_back()
    assert (second.seize(), first.keep(), first.seize()) == (True, False, False)
    brief, third = Leadership("other", seconds=-1), Leadership("other")
    assert (brief.seize(), third.seize(), brief.keep()) == (True, True, False)


def test_a_controller_that_lost_the_lease_without_knowing_it_writes_nothing(running: Rollout, clock: Clock) -> None:
    """As after a pause of the whole machine, in the middle of a turn."""
    arrive(range(100))
    paused, other = Controller(clock), Controller(clock)
    paused.leadership = Leadership(seconds=-1)
    assert paused.lead()
    clock.meanwhile = [other.lead]
    with pytest.raises(NotLeadingError):
        paused.turn()
    assert other.is_leading
    assert not Verdict.objects.exists()
    assert not EvidenceCheckpoint.objects.exists()


@pytest.mark.django_db
def test_the_fence_lets_nobody_through_but_the_leader() -> None:
    first, second = Leadership(seconds=-1), Leadership()
    assert first.seize()
    assert second.seize()
    with pytest.raises(NotLeadingError), first.fenced():
        pytest.fail("the fence was open")
