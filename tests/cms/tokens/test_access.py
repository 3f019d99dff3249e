"""Tokens: good, expired, tampered with, of another kind, of another key."""

import base64
import datetime
import json
from typing import Any

import jwt
import pytest
from uuid_utils.compat import uuid7

from cms.errors import InvalidToken
from cms.tokens import access as tokens
from cms.tokens.access import Claims, make_token, read_token
from cms.tokens.keys import key_for

NOW = datetime.datetime(2026, 5, 1, 12, tzinfo=datetime.UTC)
SECOND = datetime.timedelta(seconds=1)
CLAIMS = Claims(uuid7(), uuid7(), 3)


def encoded(part: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode()


def signed(**changes: Any) -> str:
    """A token with the right key and the wrong payload."""
    payload = {
        "typ": "access",
        "sub": str(CLAIMS.user_id),
        "sid": str(CLAIMS.session_id),
        "gen": 3,
        "exp": int(NOW.timestamp()) + 60,
    }
    payload |= changes
    good = {name: value for name, value in payload.items() if value is not None}
    return jwt.encode(good, key_for(tokens.PURPOSE), algorithm="HS256")


def refused(token: str, kind: str = "access", now: datetime.datetime = NOW) -> bool:
    try:
        read_token(kind, token, now)
    except InvalidToken:
        return True
    return False


@pytest.mark.parametrize("kind", ["access", "refresh"])
def test_a_token_is_read_back_until_its_last_second(kind: str) -> None:
    token = make_token(kind, CLAIMS, NOW, 60)
    for after_s in (0, 59):
        assert read_token(kind, token, NOW + after_s * SECOND) == CLAIMS
    for after_s in (60, 61, 10**9):
        assert refused(token, kind, NOW + after_s * SECOND)


def test_a_machine_whose_clock_is_behind_takes_the_tokens_of_one_ahead() -> None:
    assert read_token("access", make_token("access", CLAIMS, NOW, 60), NOW - 5 * SECOND) == CLAIMS


def test_a_token_of_another_kind_is_refused() -> None:
    assert refused(make_token("refresh", CLAIMS, NOW, 60), "access")
    assert refused(make_token("access", CLAIMS, NOW, 60), "refresh")


def test_a_token_of_another_key_is_refused(settings: Any) -> None:
    token = make_token("access", CLAIMS, NOW, 60)
    settings.SECRET_KEY = "another-key-another-key-another-key-another-key"
    assert refused(token)


@pytest.mark.parametrize("kind", ["access", "refresh"])
def test_a_token_outlives_a_new_secret_key_while_the_old_one_is_a_fallback(settings: Any, kind: str) -> None:
    token, old_key = make_token(kind, CLAIMS, NOW, 60), settings.SECRET_KEY
    settings.SECRET_KEY = "another-key-another-key-another-key-another-key"
    settings.SECRET_KEY_FALLBACKS = ["a-key-of-last-year-a-key-of-last-year-a-key", old_key]
    assert read_token(kind, token, NOW) == CLAIMS
    assert refused(token, kind, NOW + 60 * SECOND)
    assert refused(make_token("access" if kind == "refresh" else "refresh", CLAIMS, NOW, 60), kind)
    settings.SECRET_KEY_FALLBACKS = []
    assert refused(token, kind)


def test_a_fallback_signs_no_new_token(settings: Any) -> None:
    settings.SECRET_KEY_FALLBACKS = ["a-key-of-last-year-a-key-of-last-year-a-key"]
    token = make_token("access", CLAIMS, NOW, 60)
    settings.SECRET_KEY_FALLBACKS = []
    assert read_token("access", token, NOW) == CLAIMS


def test_the_secret_key_itself_signs_no_token(settings: Any) -> None:
    payload = jwt.decode(signed(), options={"verify_signature": False})
    assert refused(jwt.encode(payload, settings.SECRET_KEY, algorithm="HS256"))


def test_a_change_of_any_part_is_noticed() -> None:
    token = make_token("access", CLAIMS, NOW, 60)
    for place in range(0, len(token), 7):
        changed = token[:place] + ("A" if token[place] != "A" else "B") + token[place + 1 :]
        assert refused(changed), place


def test_an_unsigned_token_is_refused() -> None:
    payload = jwt.decode(signed(), options={"verify_signature": False})
    for algorithm in ("none", "None", "HS512", "RS256"):
        assert refused(f"{encoded({'alg': algorithm, 'typ': 'JWT'})}.{encoded(payload)}.")


@pytest.mark.parametrize(
    "changes",
    [
        {"typ": None},
        {"typ": 7},
        {"sub": None},
        {"sub": "mia"},
        {"sub": 7},
        {"sid": None},
        {"sid": [1]},
        {"gen": None},
        {"gen": "3"},
        {"gen": 1.5},
        {"exp": None},
        {"exp": "tomorrow"},
        {"exp": 1e300},
    ],
    ids=str,
)
def test_a_signed_token_with_another_payload_is_refused(changes: dict[str, Any]) -> None:
    assert refused(signed(**changes))


@pytest.mark.parametrize("token", ["", ".", "..", "a.b.c", "\x00", "\ud800.a.b", "ж.ж.ж", "a" * 1_000_000, "null"])
def test_nonsense_is_refused(token: str) -> None:
    assert refused(token)
