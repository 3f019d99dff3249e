"""The register of requests in flight: exact at its bound, and one outcome for each flight."""

import threading
import time
from collections.abc import Callable

from django.test import RequestFactory

from canary.core.values import CANDIDATE, STABLE, Decision
from canary.requests.in_flight import Flight, InFlight


def fly(flights: InFlight, api_version: int = CANDIDATE, most: int | None = None) -> Flight | None:
    """One of nobody that began now, None if it may not."""
    request, decision = RequestFactory().get("/api/posts", REMOTE_ADDR=""), Decision(api_version, "bucket")
    flight = Flight(request, decision, None, time.perf_counter_ns())
    return flight if flights.enter(flight, most) else None


def together(threads: int, act: Callable[[], object]) -> None:
    begin = threading.Barrier(threads)

    def begin_and_act() -> None:
        begin.wait()
        act()

    running = [threading.Thread(target=begin_and_act) for _ in range(threads)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()


def test_a_request_counts_for_its_version_until_it_leaves() -> None:
    flights = InFlight()
    first, second, third = fly(flights, STABLE), fly(flights), fly(flights)
    assert flights.counts() == {STABLE: 1, CANDIDATE: 2}
    assert {*flights} == {first, second, third}
    for flight in (second, second, third):
        flights.leave(flight)
    assert (flights.counts(), [*flights]) == ({STABLE: 1, CANDIDATE: 0}, [first])


def test_above_the_bound_nobody_enters_and_the_other_version_is_not_concerned() -> None:
    flights = InFlight()
    assert [fly(flights, most=2) is None for _ in range(3)] == [False, False, True]
    assert fly(flights, STABLE, most=1) is not None


def test_of_many_threads_at_once_as_many_enter_as_may() -> None:
    flights = InFlight()
    entered: list[Flight] = []
    together(16, lambda: entered.extend(filter(None, [fly(flights, most=5) for _ in range(50)])))
    assert (len(entered), flights.counts()[CANDIDATE]) == (5, 5)


def test_one_of_all_who_ask_is_to_record_the_outcome() -> None:
    flights, told = InFlight(), []
    flight = fly(flights)
    assert flight is not None
    together(8, lambda: told.append(flights.tell(flight)))
    assert sorted(told) == [False] * 7 + [True]
    assert flight.told


def test_once_the_view_has_returned_nobody_else_records_the_outcome() -> None:
    flights = InFlight()
    first, second = fly(flights), fly(flights)
    assert first is not None
    assert second is not None
    flights.leave(first)
    flights.await_client(second)
    assert [(flights.tell(flight), flight.told) for flight in (first, second)] == [(False, False)] * 2


def test_all_hang_once_each_has_waited_too_long_for_its_answer() -> None:
    flights = InFlight()
    assert not flights.hang(CANDIDATE, for_s=0)
    first, second = fly(flights), fly(flights)
    assert first is not None
    assert second is not None
    first.started_ns -= 11 * 10**9
    assert not flights.hang(CANDIDATE, for_s=10)
    second.started_ns -= 11 * 10**9
    assert flights.hang(CANDIDATE, for_s=10)
    flights.await_client(second)  # which reads slowly
    assert not flights.hang(CANDIDATE, for_s=10)
    assert [*flights] == [first]


def test_a_body_that_comes_slowly_is_no_view_that_hangs() -> None:
    flights = InFlight()
    request = RequestFactory().post("/api/posts", b"twelve bytes", content_type="text/plain")
    flight = Flight(request, Decision(CANDIDATE, "bucket"), None, time.perf_counter_ns() - 11 * 10**9)
    flights.enter(flight)
    assert flights.hang(CANDIDATE, for_s=10)
    request.read(5)
    assert flights.hang(CANDIDATE, for_s=10)  # all has been sent
    assert flight.body is not None
    flight.body.is_awaited = True
    assert not flights.hang(CANDIDATE, for_s=10)


def test_what_a_flight_says_of_its_request() -> None:
    flight = fly(InFlight())
    assert flight is not None
    assert (flight.method, flight.path, flight.route, flight.api_version) == ("GET", "/api/posts", None, CANDIDATE)
