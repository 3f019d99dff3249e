"""What waits for the database: bounded, whole, written once, and by several workers at a time."""

import datetime
import math
import threading
from collections.abc import Iterator

import pytest
from django.db import OperationalError, connection, connections

from canary.conf import EVER
from canary.core.bucketing import bucket
from canary.core.statistics.evidence import Evidence
from canary.core.statistics.observed import Observed
from canary.core.values import Decision, Identity, Snapshot
from canary.models import ConsumerUsage, MetricBucket, Observation, QueryFinding, Recorder, SeenIdentity
from canary.recording import batches, flushing
from canary.recording.batches import Batch, CellKey, LastSeen, ObservationRow, Usage, UsageKey
from canary.recording.recorder import Seen
from canary.recording.tally import Tally
from canary.recording.traffic import Top
from canary.recording.writing import Header, write
from canary.requests.queries import Counted
from tests.canary.seeing import fresh_recorder

NOW = datetime.datetime(2026, 11, 25, 12, 0, 3, tzinfo=datetime.UTC)


def key(start_s: int, route: str = "GET /things") -> CellKey:
    return CellKey(start_s, 1, 1, 5_000, 2, route, True)


def observation(unit: str) -> ObservationRow:
    return ObservationRow(1, 1, 5_000, unit, 2, "seen", "GET /things", None, False, "n", NOW, unit)


def batch_of(consumers: list[str]) -> Batch:
    """A call of v1 by each of them, who were all on the entrance too, and a statement repeated by each."""
    batch = Batch()
    for name in consumers:
        usage = batch.usage(UsageKey(NOW.date(), "client", name, "GET /things"), lambda: Usage("curl", NOW))
        usage.calls += 1
        batch.see(Identity("client", name), LastSeen(NOW, None))
        found = batch.finding(
            batches.FindingKey(1, 2, "GET /things", name), lambda: batches.Finding("SELECT", NOW, NOW)
        )
        found.requests += 1
        found.repeats_max = 7
    cell = batch.cell(key(int(NOW.timestamp())))
    cell.requests += len(consumers)
    return batch


def seen(decision: Decision, snapshot: Snapshot, took_s: float) -> Seen:
    request = ("GET", "things", "/api/things", 200, decision, snapshot, Counted(0))
    person = (decision.identity.id, EVER) if decision.identity else None
    return Seen(0, round(took_s * 1e9), *request, "", person, None, "", "", "192.0.2.1", "curl")


def header(worker: str, number: int) -> Header:
    return Header(worker, number, NOW, 0, 0, Top(None, 0, 0))


def test_times_grow_coarser_before_anything_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "CELLS_MAX", 100)
    batch = Batch()
    for second in range(0, 20_000, 5):
        batch.cell(key(second)).requests += 1
    assert len(batch.cells) <= 100
    assert sum(cell.requests for cell in batch.cells.values()) == 4_000
    assert batch.lost == 0


def test_what_no_coarser_time_makes_room_for_is_counted_as_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "CELLS_MAX", 10)
    batch = Batch()
    for number in range(50):
        batch.cell(key(0, f"GET /{number}")).requests += 1
    assert sum(cell.requests for cell in batch.cells.values()) + batch.lost == 50
    assert batch.lost > 0


def test_the_oldest_observations_go_first_and_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "OBSERVATIONS_MAX", 3)
    batch = Batch()
    for number in range(5):
        batch.observe(observation(str(number)))
    assert [row.unit for row in batch.observations] == ["2", "3", "4"]
    assert batch.lost == 2


def test_beyond_the_bound_consumers_are_counted_without_their_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "USAGES_MAX", 2)
    batch = Batch()
    for name in "abcdab":
        batch.usage(UsageKey(NOW.date(), "client", name, "GET /things"), lambda: Usage("", NOW)).calls += 1
    assert {usage.identifier: found.calls for usage, found in batch.usages.items()} == {"a": 2, "b": 2, "": 2}


def test_only_buckets_whose_time_is_over_are_taken_along() -> None:
    batch = Batch()
    batch.cell(key(100)).requests = 1
    batch.cell(key(105)).requests = 2
    taken = batch.take_closed(107)
    assert [found.requests for found in taken.cells.values()] == [1]
    assert [found.requests for found in batch.cells.values()] == [2]


def test_observations_are_taken_along_in_the_order_in_which_their_requests_came() -> None:
    batch, now_s = Batch(), NOW.timestamp()
    for second in (2, 0, 5, 1):
        batch.observe(observation(str(second))._replace(at=NOW + datetime.timedelta(seconds=second)))
    assert [row.unit for row in batch.take_closed(now_s + 2).observations] == ["0", "1", "2"]
    assert [row.unit for row in batch.take_closed(math.inf).observations] == ["5"]
    assert batch.is_empty()


@pytest.mark.parametrize("begins_s", [0.002, 0.02, 0.25, 0.999])
def test_a_quicker_version_does_not_look_as_if_too_many_users_had_come_to_it(begins_s: float) -> None:
    """2,000 users a second, of whom v2's are answered at once and v1's after 0.3 s; a turn of the recorder comes early."""
    tally, evidence, salt = Tally(), Evidence.fresh(), "salt"
    snapshot = Snapshot(1, 1_000, salt, stage=1)
    answered = []
    for number in range(4_000):
        identity, came_s = Identity("user", str(number)), 1_000 + number / 2_000
        on_v2 = bucket(identity, salt) < snapshot.weight_bp
        answered.append(
            (came_s + (0.001 if on_v2 else 0.3), 0.001 if on_v2 else 0.3, Decision(1 + on_v2, "bucket", identity))
        )
    answered.sort(key=lambda one: one[0])
    for turn in range(5):
        now_s = 1_000 + begins_s + turn
        while answered and answered[0][0] <= now_s:
            at_s, took_s, decision = answered.pop(0)
            tally.take(seen(decision, snapshot, took_s), at_s)
        for row in tally.batch.take_closed(now_s - flushing.GRACE_S).observations:
            evidence.take(Observed(*(getattr(row, name) for name in Observed._fields)))
    assert sum(evidence.sample_ratio.counts()) == 4_000
    assert evidence.sample_ratio.peak < math.log(100)  # in the order of the answers e^155, where 1,000 freezes


@pytest.mark.django_db
def test_a_batch_whose_commit_got_no_answer_is_not_written_twice() -> None:
    for _ in range(2):
        write(batch_of(["a"]), header("host:1:1", 7))
    write(batch_of(["a"]), header("host:1:1", 8))
    write(batch_of(["a"]), header("host:2:1", 8))
    assert ConsumerUsage.objects.get().calls == 3
    assert sum(MetricBucket.objects.values_list("requests", flat=True)) == 3
    assert (QueryFinding.objects.get().requests, QueryFinding.objects.get().repeats_max) == (3, 7)
    assert SeenIdentity.objects.count() == 1


@pytest.fixture
def _fresh() -> Iterator[None]:
    with fresh_recorder():
        yield


@pytest.mark.django_db
@pytest.mark.usefixtures("_fresh")
def test_a_batch_that_failed_is_written_with_the_next_turn_before_what_came_since(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def away(*_: object) -> None:
        raise OperationalError("gone")

    outbox = flushing.outbox
    outbox.tally.batch.observe(observation("first"))
    with pytest.raises(OperationalError), connection.execute_wrapper(away):
        outbox.write(is_last=True)
    outbox.tally.batch.observe(observation("second"))
    outbox.write(is_last=True)
    assert list(Observation.objects.order_by("pk").values_list("unit", flat=True)) == ["first", "second"]
    assert Recorder.objects.get().lost == 0


@pytest.mark.django_db
@pytest.mark.usefixtures("_fresh")
def test_a_batch_that_no_database_would_take_is_let_go_and_counted() -> None:
    outbox = flushing.outbox
    outbox.tally.batch.observe(observation("x")._replace(release=None))  # type: ignore[arg-type]
    with pytest.raises(Exception, match=r"(?i)null"):
        outbox.write(is_last=True)
    outbox.tally.batch.observe(observation("good"))
    outbox.write(is_last=True)
    assert Observation.objects.get().unit == "good"
    assert Recorder.objects.get().lost == 1


@pytest.mark.django_db(transaction=True)
def test_workers_that_write_the_same_rows_at_once_add_up_and_never_block_each_other() -> None:
    if connection.vendor == "sqlite":
        pytest.skip("threads of one in-memory SQLite share a connection; processes are tested in live/")
    names, failures = [f"client-{n}" for n in range(60)], []

    def work(worker: int) -> None:
        try:
            for number in range(1, 11):
                write(batch_of(names if worker % 2 else names[::-1]), header(f"host:{worker}:1", number))
        except Exception as error:
            failures.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=work, args=(worker,)) for worker in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert set(ConsumerUsage.objects.values_list("calls", flat=True)) == {40}
    assert set(QueryFinding.objects.values_list("requests", flat=True)) == {40}
    assert sum(MetricBucket.objects.values_list("requests", flat=True)) == 4 * 10 * 60
