"""Requests without an answer: one that hangs and one whose process died are each a failed answer of their version, once."""

import io
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import perf_counter_ns
from typing import Any

import pytest
from django.core.handlers.wsgi import WSGIRequest
from django.db import DatabaseError, connection
from django.http import HttpRequest
from django.test import RequestFactory
from django.urls import ResolverMatch

from canary import server
from canary.core.values import Decision, Identity
from canary.metrics.node import Node, name_of_process
from canary.models import Crash, MetricBucket, Observation
from canary.recording import flushing
from canary.recording.flushing import flush
from canary.recording.tally import digest_of
from canary.recording.unanswered import CRASHED, record_crashes, record_hangs
from canary.requests.black_box import REPEAT, BlackBox
from canary.requests.in_flight import Flight, flights
from canary.state import store
from tests.canary.seeing import ARMS, client_on, fresh_recorder, metrics_of, weight

pytestmark = pytest.mark.django_db
PATH = "/api/things/7"
ROUTE = "GET /things/{id}"


@pytest.fixture(autouse=True)
def half(rollout: Callable[..., None]) -> Iterator[None]:
    rollout(0, **ARMS, HANG_S=10)
    flights.clear()
    with fresh_recorder():
        weight(5_000)
        yield
    flights.clear()


def decision_of(api_version: int, number: int = 0) -> Decision:
    return Decision(api_version, "bucket", Identity("client", client_on(api_version, number)), 1)


def failed() -> dict[int, int]:
    """How many failed answers of each version are stored."""
    rows = MetricBucket.objects.filter(status_5xx__gt=0, route=ROUTE, judged=True)
    return {version: sum(rows.filter(api_version=version).values_list("status_5xx", flat=True)) for version in (1, 2)}


# -- hangs ------------------------------------------------------------------------------------------------------------


def test_no_database_holds_up_the_thread_that_finds_hangs(django_assert_num_queries: Callable[..., Any]) -> None:
    shared = [task for task in server.tasks.values() if not task.own_thread]
    with django_assert_num_queries(0):
        for task in shared:
            task.function()
    assert record_hangs in [task.function for task in shared]


def begin(seconds_ago: float, request: HttpRequest | None = None, api_version: int = 2) -> Flight:
    request = request or RequestFactory().get(PATH)
    started_ns = perf_counter_ns() - int(seconds_ago * 1e9)
    flight = Flight(request, decision_of(api_version), store.current_snapshot(), started_ns)
    assert flights.enter(flight)
    return flight


def record(times: int = 1) -> None:
    for _ in range(times):
        record_hangs()
    flush(is_last=True)


class SlowClient:
    """A client that sends its body once the test lets it."""

    def __init__(self) -> None:
        self.is_asked, self.has_sent = threading.Event(), threading.Event()

    def read(self, _: int = -1) -> bytes:
        self.is_asked.set()
        assert self.has_sent.wait(60)
        return b"1234567890"

    readline = read


def uploaded(body: Any) -> WSGIRequest:
    environ = {"REQUEST_METHOD": "POST", "PATH_INFO": PATH, "CONTENT_LENGTH": "10", "wsgi.input": body}
    return WSGIRequest(environ | {"SERVER_NAME": "x", "SERVER_PORT": "80"})


@pytest.mark.parametrize("api_version", [1, 2])
def test_a_request_that_hangs_is_a_failed_answer_of_its_version_there_and_then_and_once(api_version: int) -> None:
    flight = begin(11, api_version=api_version)
    route = f"api/v{api_version}/things/<str:id>"
    flight.request.resolver_match = ResolverMatch(record, (), {}, route=route)
    record(times=3)
    assert failed() == {1: 0, 2: 0} | {api_version: 1}
    assert metrics_of(api_version=api_version, unit=digest_of(flight.decision.identity)) == ["seen", "error"]
    assert flushing.outbox.tally.totals.counters.get("canary_hangs") is None  # `publish` counts it
    assert [*flushing.outbox.told] == [("canary_hangs", str(api_version), 1)]


@pytest.mark.parametrize("state", ["young", "told", "answered"])
def test_what_does_not_hang_is_left_alone(state: str) -> None:
    flight = begin(9 if state == "young" else 11)
    if state == "told":
        flights.tell(flight)
    elif state == "answered":
        flights.await_client(flight)
    record()
    assert not MetricBucket.objects.exists()


def test_a_view_that_waits_for_the_rest_of_a_body_does_not_hang() -> None:
    begin(11, uploading := uploaded(client := SlowClient()))
    with ThreadPoolExecutor(1) as server:
        reading = server.submit(uploading.read)
        assert client.is_asked.wait(60)
        record()
        assert not MetricBucket.objects.exists()
        client.has_sent.set()
        assert reading.result(60) == b"1234567890"
    record()
    assert MetricBucket.objects.count() == 1


@pytest.mark.parametrize("read", ["read", "readline"])
def test_a_view_that_hangs_with_a_part_of_the_body_unread_hangs(read: str) -> None:
    """It was taken for one whose client is slow, and so was a slow handler of uploads."""
    begin(11, uploading := uploaded(io.BytesIO(b"12345\n7890")))
    assert getattr(uploading, read)(6) == b"12345\n"
    record()
    assert MetricBucket.objects.count() == 1


def test_the_time_in_which_a_client_has_sent_its_body_is_not_the_views() -> None:
    flight = begin(19, uploaded(io.BytesIO(b"1234567890")))
    assert flight.body is not None
    flight.body.awaited_ns = 10 * 10**9
    record()
    assert not MetricBucket.objects.exists()
    flight.body.awaited_ns = 8 * 10**9
    record()
    assert MetricBucket.objects.count() == 1


def test_whoever_is_no_evidence_is_none_by_hanging_either() -> None:
    begin(11, RequestFactory().get(PATH, headers={"user-agent": "Googlebot/2.1"}))
    record()
    assert list(MetricBucket.objects.values_list("judged", flat=True)) == [False]
    assert not Observation.objects.exists()


# -- crashes ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def node(tmp_path: Path) -> Node:
    return Node(tmp_path / "metrics")


@pytest.fixture
def dead() -> str:
    """The name of a process that has ended."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        name = name_of_process(process.pid)
        process.communicate(b"\n")
    return name


def leave_box(node: Node, name: str, *decisions: Decision, worker: str = "host:1:2", server: str | None = None) -> Path:
    """What a process of this name had in flight; the last of it hung and was recorded so."""
    path = node.box().with_name(f"{name}.flights")
    if server is not None:
        (path.parent.parent / server).mkdir()
        path = path.parent.parent / server / path.name
    box = BlackBox(path, worker, time.time())
    slots = [box.note(RequestFactory().get(PATH), each, store.current_snapshot()) for each in decisions]
    if slots:
        box.mark_told(slots[-1])
    return path


def crashes() -> list[tuple[object, ...]]:
    return list(Crash.objects.order_by("api_version").values_list("release", "stage", "api_version", "requests"))


def test_what_a_dead_process_had_in_flight_is_recorded_once_by_whoever_looks(node: Node, dead: str) -> None:
    first, other, hung = decision_of(2), decision_of(1), decision_of(2, 1)
    path = leave_box(node, dead, first, other, hung)
    record_crashes(node)
    assert not path.exists()
    leave_box(node, dead, first, other, hung)  # as if whoever wrote it had died before it removed the file
    record_crashes(node)
    snapshot = store.current_snapshot()
    assert crashes() == [(snapshot.release, snapshot.stage, 1, 1), (snapshot.release, snapshot.stage, 2, 2)]
    assert failed() == {1: 1, 2: 1}
    assert metrics_of(api_version=2) == ["seen", "error"]
    assert set(Observation.objects.filter(api_version=2).values_list("unit", "route")) == {
        (digest_of(first.identity), ROUTE)
    }
    assert [*flushing.outbox.told] == [("canary_crashes", version, 1) for version in "212"]
    assert flushing.outbox.tally.totals.counters["canary_requests"] == {
        (version, ROUTE, f"{CRASHED // 100}xx"): 1 for version in "12"
    }


def test_a_process_that_died_of_a_repeat_is_a_crash_and_no_failed_answer(
    node: Node, dead: str, caplog: pytest.LogCaptureFixture
) -> None:
    leave_box(node, dead, Decision(2, REPEAT), Decision(1, REPEAT))
    record_crashes(node)
    snapshot = store.current_snapshot()
    assert crashes() == [(snapshot.release, snapshot.stage, version, 1) for version in (1, 2)]
    assert (failed(), Observation.objects.count()) == ({1: 0, 2: 0}, 0)
    assert caplog.messages == [f"process host:1:2 died while it repeated GET {PATH}"] * 2


def test_a_process_that_died_between_requests_and_one_that_lives_leave_no_trace(node: Node, dead: str) -> None:
    living = leave_box(node, node.box().stem, decision_of(2))
    ended = leave_box(node, dead)
    record_crashes(node)
    assert (living.exists(), ended.exists(), crashes()) == (True, False, [])


def test_workers_that_died_with_their_server_died_one_death(node: Node, dead: str) -> None:
    for worker in ("host:1:2", "host:3:4"):
        leave_box(node, f"{dead}{worker[-1]}", decision_of(2), worker=worker)
    leave_box(node, f"{dead}5", decision_of(2), worker="host:5:6", server=dead)
    leave_box(node, f"{dead}7", decision_of(2), worker="host:7:8", server=f"{dead}0")
    path = leave_box(node, f"{dead}9", decision_of(2), worker="host:9:0")
    path.rename(path.parent.parent / dead / path.name)
    record_crashes(node)
    assert set(Crash.objects.values_list("worker", "death")) == {
        ("host:1:2", "host:1:2"),
        ("host:3:4", "host:3:4"),
        ("host:5:6", f"host:{dead}"),
        ("host:9:0", f"host:{dead}"),
        ("host:7:8", f"host:{dead}0"),
    }


def test_what_another_site_left_is_its_own(node: Node, dead: str, settings: object) -> None:
    path = leave_box(node, dead, decision_of(2))
    settings.SECRET_KEY = "another key"  # type: ignore[attr-defined]
    record_crashes(node)
    assert path.exists()
    assert not crashes()


def test_while_the_database_is_away_it_waits(node: Node, dead: str) -> None:
    path = leave_box(node, dead, decision_of(2))
    with connection.execute_wrapper(_refuse), pytest.raises(DatabaseError):
        record_crashes(node)
    assert path.exists()
    record_crashes(node)
    assert not path.exists()
    assert len(crashes()) == 1


def test_a_file_that_is_no_box_stops_nobody(node: Node, dead: str) -> None:
    node.box().with_name(f"{dead}0.flights").write_text("no box")
    leave_box(node, dead, decision_of(2))
    record_crashes(node)
    assert len(crashes()) == 1
    assert node.left_boxes() == []


def test_the_next_server_leaves_the_boxes_of_one_that_is_gone_to_be_read(node: Node, dead: str) -> None:
    path = leave_box(node, f"{dead}1", decision_of(2), server=dead)
    for file in node.box().parent.iterdir():
        file.unlink()
    node.box().parent.rmdir()
    Node(path.parent.parent).publish({})
    assert path.exists()
    path.unlink()
    (again := Node(path.parent.parent)).withdraw()
    again.publish({})
    assert not path.parent.exists()


def _refuse(*_: object) -> None:
    raise DatabaseError("planted")


@pytest.mark.django_db(transaction=True)
def test_survivors_that_look_at_once_record_it_once(node: Node, dead: str) -> None:
    if connection.vendor == "sqlite":
        pytest.skip("threads of one in-memory SQLite share a connection")
    leave_box(node, dead, decision_of(2), decision_of(2, 1))
    begin_together = threading.Barrier(4)

    def look() -> None:
        begin_together.wait()
        record_crashes(node)
        connection.close()

    threads = [threading.Thread(target=look) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [requests for *_, requests in crashes()] == [2]
    assert failed() == {1: 0, 2: 1}
