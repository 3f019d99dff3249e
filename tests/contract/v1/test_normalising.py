"""What golden files are compared after: names for what differs from run to run, and refusals of what has a wrong shape."""

import datetime
import uuid

import jwt
import pytest

from tests.contract.v1.normalising import Normaliser

KEY = "0123456789abcdef0123456789abcdef"


def instant(**fields: int) -> str:
    now = datetime.datetime.now(datetime.UTC).replace(**fields)  # type: ignore[arg-type]
    return now.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def token(kind: str, lifetime_s: int) -> str:
    return jwt.encode({"typ": kind, "iat": 1, "exp": 1 + lifetime_s}, KEY)


def test_one_id_has_one_name_and_an_id_of_the_world_its_own() -> None:
    known, first, second = (str(uuid.uuid4()) for _ in range(3))
    normaliser = Normaliser({"post.plain": known})
    assert normaliser.normalise(f"{first} {second} {known} {first}") == "<uuid:1> <uuid:2> <post.plain> <uuid:1>"
    assert normaliser.normalise(second) == "<uuid:2>"


def test_the_servers_time_has_a_name_and_a_time_of_the_world_stays() -> None:
    now = instant(microsecond=1)
    text = f'"{now}" "2026-01-01T08:30:00.000000Z" "2099-01-01T00:00:00.000000Z" "{now}"'
    expected = '"<now:1>" "2026-01-01T08:30:00.000000Z" "2099-01-01T00:00:00.000000Z" "<now:1>"'
    assert Normaliser({}).normalise(text) == expected


@pytest.mark.parametrize(
    "wrong",
    [
        *("2026-01-01T08:30:00Z", "2026-01-01T08:30:00.123Z", "2026-01-01T08:30:00.123456+00:00"),
        *(
            "2026-01-01 08:30:00.123456Z",
            "2026-01-01T08:30:00.123456",
            "2026-01-01T08:30:00.123456z",
            "2026-01-01T08:30",
        ),
    ],
)
def test_an_instant_in_another_notation_is_refused(wrong: str) -> None:
    with pytest.raises(AssertionError, match="RFC 3339"):
        Normaliser({}).normalise(f'"created_at": "{wrong}"')


def test_a_token_is_named_by_its_kind_and_refused_with_another_lifetime() -> None:
    assert Normaliser({}).normalise(token("refresh", 14 * 24 * 3600)) == "<refresh_token:1>"
    with pytest.raises(AssertionError):
        Normaliser({}).normalise(token("access", 3600))
