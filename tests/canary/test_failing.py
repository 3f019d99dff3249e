"""Whatever breaks inside the canary, requests are answered: by v1, by v2 when v1 is gone, and it is counted."""

import datetime
import logging
import threading
from collections.abc import Callable

import pytest
from django.db import connection, connections
from django.db.utils import OperationalError
from django.test import Client

from canary import server, services
from canary.requests import faults as faults_module
from canary.requests.faults import FaultLog, faults
from canary.state import store

BEFORE = (
    "canary.middleware.start_counting",
    "canary.middleware.current_snapshot",
    "canary.middleware.identify",
    "canary.middleware.choose",
    "canary.middleware.is_candidate",
    "canary.middleware.remember",
    "canary.core.routing.bucket",
    "canary.requests.identity.read_cookie",
    "canary.requests.identity.secret_for",
    "canary.requests.identity.canary_conf",
    "canary.state.store.canary_conf",
)
AFTER = (
    "canary.middleware.write_cookie",
    "canary.middleware.read_cookie",
    "canary.middleware._headers_of_entrance",
    "canary.retiring.life.describe",
    "canary.recording.recorder.observe",
    "canary.recording.recorder.canary_conf",
    "canary.recording.recorder.stop_counting",
    "canary.shadow.offering.offer",
    "canary.shadow.offering.canary_conf",
)


def explode(*_: object, **__: object) -> None:
    raise RuntimeError("planted")


@pytest.mark.parametrize("place", BEFORE)
def test_a_fault_before_the_decision_is_answered_by_v1(
    rollout: Callable[..., None], monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    rollout(weight_bp=10_000)
    monkeypatch.setattr(place, explode)
    before, response = faults.count, Client().get("/api/posts")
    assert (response.status_code, response.json()["arm"], response.headers["API-Version"]) == (200, 1, "1")
    assert faults.count > before


@pytest.mark.parametrize("place", BEFORE)
def test_with_v1_gone_the_same_fault_is_answered_by_v2(
    rollout: Callable[..., None], monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    rollout(weight_bp=0, IS_V1_ENABLED=False)
    monkeypatch.setattr(place, explode)
    response = Client().get("/api/posts")
    assert (response.status_code, response.json()["arm"]) == (200, 2)


@pytest.mark.parametrize("place", AFTER)
def test_a_fault_after_the_answer_changes_nothing_of_it(
    rollout: Callable[..., None], monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    rollout(weight_bp=10_000)
    monkeypatch.setattr(place, explode)
    response = Client().get("/api/posts")
    assert (response.status_code, response.json()["arm"]) == (200, 2)


@pytest.mark.parametrize("place", ["canary.middleware.write_cookie", "canary.middleware._describe"])
def test_a_fault_after_the_answer_leaves_it_the_headers_of_the_entrance(
    rollout: Callable[..., None], monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    rollout()
    monkeypatch.setattr(place, explode)
    answer = Client().get("/api/")
    assert (answer.headers["API-Version"], answer.headers["Content-Location"]) == ("1", "/api/v1/")
    assert "private" in answer.headers["Cache-Control"]
    assert "X-Client-Id" in answer.headers["Vary"]


@pytest.mark.parametrize("place", ["canary.middleware.problem_response", "canary.retiring.life.gone_response"])
def test_a_refusal_that_can_not_be_written_keeps_its_status(
    rollout: Callable[..., None], monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    rollout(IS_V1_ENABLED=False)
    monkeypatch.setattr(place, explode)
    assert Client().get("/api/v1/posts").status_code == 410
    assert Client().get("/api/v9/posts").status_code == 404


def test_a_log_that_can_not_be_written_is_not_what_a_client_notices(
    rollout: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("canary.middleware.identify", explode)
    monkeypatch.setattr(faults, "record", explode)
    assert Client().get("/api/posts").status_code == 200


def test_a_pinned_path_of_a_version_that_is_gone_stays_gone_through_a_fault(
    rollout: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    rollout(IS_V1_ENABLED=False)
    monkeypatch.setattr("canary.middleware.choose_pinned", explode)
    assert Client().get("/api/v1/posts").status_code == 410
    assert Client().get("/api/v2/posts").json()["arm"] == 2


def test_a_store_that_fails_leaves_the_last_good_snapshot_in_force(
    rollout: Callable[..., None], db: None, now: datetime.datetime
) -> None:
    services.set_weight(weight_bp=10_000, actor="tester", reason="a test", expected_version=0, now=now)
    store.refresh()
    read_at = now.timestamp()
    for _ in range(3):
        with connection.execute_wrapper(_refuse), pytest.raises(OperationalError):
            store.refresh()
    assert Client().get("/api/posts").headers["API-Version"] == "2"
    age_s = store.age_s(read_at + 60)
    assert age_s is not None
    assert 0 < age_s <= 60


def test_with_nothing_ever_read_the_environment_is_in_force(rollout: Callable[..., None]) -> None:
    rollout(weight_bp=10_000)
    assert store.age_s(1.0) is None
    assert Client().get("/api/posts").headers["API-Version"] == "2"


def test_a_turn_that_fails_is_recorded_and_the_next_one_is_taken(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(faults_module, "faults", FaultLog())
    monkeypatch.setattr(server, "faults", faults_module.faults)
    with caplog.at_level(logging.ERROR, logger="canary"):
        for _ in range(30):
            server.take_turn(server.Task(1.0, explode, "planted", own_thread=False))
    assert faults_module.faults.count == 30
    assert len([record for record in caplog.records if record.name == "canary"]) == 1


@pytest.mark.django_db(transaction=True)
def test_a_turn_of_a_background_thread_leaves_no_connection_open() -> None:
    if connection.vendor == "sqlite":
        pytest.skip("tests on SQLite have their database in memory, which nothing closes")
    used = []

    def ask() -> None:
        store.read()
        used.append(connections["default"])
        assert used[0].connection is not None

    turn = threading.Thread(target=server.take_turn, args=(server.Task(1.0, ask, "asking", own_thread=True),))
    turn.start()
    turn.join()
    assert [one.connection for one in used] == [None]


def _refuse(*_: object) -> None:
    raise OperationalError("planted")
