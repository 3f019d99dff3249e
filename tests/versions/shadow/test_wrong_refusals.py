"""The breaker of wrong refusals, by requests of one network: each person counts alike, and strangers press nothing."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django.fixtures import Settings

from canary.core.judgements import Trip
from canary.judging.breaking import breakers_of
from canary.judging.judging import stage_of
from canary.models import Observation, Rollout, UnitMinute
from canary.recording import flushing
from canary.shadow.offering import ShadowReader
from cms.policy import SYSTEM
from cms.services.sessions import open_session
from cms.services.users import create_user
from tests.canary.seeing import weight
from tests.versions.shadow.asking import Content, drain

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("planted")]
GOOD, LOST = "/api/tags", "/api/search/suggest?prefix=a"
LET_IN, REFUSED, STRANGERS = 25, 10, 1_000


@pytest.fixture(scope="module")
def tokens(content: Content, django_db_blocker: Any) -> list[str]:
    """The `Authorization` of trusted users."""
    now, users = timezone.now(), []
    with django_db_blocker.unblock():
        for number in range(LET_IN + REFUSED):
            fields = {"username": f"person{number}", "email": f"person{number}@example.org", "role": "author"}
            users.append(create_user(actor=SYSTEM, fields=fields, password=None, now=now))
        return [f"Bearer {open_session(user=user, now=now).access_token}" for user in users]


@pytest.fixture
def people(tokens: list[str], stored: None, reader: ShadowReader, settings: Settings) -> Iterator[list[str]]:
    """All of them are on v2, and only reads that it refuses are repeated."""
    settings.CANARY = {**settings.CANARY, "SHADOW_BP": 1}
    weight(10_000)
    yield tokens
    UnitMinute.objects.all().delete()


def status_of(path: str, network: int, **headers: str) -> int:
    """v2 has lost a route, and says so before it asks who is there. Each network has ten repeats a minute."""
    caller = Client(headers={"x-planted": "refuse", **headers}, REMOTE_ADDR=f"198.51.{network}.1")
    return caller.get(path).status_code


def trips() -> list[Trip]:
    flushing.flush(is_last=True)
    row = Rollout.objects.get()
    return breakers_of(row, stage_of(row), timezone.now())


def test_refusals_before_v2_knows_a_person_are_those_of_the_same_credentials(
    people: list[str], reader: ShadowReader
) -> None:
    """Half of all reads were refused by a lost route, and counted as those of one network among 35 people."""
    for path, status in ((GOOD, 200), (LOST, 404)):
        assert {status_of(path, 1, authorization=person) for person in people} == {status}
        flushing.flush(is_last=True)
    drain(reader)
    [trip] = trips()
    assert trip.breaker == "wrong_refusals"
    assert 0.4 < trip.numbers["share"] <= 0.6


def test_whom_v1_lets_in_a_process_knows_that_v2_has_always_refused(people: list[str], reader: ShadowReader) -> None:
    """After a restart v1 has answered none of v2's users, and these were one network beside 25 people."""
    assert {status_of(GOOD, 2, authorization=person) for person in people[REFUSED:]} == {200}
    for _ in range(2):
        assert {status_of(LOST, 2, authorization=person) for person in people[:REFUSED]} == {404}
        drain(reader)
    [trip] = trips()
    assert trip.breaker == "wrong_refusals"
    assert 0.2 < trip.numbers["share"] < 0.4


def test_made_up_credentials_roll_no_sound_v2_back(people: list[str], reader: ShadowReader, content: Content) -> None:
    """Nor do they count as those whose names they carry."""
    owner = {"x-api-key": content.raw_key}
    assert {status_of(GOOD, 3, **owner), *(status_of(GOOD, 3, authorization=person) for person in people)} == {200}
    prefix = content.raw_key.rpartition("_")[0]
    for number in range(STRANGERS // 4):
        secret = f"{number:040b}".translate({ord("0"): "a", ord("1"): "b"})
        for headers in (
            {"x-api-key": f"tdm_{secret[-16:]}_{secret}"},
            {"x-api-key": f"{prefix}_{secret}"},
            {"authorization": f"Bearer {number}"},
            {"authorization": f"{people[number % len(people)]}{number}"},
        ):
            assert status_of(GOOD, 3, **headers) == 401
        drain(reader)
    assert trips() == []
    assert Observation.objects.filter(metric="pair_refusal", api_version=1).exists()
    units = UnitMinute.objects.values_list("unit").distinct()
    assert (len(units), len(units.filter(refused_reads__gt=0))) == (LET_IN + REFUSED + 2, 1)
