"""The token of a preview link: read back until it expires, and of no other key or purpose."""

import datetime
from typing import Any

import pytest
from django.core.signing import Signer
from uuid_utils.compat import uuid7

from cms.errors import NotFound
from cms.tokens.previews import PreviewClaims, make_preview_token, read_preview_token

NOW = datetime.datetime(2026, 5, 1, 12, tzinfo=datetime.UTC)
SECOND = datetime.timedelta(seconds=1)
CLAIMS = PreviewClaims(uuid7(), uuid7(), NOW + 60 * SECOND)


def is_refused(token: str, now: datetime.datetime = NOW) -> bool:
    try:
        read_preview_token(token, now)
    except NotFound:
        return True
    return False


def test_a_token_is_read_back_until_its_last_second() -> None:
    token = make_preview_token(CLAIMS)
    for after_s in (0, 59):
        assert read_preview_token(token, NOW + after_s * SECOND) == CLAIMS
    for after_s in (60, 10**9):
        assert is_refused(token, NOW + after_s * SECOND)


def test_every_changed_character_spoils_a_token() -> None:
    token = make_preview_token(CLAIMS)
    spoilt = [f"{token[:n]}{'B' if token[n] != 'B' else 'C'}{token[n + 1 :]}" for n in range(len(token))]
    for text in (*spoilt, token[:-1], f"{token}A", f"{token}=", f".{token}"):
        assert is_refused(text)


@pytest.mark.parametrize(
    "token",
    ["", ":", "a:b", "\x00", "\ud800:a", "é" * 150, "A" * 10_000],
    ids=["nothing", "a colon", "two letters", "NUL", "a lone surrogate", "no ASCII", "much"],
)
def test_nonsense_is_refused(token: str) -> None:
    assert is_refused(token)


def test_what_the_same_key_signs_for_another_purpose_is_refused() -> None:
    said = Signer(salt="cms.tokens.previews").unsign_object(make_preview_token(CLAIMS))
    assert is_refused(Signer(salt="cms.tokens.mail").sign_object(said))
    assert is_refused(Signer().sign_object(said))


def test_a_token_survives_a_new_secret_key_while_the_old_one_is_a_fallback(settings: Any) -> None:
    token, old_key = make_preview_token(CLAIMS), settings.SECRET_KEY
    settings.SECRET_KEY = "another-key-another-key-another-key-another-key"
    assert is_refused(token)
    settings.SECRET_KEY_FALLBACKS = [old_key]
    assert read_preview_token(token, NOW) == CLAIMS
