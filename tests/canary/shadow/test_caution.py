"""Reads are repeated neither after a rollback nor where v2 has ended three processes."""

import dataclasses
import datetime

import pytest

from canary.core.values import Snapshot
from canary.models import Crash
from canary.shadow.caution import LOOK_EVERY_S, Caution

pytestmark = pytest.mark.django_db
SNAPSHOT = Snapshot(version=1, weight_bp=0, salt="s", release=3, stage=2)


def die(now: datetime.datetime, *deaths: str, **other: int) -> None:
    values = {"release": SNAPSHOT.release, "stage": SNAPSHOT.stage, "api_version": 2, "requests": 1} | other
    start = Crash.objects.count()
    Crash.objects.bulk_create(
        Crash(worker=f"w{number}", death=death, at=now, **values) for number, death in enumerate(deaths, start)
    )


def test_three_deaths_of_the_stage_are_enough(now: datetime.datetime) -> None:
    die(now, "a", "b", "b")
    die(now, "c", api_version=1)
    die(now, "d", stage=1)
    die(now, "e", release=2)
    assert Caution().allows(SNAPSHOT, 0.0)
    die(now, "f")
    assert not Caution().allows(SNAPSHOT, 0.0)


def test_a_rollback_ends_it(now: datetime.datetime) -> None:
    assert not Caution().allows(dataclasses.replace(SNAPSHOT, latched=True), 0.0)


def test_it_looks_now_and_then_and_in_each_stage(now: datetime.datetime) -> None:
    caution, later = Caution(), dataclasses.replace(SNAPSHOT, stage=3)
    assert caution.allows(SNAPSHOT, 0.0)
    die(now, "a", "b", "c")
    assert caution.allows(SNAPSHOT, LOOK_EVERY_S - 1)
    assert not caution.allows(SNAPSHOT, LOOK_EVERY_S)
    assert caution.allows(later, LOOK_EVERY_S)
