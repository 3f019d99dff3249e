"""Tokens of mails: for one purpose, one user and one state, and not for long."""

import datetime
import itertools
from collections.abc import Callable
from typing import Any

import pytest
from django.core.signing import Signer

from cms.models import User
from cms.tokens.mail import Purpose, is_good, make_mail_token, user_id_in

RESET, VERIFICATION = Purpose.PASSWORD_RESET, Purpose.EMAIL_VERIFICATION
CHANGE, CONSENT = Purpose.EMAIL_CHANGE, Purpose.EMAIL_CHANGE_CONSENT
HOUR = datetime.timedelta(hours=1)
LIFETIMES = {RESET: HOUR, VERIFICATION: 72 * HOUR, CHANGE: 72 * HOUR, CONSENT: 72 * HOUR}
MOMENT = datetime.timedelta(seconds=1)


@pytest.fixture
def mia(make_user: Callable[..., User]) -> User:
    return make_user(username="mia", password="a long enough pass-phrase")


@pytest.mark.parametrize("purpose", Purpose, ids=str)
def test_a_token_is_good_until_it_expires(mia: User, purpose: Purpose) -> None:
    now = datetime.datetime(2026, 5, 1, tzinfo=datetime.UTC)
    token = make_mail_token(purpose, mia, now)
    assert user_id_in(token) == mia.pk
    assert is_good(purpose, token, mia, now + LIFETIMES[purpose] - MOMENT)
    assert not is_good(purpose, token, mia, now + LIFETIMES[purpose])


@pytest.mark.parametrize("purpose", Purpose, ids=str)
def test_every_changed_character_spoils_a_token(mia: User, now: datetime.datetime, purpose: Purpose) -> None:
    token = make_mail_token(purpose, mia, now)
    spoilt = [f"{token[:n]}{'B' if token[n] != 'B' else 'C'}{token[n + 1 :]}" for n in range(len(token))]
    for text in (*spoilt, token[:-1], f"{token}A", "", ":", "é" * len(token), "\ud800", "A" * 10_000):
        assert not is_good(purpose, text, mia, now)


@pytest.mark.parametrize(
    "token",
    ["", ":", "mia:1:x", "\ud800", "é" * 71],
    ids=["nothing", "a colon", "a name", "a lone surrogate", "no ASCII"],
)
def test_a_text_of_another_form_is_for_nobody(token: str) -> None:
    assert user_id_in(token) is None


def test_a_token_survives_a_new_secret_key_while_the_old_one_is_a_fallback(
    mia: User, now: datetime.datetime, settings: Any
) -> None:
    token, old_key = make_mail_token(RESET, mia, now), settings.SECRET_KEY
    settings.SECRET_KEY = "another-key-another-key-another-key-another-key"
    assert not is_good(RESET, token, mia, now)
    settings.SECRET_KEY_FALLBACKS = [old_key]
    assert is_good(RESET, token, mia, now)


def test_what_the_same_key_signs_for_something_else_is_refused(mia: User, now: datetime.datetime) -> None:
    said = make_mail_token(RESET, mia, now).rpartition(":")[0]
    assert not is_good(RESET, Signer().sign(said), mia, now)
    assert not is_good(RESET, Signer(salt="cms.tokens.previews").sign(said), mia, now)


def test_a_token_is_for_its_purpose_and_its_user_alone(
    mia: User, make_user: Callable[..., User], now: datetime.datetime
) -> None:
    other = make_user(username="leo")
    other.password, other.email = mia.password, mia.email
    for purpose, wrong in itertools.permutations(Purpose, 2):
        token = make_mail_token(purpose, mia, now)
        assert is_good(purpose, token, mia, now)
        assert not is_good(wrong, token, mia, now)
        assert not is_good(purpose, token, other, now)


@pytest.mark.parametrize(
    ("purpose", "change"),
    [
        (RESET, {"password": "other"}),
        (RESET, {"email": "new@example.org"}),
        (RESET, {"is_active": False}),
        (VERIFICATION, {"email_verified": True}),
        (VERIFICATION, {"email": "new@example.org"}),
        *((purpose, {"pending_email": "newer@example.org"}) for purpose in (CHANGE, CONSENT)),
        *((purpose, {"email": "new@example.org"}) for purpose in (CHANGE, CONSENT)),
    ],
    ids=str,
)
def test_a_token_is_void_when_what_it_is_bound_to_has_changed(
    mia: User, now: datetime.datetime, purpose: Purpose, change: dict[str, object]
) -> None:
    token = make_mail_token(purpose, mia, now)
    for name, value in change.items():
        setattr(mia, name, value)
    assert not is_good(purpose, token, mia, now)
