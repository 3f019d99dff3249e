"""What visitors and supervisors are told while Redis or PostgreSQL is away, and that all comes back by itself."""

import json
import signal
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest

from scripts.staging_local.stack import WEBS, ask
from tests.slow import slow
from tests.staging.site import Staging, eventually
from tests.stalls import fair_time

BACK_WITHIN_S = 2.0


@contextmanager
def without(staging: Staging, store: str) -> Iterator[None]:
    staging.stack.processes.stop(store, signal.SIGINT)
    try:
        yield
    finally:
        staging.stack.start_store(store)
        await_answers(staging)


def await_answers(staging: Staging) -> None:
    """Until every worker process, of which each finds out for itself, answers from the database again."""
    for name in WEBS:
        staging.stack.await_ready(name)
    paths = [f"/api/v1/posts?limit={number}" for number in range(1, 17)]
    eventually(
        lambda: {staging.anonymous.get(path).status_code for path in paths} == {200}, "everything is answered again"
    )


def readiness(staging: Staging, name: str) -> tuple[int, dict[str, str]]:
    answer = httpx.get(f"{staging.stack.url_of(name)}/readyz", timeout=20)
    return answer.status_code, answer.json()["checks"]


def await_redis_word(staging: Staging, word: str) -> None:
    eventually(lambda: {readiness(staging, name)[1]["redis"] for name in WEBS} == {word}, f"Redis is {word}")


def test_without_redis_everything_is_answered_and_readiness_tells_of_it(staging: Staging) -> None:
    visitors = staging.visitors(readers=3, writers=1)
    with visitors.visiting():
        visitors.more(40)
        with without(staging, "redis"):
            await_redis_word(staging, "down")
            assert {readiness(staging, name)[0] for name in WEBS} == {200}
            visitors.more(150)
        await_redis_word(staging, "up")
        visitors.more(50)
    staging.figures.append(f"Redis lost and back: {visitors.summary}")
    assert visitors.failed == []


def test_postgres_restarted_is_told_in_shape_and_over_by_itself(staging: Staging) -> None:
    visitors = staging.visitors(readers=4, writers=1)
    with visitors.visiting():
        visitors.more(40)
        with without(staging, "postgres"):
            eventually(lambda: ask(staging.stack.ports["nginx"], "/readyz") == 503, "readiness tells of it")
            ports = [staging.stack.ports[name] for name in WEBS]
            eventually(lambda: {ask(port, "/readyz") for port in ports} == {503}, "readiness tells of it")
            assert {ask(port, "/livez") for port in ports} == {200}
            visitors.more(30)
        well_at = fair_time() + BACK_WITHIN_S
        eventually(lambda: len(visitors.since(well_at)) >= 100, "all is well, and seen to be")
    late = visitors.since(well_at)
    told = [one for one in visitors.told if one.status == 503]
    staging.figures.append(
        f"PostgreSQL restarted: {visitors.sent} requests sent, {len(told)} told 503, {len(visitors.broken)} unanswered"
    )
    assert visitors.broken == []
    assert set(visitors.statuses) <= {200, 201, 503}
    assert told
    assert all(is_in_shape(one.body, one.version) for one in told)
    assert {one.status for one in late} <= {200, 201}


def is_in_shape(body: bytes, version: str) -> bool:
    told = json.loads(body)
    return told["success"] is False if version == "1" else told["status"] == 503


def test_a_503_says_when_to_come_again(staging: Staging) -> None:
    with without(staging, "postgres"):
        answer = staging.anonymous.get("/api/v2/posts/any", headers={"Cache-Control": "no-cache"})
    assert answer.status_code == 503
    assert answer.headers["Retry-After"].isdigit()


@pytest.mark.slow
def test_after_a_restart_of_postgres_controller_and_worker_go_on(staging: Staging) -> None:
    pids = {name: staging.stack.processes.pid(name) for name in ("controller", "worker")}
    log = staging.stack.processes.log("controller")
    before = log.read_text().count("turns succeed again")
    with without(staging, "postgres"):
        eventually(lambda: log.read_text().count("can't be used") > before, "the controller says so")
    eventually(lambda: log.read_text().count("turns succeed again") > before, "the controller goes on")
    assert {name: staging.stack.processes.pid(name) for name in pids} == pids


@pytest.mark.slow
def test_what_was_committed_before_postgres_was_killed_is_there_after(staging: Staging) -> None:
    user = staging.register()
    staging.stack.processes.kill("postgres")
    staging.stack.start_store("postgres")
    await_answers(staging)
    found = staging.admin.get(f"/api/v2/users/{user['id']}")
    assert found.status_code == 200
    assert found.json()["username"] == user["username"]


@pytest.mark.slow
def test_the_rollout_in_force_outlives_the_database(at_rest: Staging) -> None:
    at_rest.set_weight(100)
    with without(at_rest, "postgres"):
        answers = [at_rest.anonymous.get("/api", headers={"X-Client-Id": f"outage-{number}"}) for number in range(10)]
    assert {answer.headers["API-Version"] for answer in answers} == {"2"}


@pytest.mark.parametrize("path", [slow("/livez"), "/readyz"])
def test_without_any_web_process_the_proxy_says_so_and_finds_them_again(staging: Staging, path: str) -> None:
    for name in WEBS:
        staging.stack.processes.kill(name)
    try:
        assert staging.anonymous.get(path).status_code == 502
    finally:
        for name in WEBS:
            staging.stack.start(name)
        for name in WEBS:
            staging.stack.await_ready(name)
    eventually(lambda: staging.anonymous.get(path).status_code == 200, "the proxy tries again")
