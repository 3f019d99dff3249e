"""What the middleware costs: at most 15 µs of CPU a request on the machine it was first measured on, in every phase of v1.

How fast a machine is tell a loop of the same kind of work and a request that Django makes and answers, measured in turns with
it, so that neither a slow machine nor a busy one fails. No SQL: the test has no database.
"""

import gc
import math
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from hashlib import blake2b
from pathlib import Path
from statistics import quantiles
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory

from canary.conf import canary_conf
from canary.core.crossover import Crossover
from canary.core.lifecycle import DEPRECATED, Life
from canary.core.values import Decision
from canary.middleware import CanaryMiddleware
from canary.recording import recorder
from canary.requests.black_box import BlackBox
from canary.requests.faults import faults
from canary.requests.in_flight import Flight, InFlight, flights
from canary.state import store

LIMIT_US = 15.0
SPEED_ERROR = 1.05
"""Runs on one machine at a load of 8 differ by 2.1 % at most (one standard deviation) in what they find of its speed.
The tenth percentile of each series finds it: the best of each differs by 6.2 %, since it is one lucky batch."""
LOOP_US = 16.5
"""What a round of `_loop` took at best on the reference machine, a shared core of an x86-64 server with Python 3.13."""
DJANGO_US = 26.0
"""The same of `_by_django`, by the middleware's 4, 9, 9 and 14 µs there, that are 0.16, 0.34, 0.34 and 0.52 of it on a Xeon."""
BATCHES, BATCHES_MAX, REQUESTS, ROUNDS = 600, 3_000, 8, 5
DEPRECATED_LIFE = Life(DEPRECATED, 1_796_083_200, 4_102_444_800)


def _pinned() -> str:
    return f"/api/v1/posts/{uuid.uuid4()}"


def _entrance() -> str:
    return f"/api/posts/{uuid.uuid4()}"


def _listed() -> str:
    return "/api/posts?limit=3&page=2&sort=-published_at"


CROSSING = "active, entrance, in a crossover"
WAYS: dict[str, tuple[Life, Callable[[], str], int]] = {
    "active, pinned": (Life(), _pinned, 0),
    "active, entrance": (Life(), _entrance, 0),
    "active, entrance, by the candidate": (Life(), _entrance, 10_000),
    CROSSING: (Life(), _entrance, 0),
    "deprecated, pinned": (DEPRECATED_LIFE, _pinned, 0),
    "deprecated, entrance": (DEPRECATED_LIFE, _entrance, 0),
    "deprecated, a list": (DEPRECATED_LIFE, _listed, 0),
}
THREADS, FLIGHTS = 8, 5_000
SHARED_MAX = 1.5
"""How much longer threads may take for the same flights when they share one register."""


@pytest.fixture
def life_of_v1(settings: object, tmp_path: Path) -> Iterator[Callable[[Life, int], None]]:
    """In a process that keeps a black box, as every server does."""
    flights.box = BlackBox(tmp_path / "box", "worker", 0.0)

    def put(life: Life, weight_bp: int) -> None:
        stored = {"anonymous_key": b"a" * 32, "cookie_key": b"c" * 32}  # as every rollout that is stored has them
        store._state = store._State(kept=replace(canary_conf().snapshot, weight_bp=weight_bp, life=life, **stored))

    yield put
    flights.box = None
    store.forget()
    recorder.queue.clear()


@pytest.mark.parametrize("way", WAYS)
def test_a_request_costs_at_most_15_microseconds_of_cpu(
    way: str, life_of_v1: Callable[[Life, int], None], capsys: pytest.CaptureFixture[str]
) -> None:
    if not django_settings.CANARY.get("SUCCESSORS") and not way.startswith("active, entrance"):
        pytest.skip("v1 is deleted")
    if sys.gettrace():
        pytest.skip("each line is being traced, as for coverage, which costs more than what is measured here")
    life, path, weight_bp = WAYS[way]
    life_of_v1(life, weight_bp)
    if way == CROSSING:
        crossover = Crossover(time.time(), 7 * 86_400.0, 4, {"client:c1": 0})
        store._state = store._State(kept=replace(store.current_snapshot(), crossover=crossover))
    before = faults.count
    canary = CanaryMiddleware(_answer)
    headers = canary(_request(path())).headers
    assert ("Deprecation" in headers) == (life is DEPRECATED_LIFE)
    assert way == CROSSING or headers["API-Version"] == ("2" if weight_bp else "1")
    spent_us, slower = _measure(canary, path)
    with capsys.disabled():
        print(
            f"\n  {way}: {spent_us:.1f} µs a request, {spent_us / slower:.1f} µs at the reference's speed ({slower:.2f})"
        )
    assert spent_us <= LIMIT_US * slower * SPEED_ERROR
    assert faults.count == before


def test_threads_do_not_wait_for_each_other_at_the_register(capsys: pytest.CaptureFixture[str]) -> None:
    """The same flights in turn, of threads that share a register, and of threads that have one each."""
    one = InFlight()
    shared_us = own_us = math.inf
    for _ in range(20):
        shared_us = min(shared_us, _fly_us([one] * THREADS))
        own_us = min(own_us, _fly_us([InFlight() for _ in range(THREADS)]))
    with capsys.disabled():
        print(f"\n  {THREADS} threads: {shared_us:.2f} µs a flight with one register, {own_us:.2f} with one each")
    assert shared_us <= SHARED_MAX * own_us
    assert one.counts() == {1: 0, 2: 0}


def _fly_us(registers: Sequence[InFlight]) -> float:
    """Wall-clock time a flight, of all threads together."""
    decision, begin = Decision(2, "bucket"), threading.Barrier(len(registers) + 1)

    def fly(register: InFlight, network: int) -> None:
        request = _request("/api/posts")
        request.META["REMOTE_ADDR"] = f"192.0.{network}.1"
        begin.wait()
        for _ in range(FLIGHTS // len(registers)):
            flight = Flight(request, decision, None, time.perf_counter_ns())
            assert register.enter(flight, len(registers))
            register.leave(flight)

    threads = [threading.Thread(target=fly, args=(register, number)) for number, register in enumerate(registers)]
    for thread in threads:
        thread.start()
    begin.wait()
    began = time.perf_counter_ns()
    for thread in threads:
        thread.join()
    return (time.perf_counter_ns() - began) / FLIGHTS / 1e3


def _measure(canary: Callable[[HttpRequest], HttpResponse], path: Callable[[], str]) -> tuple[float, float]:
    """CPU time of this thread that the middleware adds to a request, in µs, and how much slower this machine is.

    The tenth percentiles of all batches: one that is over the limit is given more.
    """
    spent: dict[object, list[float]] = {handler: [] for handler in (canary, _answer, _loop, _by_django)}
    gc.disable()
    try:
        while True:
            for _ in range(BATCHES):
                for handler in (canary, _answer):
                    requests = [_request(path()) for _ in range(REQUESTS)]
                    spent[handler].append(_time_us(handler, requests))
                spent[_loop].append(_time_us(_loop, [None] * ROUNDS))
                spent[_by_django].append(_time_us(_by_django, [None] * REQUESTS))
                recorder.queue.clear()
            quick = {handler: quantiles(times, n=10)[0] for handler, times in spent.items()}
            slower = max(1.0, quick[_loop] / LOOP_US, quick[_by_django] / DJANGO_US)
            found = quick[canary] - quick[_answer], slower
            if found[0] <= LIMIT_US * slower * SPEED_ERROR or len(spent[canary]) >= BATCHES_MAX:
                return found
    finally:
        gc.enable()


def _time_us(function: Callable[[Any], object], arguments: Sequence[object]) -> float:
    began = time.thread_time_ns()
    for argument in arguments:
        function(argument)
    return (time.thread_time_ns() - began) / len(arguments) / 1e3


def _request(path: str) -> HttpRequest:
    return RequestFactory().get(path, headers={"x-client-id": "c1", "host": django_settings.ALLOWED_HOSTS[0]})


def _answer(request: HttpRequest) -> HttpResponse:
    return HttpResponse()


def _by_django(_: object) -> HttpResponse:
    """A request and an answer with as much of Django as the middleware uses of it, and nothing of ours."""
    request = RequestFactory().get(
        f"/{uuid.uuid4()}?page=2&sort=-title", headers={"x-client-id": "c1", "cookie": "a=b; c=d"}
    )
    response = HttpResponse(headers={"Vary": request.headers["Cookie"], "X-Scheme": request.scheme or ""})
    response.headers["Link"] = f"<{request.get_full_path()}>; {request.GET['sort']} {request.COOKIES['a']}"
    return response


def _loop(_: object) -> int:
    """What the middleware does too: calls, dictionaries, short texts, a hash now and then."""
    known: dict[str, tuple[str, int]] = {}
    for number in range(60):
        name = f"header-{number}".lower()
        known[name] = (name.upper(), len(name))
        if number % 10 == 0:
            known["digest"] = (blake2b(name.encode(), digest_size=8).hexdigest(), number)
    return sum(length for _, length in sorted(known.values()))
