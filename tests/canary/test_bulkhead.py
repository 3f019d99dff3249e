"""The candidate holds a part of a process at most: beyond it the stable version answers, or a 503 that says why."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory

from canary.core.values import CANDIDATE, Decision
from canary.metrics.exposition import exposition
from canary.metrics.node import Node
from canary.models import ConsumerUsage, MetricBucket
from canary.recording import flushing, recorder
from canary.recording.flushing import flush
from canary.recording.unanswered import record_hangs
from canary.requests.ends import land
from canary.requests.in_flight import Flight, flights
from tests.canary import failing_urls_v1 as failing
from tests.canary.failing import ARMS, PINNED, THING, ask, recorded
from tests.canary.failing_urls_v1 import Gate
from tests.canary.seeing import client_on, fresh_recorder, metrics_of, weight

PLACES = 4
"""Of eight threads, at 50 % and below."""


@pytest.fixture(autouse=True)
def configured(rollout: Callable[..., None]) -> Iterator[Callable[..., None]]:
    """Nobody is on v2 but those who ask for it, until this is called."""

    def configure(weight_bp: int = 0, **changes: Any) -> None:
        rollout(weight_bp, **ARMS, **changes)

    configure()
    with fresh_recorder():
        yield configure
    flights.clear()


def occupy(places: int, version: int = CANDIDATE, for_s: float = 0.0) -> list[Flight]:
    """Let so many requests of a version be in flight, of nobody, all of which began so long ago."""
    began_ns = time.perf_counter_ns() - int(for_s * 1e9)
    occupied = [Flight(RequestFactory().get("/"), Decision(version, "pinned"), None, began_ns) for _ in range(places)]
    for flight in occupied:
        flights.enter(flight)
    return occupied


def flood(address: str, token: str = "", places: int = PLACES) -> int:
    """Let one client ask for as many places as there are; return how many it gets."""
    environ = {"REMOTE_ADDR": address, **({"HTTP_X_API_KEY": token} if token else {})}
    request, began_ns = RequestFactory().get("/", **environ), time.perf_counter_ns()
    asking = [Flight(request, Decision(CANDIDATE, "pinned"), None, began_ns) for _ in range(2 * places)]
    return sum(flights.enter(flight, places) for flight in asking)


def status_for(address: str, **headers: str) -> int:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Client(REMOTE_ADDR=address).get(PINNED, headers=named).status_code


def test_beyond_it_the_entrance_is_answered_by_the_stable_version(configured: Callable[..., None]) -> None:
    configured(weight_bp=5_000)
    on_v2 = client_on(2)
    occupied = occupy(PLACES)
    response = ask(THING, x_client_id=on_v2)
    assert (response.status_code, response.headers["API-Version"]) == (200, "1")
    assert response.headers["Content-Location"] == "/api/v1/things/7"
    flights.leave(occupied[0])
    assert ask(THING, x_client_id=on_v2).headers["API-Version"] == "2"
    assert recorded() == [(1, "overflow", 200), (2, "bucket", 200)]


def test_whoever_asks_for_v2_by_name_is_told_to_come_back() -> None:
    occupy(PLACES)
    for path, headers in ((PINNED, {}), (THING, {"api_version": "2"})):
        response = ask(path, **headers)
        assert (response.status_code, response.headers["Retry-After"]) == (503, "1")
        assert response.headers["Content-Type"] == "application/problem+json"
        assert response.json()["type"] == "urn:problem-type:canary:version-overloaded"
    assert response.headers["Cache-Control"] == "private, no-cache"  # on the entrance


def test_the_stable_version_has_no_bound(configured: Callable[..., None]) -> None:
    occupy(2 * PLACES, version=1)
    assert ask(THING).headers["API-Version"] == "1"
    configured(IS_V1_ENABLED=False)
    occupy(2 * PLACES)
    assert ask(THING).headers["API-Version"] == "2"


def test_it_grows_with_the_weight_and_leaves_one_thread(configured: Callable[..., None]) -> None:
    occupy(PLACES + 2)
    configured(weight_bp=10_000)
    assert ask(THING).headers["API-Version"] == "2"
    occupy(1)
    assert ask(THING).headers["API-Version"] == "1"
    configured(weight_bp=10_000, WEB_THREADS=16)
    assert ask(THING).headers["API-Version"] == "2"


def test_a_number_of_ones_own_holds_at_any_weight(configured: Callable[..., None]) -> None:
    configured(weight_bp=10_000, BULKHEAD=2)
    assert ask(THING).headers["API-Version"] == "2"
    occupy(2)
    assert ask(THING).headers["API-Version"] == "1"


def test_a_call_that_the_stable_version_lacks_is_told_to_come_back(configured: Callable[..., None]) -> None:
    configured(weight_bp=10_000, BULKHEAD=1, SUCCESSORS="tests.canary.successors")
    occupy(1)
    assert ask("/api/news").status_code == 503
    assert ask(THING).headers["API-Version"] == "1"


@pytest.mark.parametrize("told", ["200", "404", "500", "raise"])
def test_every_request_gives_its_place_back(told: str) -> None:
    for path in (f"{PINNED}?v2={told}", f"/api/v1/things/7?v1={told}"):
        ask(path)
    assert flights.counts() == {1: 0, 2: 0}


def test_a_stream_holds_its_place_until_it_is_sent_and_does_not_hang() -> None:
    response: Any = Client().get(f"{PINNED}?v2=stream")
    assert (flights.counts()[2], [*flights], flights.hang(CANDIDATE, 0)) == (1, [], False)
    assert b"".join(response.streaming_content) == b"ab"
    assert flights.counts()[2] == 0


def test_of_many_at_once_as_many_reach_the_view_as_may(
    configured: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    configured(weight_bp=5_000)
    path, on_v2 = f"{THING}?v2=wait", client_on(2)
    monkeypatch.setattr(failing, "gate", gate := Gate())

    def ask_from(network: int) -> Any:
        return Client(REMOTE_ADDR=f"192.0.{network}.1").get(path, headers={"x-client-id": on_v2})

    with ThreadPoolExecutor(3 * PLACES) as pool:
        asked = [pool.submit(ask_from, number) for number in range(3 * PLACES)]
        held = gate.await_waiting(2, PLACES)
        versions = ask(path, x_client_id=on_v2).headers["API-Version"]
        gate.is_open.set()
        answers = [answer.result().headers["API-Version"] for answer in asked]
    assert (held, gate.most, versions) == (True, PLACES, "1")
    assert answers.count("2") >= PLACES
    assert flights.counts() == {1: 0, 2: 0}


# -- one client that floods -----------------------------------------------------------------------------------------


def test_one_network_that_floods_leaves_places_to_another(configured: Callable[..., None]) -> None:
    configured(BULKHEAD=32)
    assert flood("192.0.2.1", places=32) == 24
    assert (status_for("192.0.2.200"), status_for("198.51.100.1"), status_for("198.51.100.1")) == (503, 200, 200)


def test_what_one_network_is_refused_the_stable_version_answers_on_the_entrance(
    configured: Callable[..., None],
) -> None:
    configured(weight_bp=5_000, BULKHEAD=32)
    on_v2 = client_on(2)
    flood("127.0.0.1", places=32)
    assert ask(THING, x_client_id=on_v2).headers["API-Version"] == "1"
    assert recorded() == [(1, "overflow", 200)]


def test_an_account_that_floods_leaves_places_to_others_of_its_network(configured: Callable[..., None]) -> None:
    configured(BULKHEAD=32, IDENTIFY="tests.canary.test_bulkhead.bearer_of_key")
    assert flood("192.0.2.1", "author", places=32) == 24
    assert [status_for("192.0.2.1", x_api_key=name) for name in ("author", "editor")] == [503, 200]
    assert status_for("192.0.2.1") == 200


def test_behind_an_address_that_is_unknown_everybody_shares_all_places() -> None:
    assert flood("") == PLACES
    assert status_for("198.51.100.1") == 503


# -- what is made of it -----------------------------------------------------------------------------------------------


def test_what_is_shed_is_counted_and_what_is_in_flight_is_shown(
    configured: Callable[..., None], tmp_path: Path
) -> None:
    configured(weight_bp=5_000)
    on_v2 = client_on(2)
    occupy(PLACES)
    ask(THING, x_client_id=on_v2)
    ask(PINNED)
    flushing.sum_up()
    flushing.outbox.publish(node := Node(tmp_path / "metrics"))
    text = exposition(*node.read()).decode()
    for line in (
        "canary_shed_total 2.0",
        'canary_in_flight{version="2"} 4.0',
        'canary_in_flight{version="1"} 0.0',
        f"canary_bulkhead {PLACES}.0",
    ):
        assert line in text.splitlines()


def test_a_stream_whose_view_makes_no_further_part_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(failing, "gate", gate := Gate())
    parts: list[bytes] = []
    response = ask(f"{PINNED}?v2=stream&then=hang")
    reading = threading.Thread(target=lambda: parts.extend(response.streaming_content))
    reading.start()
    assert gate.await_waiting(2, 1)
    [flight] = flights
    assert flights.hang(CANDIDATE, 0)
    assert flights.tell(flight)
    gate.is_open.set()
    reading.join()
    response.close()
    assert parts == [b"a", b"b"]
    assert recorded() == []  # it was told as hanging
    assert flights.counts()[2] == 0


@pytest.mark.parametrize("end", ["end", "close"])
def test_an_answer_of_v2_whose_end_hangs_keeps_its_place_and_hangs(end: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The client had its answer and v2 its place back, while a thread of the process was gone."""
    monkeypatch.setattr(failing, "gate", gate := Gate())
    asking = [threading.Thread(target=ask, args=(path,)) for path in (f"{PINNED}?{end}=hang", f"{THING}?{end}=hang")]
    for thread in asking:
        thread.start()
    assert gate.await_waiting(2, 1)
    assert gate.await_waiting(1, 1)
    [flight] = flights
    assert (flights.counts(), flights.hang(CANDIDATE, 0), flights.tell(flight)) == ({1: 0, 2: 1}, True, True)
    gate.is_open.set()
    for thread in asking:
        thread.join()
    assert flights.counts() == {1: 0, 2: 0}
    assert sorted(recorded()) == [(1, "bucket", 200), (2, "pinned", 200)]


def test_an_answer_that_is_dropped_without_being_closed_gives_its_place_back() -> None:
    [flight] = occupy(1)
    response = HttpResponse()
    response._resource_closers.append(print)  # type: ignore[attr-defined]
    land(flight, response)
    assert flights.counts()[2] == 1
    del response
    record_hangs()
    assert flights.counts()[2] == 0


@pytest.mark.django_db
def test_what_the_stable_version_answered_is_no_success_of_the_candidate() -> None:
    """That somebody came counts: else the users of v2 would look like lost ones."""
    weight(5_000)
    on_v2 = client_on(2)
    occupy(PLACES)
    for _ in range(4):
        ask(THING, x_client_id=on_v2)
    flush(is_last=True)
    assert metrics_of(api_version=2) == metrics_of() == ["seen"]
    assert {*MetricBucket.objects.values_list("api_version", "judged")} == {(1, False)}
    assert not ConsumerUsage.objects.exists()  # nobody chose v1


@pytest.mark.django_db
def test_while_all_that_hold_it_hang_a_shed_request_is_a_failure_of_the_candidate() -> None:
    """A view that never returns would else give as many failures as there are places."""
    weight(5_000)
    clients = [client_on(2, number) for number in range(12)]
    occupy(PLACES, for_s=11)
    assert {ask(THING, x_client_id=client).headers["API-Version"] for client in clients} == {"1"}
    assert recorded() == [(2, "bucket", 503), (1, "overflow", 200)] * len(clients)
    for client in clients:
        ask(THING, x_client_id=client)
    flush(is_last=True)
    assert metrics_of(api_version=2) == metrics_of() == ["seen", "error"] * len(clients)


def test_one_that_has_just_begun_shows_that_the_candidate_still_answers(configured: Callable[..., None]) -> None:
    configured(weight_bp=5_000)
    on_v2 = client_on(2)
    occupy(PLACES - 1, for_s=11)
    occupy(1)
    ask(THING, x_client_id=on_v2)
    assert recorded() == [(1, "overflow", 200)]


def test_a_request_that_was_told_as_hanging_is_not_recorded_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(failing, "gate", gate := Gate())
    asking = threading.Thread(target=ask, args=(f"{PINNED}?v2=wait",))
    asking.start()
    assert gate.await_waiting(2, 1)
    [flight] = flights
    assert (flight.route, flight.path, flights.tell(flight)) == ("api/v2/things/<str:id>", PINNED, True)
    gate.is_open.set()
    asking.join()
    assert [*recorder.queue.drain()] == []


def bearer_of_key(request: HttpRequest) -> tuple[str, str] | None:
    key = request.META.get("HTTP_X_API_KEY")
    return ("key", key) if key else None
