"""`/livez` and `/readyz`: what a supervisor is told, and that it costs the site nothing."""

import json
import os
import socket
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from django.db.migrations.recorder import MigrationRecorder
from django.test import Client

from cms.http import probes
from cms.http.probes import Findings, Readiness

POD = "10.1.2.3:8000"
BY_ANOTHER_THREAD = pytest.mark.skipif(
    os.environ["DATABASE_URL"].startswith("sqlite"), reason="the tests' SQLite database is in one thread's memory"
)


@pytest.fixture(autouse=True)
def _unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probes, "READINESS", Readiness())


def test_livez_answers_any_host_without_a_cookie_a_version_or_a_statement(client: Client) -> None:
    answer = client.get("/livez", headers={"host": POD})  # without the `db` fixture a statement would fail
    assert (answer.status_code, answer.json()) == (200, {"status": "alive"})
    assert answer.headers["Cache-Control"] == "no-store"
    assert not answer.cookies
    assert "API-Version" not in answer.headers
    assert POD not in answer.content.decode()


@pytest.mark.parametrize("path", ["/livez", "/readyz"])
def test_both_take_head_and_refuse_what_is_no_read(client: Client, path: str) -> None:
    answer = client.post(path)
    assert (answer.status_code, answer.headers["Allow"]) == (405, "GET, HEAD")
    assert client.head("/livez").content == b""


def test_readyz_says_no_while_the_file_of_drain_file_exists(client: Client, settings: Any, tmp_path: Path) -> None:
    settings.DRAIN_FILE = str(tmp_path / "draining")
    Path(settings.DRAIN_FILE).touch()
    answer = client.get("/readyz")  # without the `db` fixture a statement would fail
    assert (answer.status_code, answer.json()) == (503, {"status": "draining"})
    assert answer.headers["Retry-After"] == "1"
    assert client.get("/livez").status_code == 200


@BY_ANOTHER_THREAD
@pytest.mark.django_db(transaction=True)
def test_readyz_is_ready_with_all_migrations_applied(client: Client) -> None:
    answer = client.get("/readyz", headers={"host": POD})
    checks = answer.json()["checks"]
    assert (answer.status_code, answer.json()["status"]) == (200, "ready"), checks
    assert (checks["database"], checks["migrations"]) == ("up", "applied")
    assert checks["redis"] in ("up", "not configured")


@BY_ANOTHER_THREAD
@pytest.mark.django_db(transaction=True)
def test_readyz_is_not_ready_while_a_migration_is_to_be_applied(client: Client) -> None:
    record = MigrationRecorder.Migration.objects.filter(app="cms").latest("id")
    record.delete()
    try:
        answer = client.get("/readyz")
    finally:
        MigrationRecorder.Migration.objects.create(app=record.app, name=record.name)
    assert (answer.status_code, answer.json()["checks"]["migrations"]) == (503, "pending")
    assert answer.headers["Retry-After"] == "1"


def test_a_look_that_takes_long_is_waited_for_once_and_then_a_finding_is_repeated(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    looks, may_end = [], threading.Event()

    def look_slowly(_: str) -> tuple[str, str]:
        looks.append("begun")
        may_end.wait(60)
        return "up", "applied"

    monkeypatch.setattr(probes, "KNOWN_FOR_S", 600.0)
    monkeypatch.setattr(probes, "PATIENCE_S", 0.05)
    monkeypatch.setattr(probes, "_look_at_database", look_slowly)
    readiness = Readiness()
    assert not readiness.findings().is_ready
    may_end.set()
    monkeypatch.setattr(probes, "PATIENCE_S", 60.0)
    assert readiness.findings().is_ready
    assert readiness.findings().is_ready
    assert len(looks) == 1


@BY_ANOTHER_THREAD
@pytest.mark.django_db(transaction=True)
def test_a_redis_whose_name_is_looked_up_for_long_does_not_make_the_site_unready(
    client: Client, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No timeout of a socket bounds the look-up, and Docker's takes seconds while the container is away."""
    settings.REDIS_URL = "redis://redis.invalid:6379/0"
    is_over, look_up = threading.Event(), socket.getaddrinfo

    def look_up_for_long(host: str, *more: Any, **named: Any) -> Any:
        if host == "redis.invalid":
            is_over.wait(60)
            raise socket.gaierror("Temporary failure in name resolution")
        return look_up(host, *more, **named)

    monkeypatch.setattr(socket, "getaddrinfo", look_up_for_long)
    record = MigrationRecorder.Migration.objects.filter(app="cms").latest("id")
    try:
        answer = client.get("/readyz")
        assert (answer.status_code, answer.json()["checks"]["redis"]) == (200, "down")
        record.delete()  # the database is asked again all the same
        deadline = time.monotonic() + 60
        while client.get("/readyz").status_code == 200:
            assert time.monotonic() < deadline
    finally:
        is_over.set()
        MigrationRecorder.Migration.objects.get_or_create(app=record.app, name=record.name)


def test_redis_is_told_and_decides_nothing() -> None:
    findings = Findings("up", "applied", "down")
    assert findings.is_ready
    assert json.loads(json.dumps(findings.as_json()))["checks"]["redis"] == "down"
