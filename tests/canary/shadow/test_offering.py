"""Shadow reads beside requests: sampled cheaply, queued within bounds, paid from a budget, added up, never in the way."""

import dataclasses
import datetime
import timeit
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import pytest
from django.db import OperationalError, connection
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory
from django.urls import ResolverMatch
from django.utils import timezone

from canary.core.mapping import Difference
from canary.core.values import Decision, Identity, Snapshot
from canary.metrics.counters import SHADOW_RESULTS
from canary.models import Crash, ShadowDifference
from canary.requests.black_box import REPEAT, BlackBox, read_box
from canary.requests.faults import faults
from canary.requests.in_flight import flights
from canary.shadow.asking import Voter
from canary.shadow.offering import QUEUE_MAX, READER, Budget, ShadowReader, read_of
from canary.shadow.reading import Outcome, Vote
from canary.shadow.results import TIME_EVERY_S, Tally, Votes, summary, totals
from canary.shadow.watchdog import LOST_MAX, OverdueError, Watchdog
from canary.state.store import current_snapshot

pytestmark = (
    pytest.mark.django_db
)  # closing an answer closes connections, which other tests of this process may have left

Rollout = Callable[..., None]
SNAPSHOT = Snapshot(version=0, weight_bp=0, salt="s")
RELEASE_3 = Snapshot(version=0, weight_bp=0, salt="s", release=3)
V1 = Decision(1, "pinned")


@pytest.fixture
def reader() -> ShadowReader:
    """As after its first turn."""
    reader = ShadowReader()
    reader.is_open = True
    return reader


def offered(
    reader: ShadowReader,
    path: str = "/api/v1/posts",
    *,
    method: str = "GET",
    status: int = 200,
    decision: Decision = V1,
    **meta: Any,
) -> int:
    """How many reads wait after one answer was offered and sent."""
    request = RequestFactory().generic(method, path, **meta)
    response = HttpResponse(b"{}", status=status)
    reader.offer(request, response, decision, SNAPSHOT)
    response.close()
    return reader.waiting


def put(reader: ShadowReader, path: str = "/api/v1/posts", snapshot: Snapshot = SNAPSHOT) -> None:
    """As once its answer is sent; to close that would close the test's connection."""
    reader.put(read_of(RequestFactory().get(path), V1, snapshot))


def test_reads_of_both_versions_are_taken_from_both_doors(rollout: Rollout, reader: ShadowReader) -> None:
    rollout(SHADOW_BP=10_000)
    offers = [("/api/v1/posts", V1), ("/api/v2/posts", Decision(2, "pinned")), ("/api/posts", Decision(2, "bucket"))]
    assert [offered(reader, path, decision=decision) for path, decision in offers] == [1, 2, 3]


def test_what_v2_refused_is_asked_of_v1_beside_the_pair(rollout: Rollout, reader: ShadowReader) -> None:
    rollout(SHADOW_BP=10_000)
    assert offered(reader, "/api/posts", status=404, decision=Decision(2, "bucket", Identity("client", "c"), 1)) == 2


@pytest.mark.parametrize(
    "other",
    [
        {"method": "POST"},
        {"method": "HEAD"},
        {"HTTP_COOKIE": "sessionid=x"},
    ],
)
def test_all_else_is_left_alone(rollout: Rollout, reader: ShadowReader, other: dict[str, Any]) -> None:
    rollout(SHADOW_BP=10_000)
    assert offered(reader, **other) == 0


def test_it_is_repeated_after_the_answer_was_sent(rollout: Rollout, reader: ShadowReader) -> None:
    rollout(SHADOW_BP=10_000)
    response = HttpResponse()
    reader.offer(RequestFactory().get("/api/v1/posts"), response, V1, SNAPSHOT)
    assert reader.waiting == 0
    response.close()
    assert reader.waiting == 1


def test_nothing_is_taken_at_a_share_of_zero_without_a_thread_with_v2_off_or_rolled_back(
    rollout: Rollout, reader: ShadowReader
) -> None:
    rollout(SHADOW_BP=0)
    assert offered(reader) == 0
    rollout(SHADOW_BP=10_000)
    reader.is_open = False
    assert offered(reader) == 0
    reader.is_open = True
    for off in ({"is_candidate_enabled": False}, {"latched": True}):
        response = HttpResponse()
        reader.offer(RequestFactory().get("/api/v1/posts"), response, V1, dataclasses.replace(SNAPSHOT, **off))
        response.close()
    assert reader.waiting == 0


def test_the_share_is_a_sample(rollout: Rollout, reader: ShadowReader) -> None:
    rollout(SHADOW_BP=100)
    for _ in range(5_000):
        offered(reader)
    assert 15 <= reader.waiting <= QUEUE_MAX  # 50 expected; further off once in a million runs


def test_what_the_queue_can_not_hold_is_dropped_and_counted(rollout: Rollout, reader: ShadowReader) -> None:
    rollout(SHADOW_BP=10_000)
    for _ in range(QUEUE_MAX + 7):
        offered(reader)
    assert reader.waiting == QUEUE_MAX
    assert reader.tally.totals == {(1, "", "dropped"): 7}


def test_headers_that_shorten_an_answer_and_cookies_are_left_out() -> None:
    headers = {"HTTP_IF_NONE_MATCH": '"x"', "HTTP_COOKIE": "canary_id=x", "HTTP_X_CLIENT_ID": "c"}
    read = read_of(RequestFactory().get("/api/v1/posts?page=2", **headers), V1, RELEASE_3)
    assert {name for name in read.meta if name.startswith("HTTP_")} == {"HTTP_X_CLIENT_ID"}
    assert (read.path, read.query, read.release, read.has_credentials) == ("/api/v1/posts", "page=2", 3, False)


@pytest.mark.parametrize("header", ["HTTP_AUTHORIZATION", "HTTP_X_API_KEY"])
def test_a_read_with_a_token_or_a_key_is_not_public(rollout: Rollout, header: str) -> None:
    read = read_of(RequestFactory().get("/api/v1/posts", **{header: "x"}), V1, RELEASE_3)
    assert read.has_credentials


def test_a_read_has_a_vote_once_a_rollout_is_stored_and_unless_it_is_excluded(rollout: Rollout) -> None:
    request = RequestFactory().get("/api/v1/posts", HTTP_X_CLIENT_ID="c")
    assert read_of(request, V1, SNAPSHOT).voter is None
    stored = dataclasses.replace(SNAPSHOT, version=1)
    first, again = (read_of(request, V1, stored).voter for _ in range(2))
    assert first is not None
    assert (first, first.is_authenticated) == (again, False)
    assert first.unit != first.network
    rollout(IS_EXCLUDED="tests.canary.shadow.test_offering.always")
    assert read_of(request, V1, stored).voter is None


def always(request: HttpRequest) -> str:
    return "staff"


def test_votes_on_time_begin_after_the_warm_up_of_a_step(rollout: Rollout, now: datetime.datetime) -> None:
    rollout(WARM_UP_S=180)
    first, second = (
        Voter(dataclasses.replace(SNAPSHOT, version=1, release=4, stage=stage), "u", "n", is_authenticated=True)
        for stage in (1, 2)
    )
    pair = Outcome("GET /a", "equal", votes=(Vote("pair_time", 2, 0.5), Vote("pair_error", 1, 2.0)))
    votes, began = Votes(), [(first, 0), (first, 179), (first, 180), (second, 200), (second, 379), (second, 380)]
    rows = [votes.rows_of(pair, voter, now + datetime.timedelta(seconds=after_s)) for voter, after_s in began]
    assert [len(some) for some in rows] == [1, 1, 2] * 2


def test_only_so_many_votes_on_the_time_of_a_route_are_written(rollout: Rollout, now: datetime.datetime) -> None:
    rollout(WARM_UP_S=0)
    voter = Voter(dataclasses.replace(SNAPSHOT, version=1, release=4, stage=2), "u", "n", is_authenticated=True)
    pair = Outcome("GET /a", "equal", shared="GET /b", votes=(Vote("pair_time", 2, 0.5), Vote("pair_error", 1, 2.0)))
    votes = Votes()
    rows = [votes.rows_of(pair, voter, now + datetime.timedelta(seconds=TIME_EVERY_S * n / 2)) for n in range(4)]
    assert [[row.metric for row in some] for some in rows] == [["pair_time", "pair_error"], ["pair_error"]] * 2
    first = rows[0][0]
    assert (first.release, first.stage, first.unit, first.network) == (4, 2, "u", "n")
    assert (first.api_version, first.route, first.value, first.is_authenticated) == (2, "GET /b", 0.5, True)
    assert votes.rows_of(pair, None, now) == []


def test_a_pair_that_hangs_is_late_and_with_too_many_of_them_nothing_is_read(
    rollout: Rollout, reader: ShadowReader
) -> None:
    """`read` stands for a pair; what hangs of it is in `test_watchdog`."""
    rollout(SHADOW_BP=10_000, SHADOW_CPU_BP=10_000, SUCCESSORS="tests.canary.successors")
    reader.watchdog = Stopped("stopped")
    put(reader, "/api/v1/things")
    reader.take_turn()
    assert reader.tally.totals == {(1, "", "dropped"): 1}


def test_a_repeat_stands_in_the_black_box_for_as_long_as_it_is_waited_for(
    rollout: Rollout, reader: ShadowReader, tmp_path: Path
) -> None:
    rollout(SHADOW_BP=10_000, SHADOW_CPU_BP=10_000, SUCCESSORS="tests.canary.successors")
    reader.watchdog = looking = Looking(tmp_path / "box")
    flights.box = BlackBox(looking.path, "w", 0.0)
    try:
        put(reader, "/api/v1/things")
        reader.take_turn()
    finally:
        flights.clear()
    assert looking.seen == [(2, REPEAT, "/api/v2/things")]
    assert read_box(looking.path).lost == []


class Looking(Watchdog):
    """Looks into the box, and does nothing else in time."""

    def __init__(self, path: Path) -> None:
        super().__init__("looking")
        self.path = path
        self.seen: list[tuple[int, str, str]] = []

    def run(self, work: object, seconds: float) -> NoReturn:
        self.seen = [(lost.decision.api_version, lost.decision.reason, lost.path) for lost in read_box(self.path).lost]
        raise OverdueError(is_lost=False)


def test_once_v2_has_ended_three_processes_nothing_is_read(
    rollout: Rollout, reader: ShadowReader, now: datetime.datetime, caplog: pytest.LogCaptureFixture
) -> None:
    rollout(SHADOW_BP=10_000, SHADOW_CPU_BP=10_000, SUCCESSORS="tests.canary.successors")
    died(3, now)
    put(reader, "/api/v1/things")
    reader.take_turn()
    assert reader.tally.totals == {(1, "", "dropped"): 1}
    assert caplog.messages == [
        "shadow reads have stopped: 3 processes died of the candidate; mend it, then begin another release"
    ]


def died(times: int, now: datetime.datetime) -> None:
    snapshot = current_snapshot()
    key = {"release": snapshot.release, "stage": snapshot.stage, "api_version": 2}
    names = [str(number) for number in range(times)]
    Crash.objects.bulk_create(Crash(worker=name, death=name, requests=1, at=now, **key) for name in names)


class Stopped(Watchdog):
    """As with too many threads that hang."""

    @property
    def lost(self) -> int:
        return LOST_MAX


def test_a_fault_in_here_is_nothing_that_a_client_sees(rollout: Rollout) -> None:
    rollout(SHADOW_BP="no number")
    READER.is_open, before = True, faults.count
    try:
        answer = Client().get("/api/v1/posts")
    finally:
        READER.is_open = False
    assert (answer.status_code, answer.json()["arm"]) == (200, 1)
    assert faults.count == before + 1


def test_a_fault_of_a_read_is_counted_and_the_next_is_taken(rollout: Rollout, reader: ShadowReader) -> None:
    rollout(SHADOW_BP=10_000, SHADOW_CPU_BP=10_000, SUCCESSORS="tests.canary.no_such_module")
    put(reader)
    put(reader)
    reader.take_turn()
    assert reader.tally.totals == {(1, "", "failed"): 2}


def test_reads_of_a_release_that_is_over_do_not_keep_the_present_one_waiting(
    rollout: Rollout, reader: ShadowReader
) -> None:
    rollout(SHADOW_BP=10_000, SHADOW_CPU_BP=10_000, SUCCESSORS="tests.canary.no_such_module")
    put(reader, snapshot=dataclasses.replace(SNAPSHOT, release=7))
    reader.take_turn()
    assert reader.tally.totals == {(7, "", "dropped"): 1}


@pytest.mark.parametrize("share_bp", [500, 1_000, 5_000])
def test_the_budget_is_a_share_of_one_core_however_long_each_read_takes(share_bp: int) -> None:
    budget, now, busy = Budget(0.0), 0.0, 0.0
    while now < 600.0:
        if budget.has_left(share_bp, now):
            budget.spend(0.03)
            now, busy = now + 0.03, busy + 0.03
        else:
            now += 0.2
    assert busy / now == pytest.approx(share_bp / 10_000, rel=0.1)


def test_an_idle_hour_buys_no_burst() -> None:
    budget = Budget(0.0)
    spent = 0
    while budget.has_left(1_000, 3_600.0):
        budget.spend(0.01)
        spent += 1
    assert spent <= 11


@pytest.mark.parametrize("share_bp", [0, 1])
def test_answers_that_are_not_taken_cost_next_to_nothing(rollout: Rollout, reader: ShadowReader, share_bp: int) -> None:
    rollout(SHADOW_BP=share_bp)
    request, response = RequestFactory().get("/api/v1/posts"), HttpResponse()
    request.resolver_match = ResolverMatch(lambda: None, (), {}, route="api/v1/posts")
    seconds = min(timeit.repeat(lambda: reader.offer(request, response, V1, SNAPSHOT), number=200, repeat=50)) / 200
    assert seconds < 5e-6


def outcome(*differences: Difference, result: str = "different") -> Outcome:
    return Outcome("GET /posts", result, differences, v1_url="/posts?page=1")


@pytest.mark.django_db
def test_workers_add_to_the_same_rows_and_the_first_example_stays() -> None:
    now = timezone.now()
    for value in ("first", "second"):
        worker = Tally()
        worker.add(outcome(Difference("items[].title", "value", "a", value)), 3, is_public=True, now=now)
        worker.add(outcome(result="equal"), 3, is_public=True, now=now)
        worker.flush()
        worker.flush()
    told = summary(3)
    assert {result: told[result] for result in SHADOW_RESULTS} == {
        **dict.fromkeys(SHADOW_RESULTS, 0),
        "equal": 2,
        "different": 2,
    }
    assert told["compared"] == 4
    [found] = told["differences"]
    assert (found["count"], found["example"]) == (2, {"url": "/posts?page=1", "v1": "a", "v2": "first"})
    assert summary(4)["compared"] == 0
    assert totals()["equal"] == 2


@pytest.mark.django_db
def test_times_and_statements_of_workers_are_added_up_and_told_by_route() -> None:
    for seconds, statements in (((0.010, 0.030), (2, 4)), ((0.030, 0.050), (4, 4))):
        worker = Tally()
        pair = Outcome("GET /posts", "equal", seconds=seconds, statements=statements)
        worker.add(pair, 3, is_public=True, now=timezone.now())
        worker.add(outcome(Difference("title", "value", 1, 2)), 3, is_public=True, now=timezone.now())
        worker.flush()
    [route] = summary(3)["routes"]
    assert (route["equal"], route["different"], route["timed"]) == (2, 2, 2)
    assert route["mean_ms"] == {"v1": pytest.approx(20), "v2": pytest.approx(40)}
    assert route["sql_mean"] == {"v1": 3, "v2": 4}


@pytest.mark.django_db
def test_statuses_are_shown_of_answers_that_are_not_public_too() -> None:
    tally = Tally()
    for difference in (Difference.of_answers("status", 200, 500), Difference("count", "value", 200, 500)):
        tally.add(outcome(difference), 3, is_public=False, now=timezone.now())
    tally.flush()
    examples = {one.kind: one.example for one in ShadowDifference.objects.all()}
    assert examples["status"] == {"url": "/posts", "v1": 200, "v2": 500}
    assert examples["value"] == {"url": "/posts", "v1": "(number)", "v2": "(number)"}


@pytest.mark.django_db
def test_long_values_and_places_are_cut() -> None:
    tally = Tally()
    tally.add(outcome(Difference("x" * 999, "value", "a" * 999, [1] * 999)), 3, is_public=True, now=timezone.now())
    tally.flush()
    [found] = ShadowDifference.objects.all()
    assert (len(found.path), len(found.example["v1"]), len(found.example["v2"])) == (200, 301, 301)


@pytest.mark.django_db(transaction=True)
def test_what_can_not_be_stored_is_stored_the_next_time() -> None:
    tally, now = Tally(), timezone.now()
    tally.add(outcome(Difference("title", "value", 1, 2)), 3, is_public=True, now=now)
    with connection.execute_wrapper(gone), pytest.raises(OperationalError):
        tally.flush()
    tally.add(outcome(Difference("title", "value", 3, 4)), 3, is_public=True, now=now)
    tally.flush()
    told = summary(3)
    assert (told["different"], told["differences"][0]["count"]) == (2, 2)
    assert told["differences"][0]["example"]["v2"] == 2


def gone(*_: Any) -> None:
    raise OperationalError("The database is gone.")
