"""Reads of the entrance that the candidate fails: the stable version answers, and the failure is the candidate's."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import Any
from wsgiref.util import FileWrapper

import pytest
from django.core.handlers.wsgi import WSGIHandler
from django.db import connection
from django.http import FileResponse, StreamingHttpResponse
from django.test import Client, RequestFactory

from canary.core.values import CANDIDATE, Decision
from canary.metrics.exposition import exposition
from canary.models import ConsumerUsage, MetricBucket, Observation
from canary.recording import flushing, tally
from canary.recording.flushing import flush
from canary.requests.ends import land
from canary.requests.faults import faults
from canary.requests.in_flight import Flight, flights
from tests.canary import failing_urls_v1
from tests.canary.failing import ARMS, PINNED, THING, ask, recorded
from tests.canary.failing_urls_v1 import CLOSES, MALFORMED, ODDITIES, SPOILERS, Gate, closed
from tests.canary.failing_urls_v2 import PAGES
from tests.canary.seeing import client_on, fresh_recorder, metrics_of, weight


@pytest.fixture(autouse=True)
def everybody_on_v2(rollout: Callable[..., None]) -> Iterator[Callable[..., None]]:
    """Give back what changes the settings."""

    def configure(**changes: Any) -> None:
        rollout(**{"weight_bp": 10_000, **ARMS, **changes})

    configure()
    with fresh_recorder():
        yield configure
    closed.clear()
    flights.clear()


def explode(*_: object) -> None:
    raise RuntimeError("planted")


FAILURES = ["raise", "500", "502", "503"]


@pytest.mark.parametrize("failure", FAILURES)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_read_that_the_candidate_fails_is_answered_by_the_stable_version(method: str, failure: str) -> None:
    response = ask(f"{THING}?v2={failure}", method)
    assert (response.status_code, response.headers["API-Version"]) == (200, "1")
    assert response.headers["Content-Location"] == f"/api/v1/things/7?v2={failure}"
    assert (response.headers["Cache-Control"], "canary_id" in response.cookies) == ("private, no-cache", True)
    status = 500 if failure == "raise" else int(failure)
    assert recorded() == [(2, "bucket", status), (1, "failover", 200)]
    assert flights.counts() == {1: 0, 2: 0}


@pytest.mark.parametrize("end", [*SPOILERS, *MALFORMED, "exit", "cancel", "generator"])
def test_what_would_reach_no_client_is_a_failure_of_its_version(end: str) -> None:
    """The server answered by a bare 500, or ended its process, and v2 was promoted with no failure counted."""
    with ThreadPoolExecutor(1) as server:  # in the main thread it is the server that is told to end
        response = server.submit(ask, f"{THING}?v2={end}").result()
        assert (response.status_code, response.headers["API-Version"]) == (200, "1")
        pinned = server.submit(ask, f"{PINNED}?v2={end}").result()
        assert (pinned.status_code, pinned.headers["API-Version"]) == (500, "2")
    assert recorded() == [(2, "bucket", 500), (1, "failover", 200), (2, "pinned", 500)]
    assert flights.counts() == {1: 0, 2: 0}


@pytest.mark.parametrize("failure", ["text", "raise", "exit"])
@pytest.mark.parametrize("page", PAGES)
def test_an_error_page_that_fails_too_is_a_failure(failure: str, page: str) -> None:
    with ThreadPoolExecutor(1) as server:
        response = server.submit(ask, f"{THING}?v2={failure}&page={page}").result()
        assert (response.status_code, response.headers["API-Version"]) == (200, "1")
        pinned = server.submit(ask, f"{PINNED}?v2={failure}&page={page}").result()
        assert (pinned.status_code, pinned.headers["API-Version"]) == (500, "2")
    assert recorded() == [(2, "bucket", 500), (1, "failover", 200), (2, "pinned", 500)]


@pytest.mark.parametrize("page", PAGES)
def test_so_is_one_for_a_host_that_is_not_served(page: str) -> None:
    with ThreadPoolExecutor(1) as server:
        pinned = server.submit(ask, f"{PINNED}?page={page}", host="elsewhere.example").result()
    assert (pinned.status_code, recorded()) == (500, [(2, "pinned", 500)])


@pytest.mark.parametrize("oddity", ODDITIES)
def test_an_odd_answer_that_servers_send_stays_the_candidates(oddity: str) -> None:
    response = ask(f"{THING}?v2={oddity}")
    assert (response.status_code // 100, response.headers["API-Version"]) == (2, "2")
    assert recorded() == [(2, "bucket", response.status_code)]


@pytest.mark.parametrize("spoiler", SPOILERS)
def test_no_answer_of_the_stable_version_is_refused(spoiler: str, everybody_on_v2: Callable[..., None]) -> None:
    """The server alone judges it, as it did before the rollout."""
    everybody_on_v2(weight_bp=0)
    response = ask(f"{THING}?v1={spoiler}")
    assert response.status_code != 500
    assert recorded() == [(1, "bucket", response.status_code)]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("failure", ["transaction", "block", "method"])
def test_a_failure_leaves_nothing_for_the_stable_version(failure: str) -> None:
    response = ask(f"{THING}?v2={failure}&sql1=1")
    assert (response.status_code, response.headers["API-Version"]) == (200, "1")
    assert recorded() == [(2, "bucket", 500), (1, "failover", 200)]
    assert (connection.in_atomic_block, connection.get_autocommit()) == (False, True)


def test_a_stream_that_breaks_is_a_failure_of_its_version() -> None:
    response = ask(f"{THING}?v2=stream&then=break")
    assert recorded() == []  # it has not ended
    with pytest.raises(RuntimeError, match="planted"):
        b"".join(response.streaming_content)
    response.close()
    assert recorded() == [(2, "bucket", 500)]


@pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume asynchronous")
@pytest.mark.parametrize(
    "kind", ["late", "async", "file late", "own late", "made late", "made never", "made of numbers"]
)
@pytest.mark.parametrize("then", ["break", "exit"])
def test_a_stream_that_fails_before_its_first_part_is_answered_by_the_stable_version(kind: str, then: str) -> None:
    """The server answered by a bare 500, for its head waits for that part. An asynchronous one is made at once."""
    with ThreadPoolExecutor(1) as server:
        response = server.submit(ask, f"{THING}?v2={kind}&then={then}").result()
    assert (response.status_code, response.headers["API-Version"]) == (200, "1")
    assert recorded() == [(2, "bucket", 500), (1, "failover", 200)]
    assert flights.counts() == {1: 0, 2: 0}


@pytest.mark.parametrize(
    ("version", "kind"),
    [
        *((version, kind) for version in (1, 2) for kind in ("late", "own late")),
        (2, "file late"),
        (2, "made late"),
        (2, "made never"),
    ],
)
def test_a_pinned_stream_that_fails_before_its_first_part_is_answered_by_an_error_page(version: int, kind: str) -> None:
    path = f"/api/v{version}/things/7"
    response = ask(f"{path}?v{version}={kind}&then=break")
    assert (response.status_code, response.headers["API-Version"]) == (500, str(version))
    assert recorded() == [(version, "pinned", 500)]


def served(path: str, **environ: object) -> bytes:
    """Ask as a server does, which may read files itself."""
    answer: Any = WSGIHandler()({**RequestFactory().get(path).environ, **environ}, lambda *_: None)  # type: ignore[arg-type]
    try:
        if isinstance(answer, FileWrapper):
            answer.filelike.fileno()  # type: ignore[attr-defined]
        return b"".join(answer)
    finally:
        answer.close()


WRAPPING: dict[str, object] = {"wsgi.file_wrapper": FileWrapper}
STREAMS: dict[str, tuple[str, dict[str, object]]] = {
    "stream": ("stream", {}),
    "answer of a class that makes it as it is sent": ("made", {}),
    "stream of another class": ("own", {}),
    "file": ("file", {}),
    "file that the server reads": ("file", WRAPPING),
    "file on disk that the server reads": ("file on disk", WRAPPING),
    "file by its descriptor": ("descriptor", WRAPPING),
}


@pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume asynchronous")
@pytest.mark.parametrize("stream", STREAMS)
@pytest.mark.parametrize("then", ["", "break", "exit"])
def test_a_stream_of_any_kind_that_breaks_is_a_failure_of_its_version(stream: str, then: str) -> None:
    """Asynchronous ones and files counted as good answers, whatever became of them."""
    kind, environ = STREAMS[stream]
    path = f"{THING}?v2={kind}&then={then}"
    with ThreadPoolExecutor(1) as server, pytest.raises(RuntimeError) if then else nullcontext():
        assert server.submit(served, path, **environ).result() == b"ab"
    assert (recorded(), flights.counts()) == ([(2, "bucket", 500 if then else 200)], {1: 0, 2: 0})
    assert closed == [2]


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("kind", ["own", "called"])
def test_a_stream_that_is_none_of_djangos_is_sent_and_gives_its_place_back(version: int, kind: str) -> None:
    """It was a bare 500, nobody recorded it, and its place stayed taken for ever."""
    assert served(f"/api/v{version}/things/7?v{version}={kind}") == b"ab"
    assert (recorded(), flights.counts()) == ([(version, "pinned", 200)], {1: 0, 2: 0})
    assert closed == [version]


def unclosable() -> StreamingHttpResponse:
    response = StreamingHttpResponse()
    del response._resource_closers  # type: ignore[attr-defined]
    return response


@pytest.mark.parametrize("make", [dict, unclosable])
def test_an_answer_that_can_not_land_gives_its_place_back(make: Callable[[], Any]) -> None:
    flight = Flight(RequestFactory().get("/"), Decision(CANDIDATE, "pinned"), None, 0)
    assert flights.enter(flight, 4)
    with pytest.raises(AttributeError):
        land(flight, make())
    assert flights.counts() == {1: 0, 2: 0}


@pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume asynchronous")
@pytest.mark.parametrize("stream", STREAMS)
def test_a_stream_of_any_kind_that_hangs_is_seen(stream: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(failing_urls_v1, "gate", gate := Gate())
    kind, environ = STREAMS[stream]
    with ThreadPoolExecutor(1) as server:
        answer = server.submit(served, f"{PINNED}?v2={kind}&then=hang", **environ)
        assert gate.await_waiting(2, 1)
        seen = flights.hang(CANDIDATE, 0)
        gate.is_open.set()
        assert (seen, answer.result()) == (True, b"ab")


def test_a_file_is_sent_by_its_descriptor() -> None:
    with Path(__file__).open("rb") as file:
        flight = Flight(RequestFactory().get("/"), Decision(CANDIDATE, "pinned"), None, 0)
        response = FileResponse(file)
        land(flight, response)  # type: ignore[arg-type]
        sent = response.file_to_stream
        assert (sent.fileno(), sent.mode, sent.tell()) == (file.fileno(), "rb", 0)


def test_a_stream_that_its_client_leaves_is_no_failure() -> None:
    response = ask(f"{THING}?v2=stream&then=break")
    assert next(response.streaming_content) == b"a"
    response.close()
    assert recorded() == [(2, "bucket", 200)]


@pytest.mark.parametrize("told", ["stream", "200"])
def test_an_answer_whose_end_would_end_its_thread_is_recorded_and_gives_its_place_back(told: str) -> None:
    """Its place stayed taken for ever, and nobody recorded the answer."""

    def ask_and_close() -> None:
        response = ask(f"{PINNED}?v2={told}&end=exit")
        assert response.getvalue()
        response.close()

    with ThreadPoolExecutor(1) as server:
        server.submit(ask_and_close).result()
    assert (recorded(), flights.counts()) == ([(2, "pinned", 200)], {1: 0, 2: 0})
    assert closed == [2]


@pytest.mark.parametrize("told", ["200", "stream", "made", "own", "file"])
@pytest.mark.parametrize("close", CLOSES)
def test_an_answer_that_its_class_closes_badly_is_recorded_and_gives_its_place_back(told: str, close: str) -> None:
    with ThreadPoolExecutor(1) as server, suppress(RuntimeError):
        server.submit(served, f"{PINNED}?v2={told}&close={close}").result()
    assert (recorded(), flights.counts(), closed) == ([(2, "pinned", 200)], {1: 0, 2: 0}, [2])


def test_each_failover_is_told_to_prometheus_and_no_other_failure() -> None:
    ask(f"{THING}?v2=500")
    ask(f"{THING}?v2=500", "POST")
    flushing.sum_up()
    assert "canary_failovers_total 1.0" in exposition(None, [flushing.outbox.tally.totals.dump()]).decode()


def test_an_answer_that_is_no_failure_stays_the_candidates() -> None:
    for status in (200, 304, 404, 429):
        assert ask(f"{THING}?v2={status}").headers["API-Version"] == "2"
    assert recorded() == [(2, "bucket", status) for status in (200, 304, 404, 429)]


NEVER: dict[str, tuple[str, str, dict[str, str]]] = {
    **{method: (f"{THING}?v2=500", method, {}) for method in ("POST", "PUT", "PATCH", "DELETE", "OPTIONS")},
    "pinned": (f"{PINNED}?v2=500", "GET", {}),
    "by header": (f"{THING}?v2=500", "GET", {"api_version": "2"}),
    "shared outage": (f"{THING}?v2=503&away=2", "GET", {}),
}


@pytest.mark.parametrize("case", NEVER)
def test_what_is_not_for_the_stable_version_to_answer_keeps_its_failure(case: str) -> None:
    path, method, headers = NEVER[case]
    response = ask(path, method, **headers)
    assert (response.status_code // 100, response.headers["API-Version"]) == (5, "2")
    assert len(recorded()) == 1


def test_a_body_that_was_read_can_not_be_read_again() -> None:
    asked = Client(raise_request_exception=False).generic("GET", f"{THING}?v2=500&read=2", b"a body")
    assert asked.headers["API-Version"] == "2"
    assert Client().generic("GET", f"{THING}?v2=500", b"a body").headers["API-Version"] == "1"


def test_it_can_be_switched_off(everybody_on_v2: Callable[..., None]) -> None:
    everybody_on_v2(FAILOVER=False)
    assert ask(f"{THING}?v2=500").headers["API-Version"] == "2"


def test_a_failure_of_the_stable_version_leads_nowhere(everybody_on_v2: Callable[..., None]) -> None:
    everybody_on_v2(weight_bp=0)
    assert (ask(f"{THING}?v1=500").status_code, recorded()) == (500, [(1, "bucket", 500)])
    everybody_on_v2(IS_V1_ENABLED=False)  # v2 is the stable one now
    assert (ask(f"{THING}?v2=500").status_code, recorded()) == (500, [(2, "lifecycle_v1_gone", 500)])


def test_a_call_that_the_stable_version_lacks_keeps_its_failure(everybody_on_v2: Callable[..., None]) -> None:
    """A 404 would say that there is no such thing."""
    everybody_on_v2(SUCCESSORS="tests.canary.successors")
    assert ask("/api/news?v2=500").status_code == 500
    assert ask(f"{THING}?v2=500").status_code == 200


def test_where_both_fail_the_stable_versions_failure_is_told() -> None:
    response = ask(f"{THING}?v2=500&v1=502")
    assert (response.status_code, response.headers["API-Version"]) == (502, "1")


def test_the_stable_version_finds_the_request_as_it_came(everybody_on_v2: Callable[..., None]) -> None:
    failed_over = ask(f"{THING}?v2=500").json()
    everybody_on_v2(weight_bp=0)
    first = ask(f"{THING}?v2=500").json()
    assert {*failed_over["attributes"]} == {*first["attributes"], "failed_run"}
    assert failed_over["meta"] == first["meta"]


def test_the_failed_answer_is_not_closed_and_the_other_one_once() -> None:
    assert ask(f"{THING}?v2=500").status_code == 200
    assert closed == [1]


@pytest.mark.parametrize("place", ["canary.middleware.rewind", "canary.middleware.declared_successors"])
def test_a_fault_of_the_canary_leaves_the_candidates_failure(place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(place, explode)
    before = faults.count
    response = ask(f"{THING}?v2=502")
    assert (response.status_code, response.headers["API-Version"]) == (502, "2")
    assert (faults.count, flights.counts()) == (before + 1, {1: 0, 2: 0})


def test_a_failure_that_can_not_be_recorded_is_answered_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("canary.recording.recorder.observe", explode)
    assert ask(f"{THING}?v2=502").headers["API-Version"] == "1"


# -- what is made of it -----------------------------------------------------------------------------------------------


@pytest.fixture
def half(everybody_on_v2: Callable[..., None], monkeypatch: pytest.MonkeyPatch, db: None) -> None:
    monkeypatch.setattr(tally, "BUCKET_S", 86_400)
    weight(5_000)


def test_the_failure_counts_against_the_candidate_alone(half: None) -> None:
    ask(f"{THING}?v2=500&sql2=3&sql1=1", x_client_id=client_on(2))
    flush()
    rows = MetricBucket.objects.order_by("api_version").values_list(
        "api_version", "judged", "requests", "status_5xx", "sql"
    )
    assert [*rows] == [(1, False, 1, 0, 1), (2, True, 1, 1, 3)]
    assert not ConsumerUsage.objects.exists()  # nobody chose v1


def test_the_request_is_a_pair_of_which_one_alone_failed(half: None) -> None:
    ask(f"{THING}?v2=500", x_client_id=client_on(2))
    ask(f"{THING}?v2=raise", x_client_id=client_on(2))
    flush()
    assert metrics_of(api_version=2) == ["seen", "error", "pair_error"]  # of one unit once a stage
    pair = Observation.objects.get(metric="pair_error")
    assert (pair.route, pair.value, pair.weight_bp) == ("GET /things/{id}", None, 5_000)
    assert pair.unit == Observation.objects.get(metric="error").unit
    assert not Observation.objects.filter(api_version=1).exists()


@pytest.mark.parametrize(
    ("path", "metrics"), [(f"{THING}?v2=500&v1=500", ["seen", "error"]), (f"{THING}?v2=503&away=2", ["seen"])]
)
def test_what_both_versions_fail_is_no_pair(half: None, path: str, metrics: list[str]) -> None:
    ask(path, x_client_id=client_on(2))
    flush()
    assert metrics_of() == metrics


def test_whoever_is_no_evidence_makes_no_pair(half: None, everybody_on_v2: Callable[..., None]) -> None:
    everybody_on_v2(IS_EXCLUDED="cms.rollout.exclusions.why_excluded")
    ask(f"{THING}?v2=500", x_client_id=client_on(2), user_agent="Googlebot/2.1")
    flush()
    assert metrics_of() == []
    assert {*MetricBucket.objects.values_list("judged", flat=True)} == {False}
