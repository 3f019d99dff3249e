"""Writes that are sampled as they are answered: the client notices nothing, and v2's loss is found."""

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from statistics import median
from typing import Any

import pytest
from django.test import Client, RequestFactory

from canary import server
from canary.core.values import CANDIDATE, STABLE, Decision, Snapshot
from canary.models import ShadowDifference
from canary.shadow.offering import READER
from canary.shadow.results import summary
from canary.shadow.writes.sampling import NAME, SAMPLER, WriteSampler
from cms.models import Tag
from tests.canary.shadow.writes.site import THING

WAIT_S = 20.0


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
    return SAMPLER.is_waiting


def post(client: Client, name: str, path: str = "/api/v1/things", **more: Any) -> int:
    asked = json.dumps({**THING, "name": name, **more})
    return int(client.post(path, asked, content_type="application/json").status_code)


def sent(name: str, **more: Any) -> int:
    """Send a write while a snapshot is held, and return its status once it was compared."""
    SAMPLER._wanted_at = time.monotonic()
    until(waits)
    before = counted()
    status = post(Client(), name, **more)
    until(lambda: counted() > before)
    return status


def test_a_write_is_run_by_both_versions_and_done_once(live: WriteSampler) -> None:
    assert [sent("one"), sent("two")] == [201, 201]
    assert counted("equal") == 2
    assert Tag.objects.filter(name__in=("one", "two")).count() == 2


def test_a_column_that_v2_loses_is_found_without_its_value(live: WriteSampler) -> None:
    assert sent("one", fault="lost", text="a secret") == 201
    assert Tag.objects.get(name="one").description == "a secret"
    READER.tally.flush()
    [found] = summary(1)["differences"]
    assert (found["route"], found["path"], found["kind"]) == ("POST /things", "cms_tag.description", "value")
    assert found["example"] == {"url": "/things", "v1": "(text)", "v2": "(text)"}
    assert "secret" not in str(ShadowDifference.objects.values())


@pytest.mark.parametrize("status", [422])
def test_a_write_that_v1_refuses_is_compared_too(live: WriteSampler, status: int) -> None:
    SAMPLER._wanted_at = time.monotonic()
    until(waits)
    body = json.dumps({"text": "x", "refused": True})
    assert Client().put("/api/v1/things/old", body, content_type="application/json").status_code == status
    until(lambda: counted("refused_both") == 1)


def test_writes_that_cannot_be_repeated_are_left_alone(live: WriteSampler) -> None:
    SAMPLER._wanted_at = time.monotonic()
    until(waits)
    client = Client(raise_request_exception=False)
    client.post("/api/v1/things", {"name": "form"})
    client.post("/api/v1/things", json.dumps({**THING, "text": "x" * 70_000}), content_type="application/json")
    client.post("/api/v2/things", json.dumps({"title": "a", "text": {"plain": "b"}}), content_type="application/json")
    client.options("/api/v1/things")
    assert (waits(), counted()) == (True, 0)


def test_no_snapshot_is_held_where_nobody_writes(live: WriteSampler) -> None:
    assert not waits()
    post(Client(), "one")
    assert counted("dropped") == 1
    until(waits)
    assert sent("two") == 201
    assert counted("equal") == 1


def test_a_handler_that_hangs_ends_at_its_time(live: WriteSampler, writing: Callable[..., None]) -> None:
    writing(SHARE_BP=10_000, TIMEOUT_S=0.3)
    assert sent("one", fault="late") == 201
    assert counted("timed_out") == 1
    assert sent("two") == 201
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
