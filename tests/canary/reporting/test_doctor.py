"""`canary doctor` says of each part whether it works, and what to do when it does not."""

import datetime
from collections.abc import Callable
from typing import Any

import pytest
from django.core.management import CommandError
from pytest_django.fixtures import Settings

from canary.gates import GateResult
from canary.models import Lease
from canary.reporting.doctor import Finding, examine

Rollout = Callable[..., None]


def found(now: datetime.datetime, url: str | None = None) -> dict[str, Finding]:
    return {finding.part: finding for finding in examine(url, now)}


@pytest.mark.django_db
def test_a_sound_site_has_no_complaint_and_nothing_stays(rollout: Rollout, now: datetime.datetime) -> None:
    rollout(0, PROBE="/things")
    parts = found(now)
    assert {name for name, one in parts.items() if not one.is_well} == set()
    assert [*parts] == [
        *("settings", "database", "journey", "clock", "permissions", "versions", "entrance", "header", "controller"),
    ]
    assert not Lease.objects.exists()


@pytest.mark.django_db
def test_a_fault_in_the_settings_is_told_with_the_line_to_add(rollout: Rollout, now: datetime.datetime) -> None:
    rollout(0, PROBE="/things", SUCESSORS="shop.successors")
    assert found(now)["settings"].sentence.endswith("Write 'SUCCESSORS'.")


@pytest.mark.django_db
def test_without_the_middleware_no_version_answers_the_entrance(
    rollout: Rollout, now: datetime.datetime, settings: Settings
) -> None:
    rollout(0, PROBE="/things")
    settings.MIDDLEWARE = []
    parts = found(now)
    assert "the middleware does not run" in parts["entrance"].sentence
    assert {name for name, one in parts.items() if not one.is_well} >= {"settings", "versions", "entrance", "header"}


@pytest.mark.django_db
def test_a_probe_that_no_version_has_is_named(rollout: Rollout, now: datetime.datetime) -> None:
    seen = {1: "tests.canary.seen_urls_v1", 2: "tests.canary.seen_urls_v2"}
    rollout(0, ARMS=seen)
    assert 'Set CANARY["PROBE"]' in found(now)["versions"].sentence


@pytest.mark.django_db
@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "shop.example", "ftp://shop.example"])
def test_an_address_where_nobody_answers_fails_what_needs_it(
    rollout: Rollout, now: datetime.datetime, url: str
) -> None:
    rollout(0, PROBE="/things")
    parts = found(now, url)
    ill = {name for name, one in parts.items() if not one.is_well}
    assert ill == {"versions", "entrance", "header", "servers", "recorder"}
    assert "canary.server.serve()" in parts["servers"].sentence


@pytest.mark.django_db
def test_the_command_ends_with_one_when_a_part_does_not_work(run_canary: Callable[..., str], rollout: Rollout) -> None:
    rollout(0, PROBE="/things")
    assert "ok    entrance" in run_canary("doctor")
    rollout(0, PROBE="/things", COLOUR="red")
    with pytest.raises(CommandError, match="1 part does not work"):
        run_canary("doctor")


def orders(candidate: int, stable: int, since: datetime.datetime) -> GateResult:
    return GateResult("hold", 0.8, "Fewer orders.")


@pytest.mark.django_db
def test_each_gate_is_asked_once(rollout: Rollout, now: datetime.datetime) -> None:
    orders, lost = {"name": "orders", "call": f"{__name__}.orders"}, {"name": "refunds", "call": "shop.nowhere"}
    rollout(0, PROBE="/things", GATES=[orders])
    assert found(now)["gates"] == Finding("gates", True, "Gate orders holds at 0.8: Fewer orders.")
    rollout(0, PROBE="/things", GATES=[orders, lost])
    assert "gate refunds has a fault: ModuleNotFoundError" in found(now)["gates"].sentence
    assert not found(now)["gates"].is_well


def test_a_database_without_tables_ends_the_examination(
    rollout: Rollout, now: datetime.datetime, monkeypatch: pytest.MonkeyPatch, db: Any
) -> None:
    from django.db.migrations.recorder import MigrationRecorder  # noqa: PLC0415

    rollout(0, PROBE="/things")
    MigrationRecorder.Migration.objects.filter(app="canary").delete()
    parts = found(now)
    assert [*parts] == ["settings", "database"]
    assert "run `manage.py migrate`" in parts["database"].sentence
