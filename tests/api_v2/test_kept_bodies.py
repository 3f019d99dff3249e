"""The memory that keeps finished answers: its bytes, its generations, and turns of those who ask for the same one."""

import gc
import threading
import time
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import orjson
from django.test import RequestFactory

from api_v2.public_bodies.store import ENTRY_BYTES_MAX, Body, PublicBodies, bytes_of
from api_v2.public_bodies.turns import Turns
from api_v2.responses import readable_response
from api_v2.views.public_view import PublicView, key_of

BODY = Body(b"x" * 100, {}, float("inf"), read_at=float("inf"))
SIZE = bytes_of(("a",), BODY)


def test_bodies_stay_within_their_bytes_and_the_longest_unused_go_first() -> None:
    bodies = PublicBodies()
    assert bodies.find(("a",), 1, 0) is None
    for name in ("a", "b", "c"):
        bodies.keep((name,), 1, BODY, SIZE * 3)
    bodies.find(("a",), 1, 0)
    bodies.keep(("d",), 1, BODY, SIZE * 3)
    assert [bool(bodies.find((name,), 1, 0)) for name in ("a", "b", "c", "d")] == [True, False, True, True]
    assert bodies.bytes == SIZE * 3
    bodies.keep(("e",), 1, replace(BODY, content=b"x" * ENTRY_BYTES_MAX), ENTRY_BYTES_MAX * 9)
    assert bodies.find(("e",), 1, 0) is None


def test_a_body_outlives_ten_seconds_while_nothing_changed_since_it_was_read() -> None:
    bodies, read_at = PublicBodies(), time.monotonic() - 60
    bodies.find(("a",), 1, 0)
    bodies.keep(("a",), 1, replace(BODY, read_at=read_at), SIZE)
    for still_since, is_found in ((read_at - 1, True), (read_at, True), (read_at + 0.1, False), (float("inf"), False)):
        assert bool(bodies.find(("a",), 1, 0, still_since=still_since)) == is_found
    bodies.keep(("a",), 1, BODY, SIZE)
    assert bodies.find(("a",), 1, 0)


def test_the_bytes_that_are_counted_are_those_in_memory(rf: RequestFactory) -> None:
    """Bodies as views make them: of many sizes, with letters that take four bytes, under addresses of any length."""
    bodies, view = PublicBodies(), PublicView()
    view.keep_until(None)
    bodies.find(("",), 1, 0)
    tracemalloc.start()
    try:
        for number in range(400):
            path = f"/api/v2/posts/{'ж' * (number % 40)}-{number}"
            request = rf.get(path, headers={"accept": f"application/json;q=0.{number}"})
            data = {"title": f"Number {number}", "content": "Tea \N{HOT BEVERAGE} " * (number * 7 % 1_000)}
            response = readable_response(request, orjson.dumps(data), version=number, is_public=True)
            made = view._body_of(response, "")
            assert made is not None
            bodies.keep(key_of(request), 1, made, 2**30)
        del request, data, response, made
        gc.collect()
        in_memory, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert 0.8 < bodies.bytes / in_memory < 1.25


def test_an_old_generation_neither_brings_anything_in_nor_takes_anything_away() -> None:
    bodies = PublicBodies()
    bodies.find(("a",), 2, 0)
    bodies.keep(("a",), 2, BODY, SIZE)
    bodies.keep(("a",), 1, replace(BODY, content=b"old"), SIZE)
    assert bodies.find(("a",), 1, 0) is None
    assert bodies.find(("a",), 2, 0) is BODY
    assert bodies.find(("a",), 3, 0) is None
    assert (bodies.find(("a",), 2, 0), bodies.bytes) == (None, 0)


def test_when_the_first_fails_the_others_go_on() -> None:
    own, entered, seen = Turns(), threading.Event(), []

    def fail() -> None:
        with own.turn(("a",)) as is_first:
            seen.append(is_first)
            entered.set()
            raise ZeroDivisionError

    def follow() -> None:
        entered.wait()
        with own.turn(("a",)) as is_first:
            seen.append(is_first)

    with ThreadPoolExecutor(2) as pool:
        failed, followed = pool.submit(fail), pool.submit(follow)
        assert isinstance(failed.exception(), ZeroDivisionError)
        followed.result()
    assert len(seen) == 2
    with own.turn(("a",)) as is_first:
        assert is_first
