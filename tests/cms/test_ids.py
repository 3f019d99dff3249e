"""Ids: what has the form of a UUID, the row with an id, and UUIDv7 of a given instant."""

import datetime
import random
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cms.ids import parse_uuid, random_uuid7, uuid7_at, with_id
from cms.models import User

CANONICAL = "0197a0c0-0000-7000-8000-0123456789ab"


@pytest.mark.parametrize("text", [CANONICAL, CANONICAL.upper(), CANONICAL.replace("-", "")])
def test_the_canonical_and_the_compact_form_are_read(text: str) -> None:
    assert parse_uuid(text) == uuid.UUID(CANONICAL)


@pytest.mark.parametrize(
    "text",
    [
        "",
        CANONICAL[:-1],
        CANONICAL + "0",
        CANONICAL + "\n",
        " " + CANONICAL[1:],
        "{" + CANONICAL[2:] + "}",
        "urn:" + CANONICAL.replace("-", ""),
        "0x" + "0" * 30,
        "0_" * 16,
        "٣" * 32,
        "+" + "0" * 31,
        "-" * 4 + "0" * 32,
        "01-97a0c00000-7000-8000-0123456789a-b",
        CANONICAL.replace("-", "\u2010"),
        None,
        7,
        uuid.UUID(CANONICAL),
        ["0" * 32],
    ],
)
def test_everything_else_is_no_uuid(text: Any) -> None:
    assert parse_uuid(text) is None


@given(st.uuids())
def test_every_uuid_is_read_back(value: uuid.UUID) -> None:
    assert parse_uuid(str(value)) == parse_uuid(value.hex) == value


def test_a_row_is_found_by_its_id_and_none_without_one(make_user: Callable[..., User]) -> None:
    user = make_user()
    make_user()
    assert with_id(User.objects.all(), user.pk).get() == user
    assert not with_id(User.objects.all(), None).exists()


@given(st.datetimes(datetime.datetime(1970, 1, 1), datetime.datetime(9999, 1, 1), timezones=st.just(datetime.UTC)))
def test_a_uuid_of_an_instant_carries_its_milliseconds(instant: datetime.datetime) -> None:
    for value in (uuid7_at(instant), random_uuid7(instant, random.Random(1))):
        assert (value.version, value.variant) == (7, uuid.RFC_4122)
        assert value.int >> 80 == int(instant.timestamp() * 1000)


def test_an_instant_before_1970_counts_as_1970() -> None:
    assert uuid7_at(datetime.datetime(1950, 1, 1, tzinfo=datetime.UTC)).int >> 80 == 0


def test_the_same_seed_gives_the_same_ids() -> None:
    instant = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    ids = [[random_uuid7(instant, rng) for _ in range(3)] for rng in (random.Random(1), random.Random(1))]
    assert ids[0] == ids[1]
    assert len(set(ids[0])) == 3
