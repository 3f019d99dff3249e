"""Writes that are sampled as they are answered: the client notices nothing, and v2's loss is found."""

import itertools
import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from queue import SimpleQueue
from statistics import median
from typing import Any

import pytest
from django.test import Client, RequestFactory

from canary import server
from canary.core.values import CANDIDATE, STABLE, Decision, Snapshot
from canary.models import ShadowDifference
from canary.shadow.offering import READER
from canary.shadow.results import summary
from canary.shadow.writes.sampling import NAME, SAMPLER, Place, WriteSampler, _write_of
from canary.state.store import current_snapshot
from cms.models import Tag
from tests.canary.shadow.writes.site import THING
from tests.stalls import fair_time

WAIT_S = 60.0


@pytest.fixture(autouse=True)
def _nothing_was_counted() -> Iterator[None]:
    READER.tally.totals.clear()
    READER.tally.groups.clear()
    yield
    READER.tally.totals.clear()
    READER.tally.groups.clear()


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WAIT_S
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def counted(result: str = "") -> int:
    return sum(count for (_, _, one), count in READER.tally.totals.items() if result in ("", one))


def waits() -> bool:
    """Whether a snapshot is held, as it is while there are writes."""
    SAMPLER._wanted_at = time.monotonic()
    return SAMPLER.place is not None


def post(client: Client, name: str, path: str = "/api/v1/things", **more: Any) -> int:
    asked = json.dumps({**THING, "name": name, **more})
    return int(client.post(path, asked, content_type="application/json").status_code)


def sent(name: str, **more: Any) -> str:
    """Send writes until one finds a snapshot, which is not held for a moment as it is renewed; return its name."""
    for attempt in itertools.count():
        until(waits)
        before, dropped = counted(), counted("dropped")
        assert post(Client(), f"{name}-{attempt}", **more) == 201
        until(lambda: counted() > before)  # noqa: B023
        if counted("dropped") == dropped:
            return f"{name}-{attempt}"
    raise AssertionError


def test_a_write_is_run_by_both_versions_and_done_once(live: WriteSampler) -> None:
    names = [sent("one"), sent("two")]
    assert counted("equal") == 2
    assert Tag.objects.filter(name__in=names).count() == 2


def test_a_column_that_v2_loses_is_found_without_its_value(live: WriteSampler) -> None:
    name = sent("one", fault="lost", text="a secret")
    assert Tag.objects.get(name=name).description == "a secret"
    READER.tally.flush()
    [found] = summary(1)["differences"]
    assert (found["route"], found["path"], found["kind"]) == ("POST /things", "cms_tag.description", "value")
    assert found["example"] == {"url": "/things", "v1": "(text)", "v2": "(text)"}
    assert "secret" not in str(ShadowDifference.objects.values())


def test_a_write_that_v1_refuses_is_compared_too(live: WriteSampler) -> None:
    asked = {"data": json.dumps({"text": "x", "refused": True}), "content_type": "application/json"}

    def is_compared() -> bool:
        return Client().put("/api/v1/things/old", **asked).status_code == 422 and counted("refused_both") > 0

    until(is_compared)


def test_writes_that_cannot_be_repeated_are_left_alone(live: WriteSampler) -> None:
    until(waits)
    client = Client(raise_request_exception=False)
    client.post("/api/v1/things", {"name": "form"})
    client.post("/api/v1/things", json.dumps({**THING, "text": "x" * 70_000}), content_type="application/json")
    client.post("/api/v2/things", json.dumps({"title": "a", "text": {"plain": "b"}}), content_type="application/json")
    client.options("/api/v1/things")
    assert counted() == 0
    sent("two")  # and none of them was taken, which is counted later
    assert (counted("equal"), counted() - counted("dropped")) == (1, 1)


def test_no_snapshot_is_held_where_nobody_writes(live: WriteSampler) -> None:
    assert SAMPLER.place is None
    post(Client(), "one")
    assert counted("dropped") == 1
    sent("two")
    assert counted("equal") == 1


def test_a_handler_that_hangs_ends_at_its_time(live: WriteSampler, writing: Callable[..., None]) -> None:
    writing(SHARE_BP=10_000, TIMEOUT_S=0.3)
    sent("one", fault="late")
    assert counted("equal") == 0
    writing(SHARE_BP=10_000)
    sent("two")
    assert counted("equal") == 1


def test_a_share_of_zero_takes_no_turns(rollout: Callable[..., None], writing: Callable[..., None]) -> None:
    writing(SHARE_BP=0)
    assert post(Client(), "one") == 201
    assert (NAME in server.tasks, counted()) == (False, 0)


def test_nothing_is_taken_after_a_rollback(live: WriteSampler) -> None:
    request, decision = RequestFactory().post("/api/v1/things", {}, "application/json"), Decision(STABLE, "pinned")
    snapshot = Snapshot(version=1, weight_bp=0, salt="s")
    for left in (replace(snapshot, latched=True), replace(snapshot, is_candidate_enabled=False)):
        assert not live.begin(request, decision, left)
    assert not live.begin(request, Decision(CANDIDATE, "pinned"), snapshot)
    assert counted() == 0


@pytest.mark.parametrize("is_taken", [False, True])
def test_a_snapshot_is_held_for_a_tenth_of_the_time(
    writing: Callable[..., None], in_a_file: None, *, is_taken: bool
) -> None:
    writing(SHARE_BP=10_000)
    SAMPLER.forget()
    until(lambda: SAMPLER._budget.has_left(10_000, time.monotonic()))
    with ThreadPoolExecutor(1) as pool:
        turn_at, _ = time.monotonic(), waits()
        turn = pool.submit(SAMPLER.take_turn)
        until(waits)
        held_at = fair_time()
        if is_taken:
            assert post(Client(), "one") == 201
        until(lambda: SAMPLER.place is None)
        held_s = fair_time() - held_at  # at least, also where this thread hears of the end too late
        rest_s = turn.result()
        turn_s = time.monotonic() - turn_at
    SAMPLER.watchdog.rest()
    assert counted("equal") == is_taken
    assert 9 * held_s <= rest_s <= 11 * turn_s


def test_a_write_that_v2_has_not_takes_no_other_ones_place(writing: Callable[..., None]) -> None:
    writing(SHARE_BP=10_000)
    SAMPLER.forget()
    waiting: Place = SimpleQueue()
    SAMPLER.place = waiting
    decision, factory = Decision(STABLE, "pinned"), RequestFactory()
    for path, taken in (("/api/v1/nothing", None), ("/api/v1/things", waiting)):
        assert SAMPLER.begin(factory.post(path, {}, "application/json"), decision, current_snapshot()) is taken
    assert counted("unmapped") == counted() == 1


BLOCKS, BLOCKS_MAX, WRITES = 20, 100, 10
SLOWER_MAX = 1.1
"""A handoff between threads, and the share of a core that the comparisons have."""


def test_a_writer_does_not_notice_it(live: WriteSampler, writing: Callable[..., None]) -> None:
    """Blocks of writes with and without it, in turns, so that a busy machine slows both; more of them while in doubt."""
    client, seconds = Client(), {0: list[float](), 10_000: list[float]()}
    for block in range(BLOCKS_MAX):
        for share_bp, taken in seconds.items():
            writing(cpu_bp=1_000, SHARE_BP=share_bp)
            for number in range(WRITES):
                began = time.perf_counter()
                assert post(client, f"n{share_bp}-{block}-{number}") == 201
                taken.append(time.perf_counter() - began)
        ratio = median(seconds[10_000]) / median(seconds[0])
        if block >= BLOCKS and ratio <= SLOWER_MAX:
            break
    assert ratio <= SLOWER_MAX
    assert counted("equal") > 0
    assert counted("different") == 0


def test_an_answer_that_comes_too_late_is_not_compared_on_a_later_snapshot(
    live: WriteSampler, writing: Callable[..., None]
) -> None:
    writing(SHARE_BP=10_000, TIMEOUT_S=0.1)
    asked = RequestFactory().post("/api/v1/things", {}, "application/json")
    decision, places = Decision(STABLE, "pinned"), list[Any]()

    def is_taken() -> bool:
        places.append(live.begin(asked, decision, current_snapshot()))
        return places[-1] is not None

    until(is_taken)
    until(lambda: counted("dropped") == len(places))
    places[-1].put((_write_of(asked, decision, current_snapshot()), 201))
    writing(SHARE_BP=10_000)
    sent("two")
    assert (counted("equal"), counted() - counted("dropped")) == (1, 1)
