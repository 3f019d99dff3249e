"""Logins that are under way while a session's end is decided: none of them opens a session that outlives it."""

import datetime
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from cms.errors import CmsError, InvalidCredentials, InvalidInput, InvalidToken, PasswordNeeded
from cms.models import ApiKey, AuthSession, Passkey, User
from cms.policy import SYSTEM
from cms.services.api_keys import create_api_key
from cms.services.browser_sessions import end_all_logins, end_other_logins
from cms.services.passwords import change_password, reset_password
from cms.services.proofs import PASSWORD_REQUIRED, Proof
from cms.services.second_factors.apps import confirm_app, offer_app, remove_app
from cms.services.second_factors.passkeys import Answer, add_passkey, offer_passkey, remove_passkey
from cms.services.second_factors.recovery_codes import renew_recovery_codes
from cms.services.second_factors.resetting import reset_second_factors
from cms.services.sessions import close_other_sessions, open_session
from cms.services.signing_in import prove_password, sign_in
from cms.services.user_deletion import delete_user
from cms.services.users import set_password, update_user
from cms.tokens.mail import Purpose, make_mail_token
from tests.conftest import PASSWORD
from tests.hashers import CheapArgon2PasswordHasher
from tests.second_factors import HOST, SoftKey, set_up_app

NEW = "another long pass-phrase"
Now = datetime.datetime


def reset(user: User, now: Now) -> None:
    reset_password(token=make_mail_token(Purpose.PASSWORD_RESET, user, now), password=NEW, now=now)


def change(user: User, now: Now) -> None:
    change_password(user=user, current_password=PASSWORD, password=NEW, now=now, kept_session_id=None)


def set_by_admin(user: User, now: Now) -> None:
    set_password(actor=SYSTEM, user=user, password=NEW, now=now)


def suspend(user: User, now: Now) -> None:
    update_user(actor=SYSTEM, user=user, changes={"is_active": False}, now=now)


def suspend_and_activate(user: User, now: Now) -> None:
    suspend(user, now)
    update_user(actor=SYSTEM, user=user, changes={"is_active": True}, now=now)


def delete(user: User, now: Now) -> None:
    delete_user(actor=SYSTEM, user=user, now=now)


def end_by_admin(user: User, now: Now) -> None:
    end_all_logins(actor=SYSTEM, user=user, now=now)


def end_others(user: User, now: Now) -> None:
    close_other_sessions(user=user, kept_session_id=None, now=now)


def end_others_in_browser(user: User, now: Now) -> None:
    end_other_logins(user=user, current_key=None, now=now)


ENDS = [reset, change, set_by_admin, suspend, suspend_and_activate, delete]
ENDS += [end_by_admin, end_others, end_others_in_browser]


@pytest.fixture
def mia(make_user: Callable[..., User]) -> User:
    return make_user(username="mia", password=PASSWORD)


@pytest.mark.parametrize("end", ENDS, ids=lambda end: end.__name__)
def test_a_login_that_was_overtaken_opens_no_session(mia: User, now: Now, end: Callable[[User, Now], None]) -> None:
    user = sign_in(username_or_email="mia", password=PASSWORD, now=now)
    end(mia, now)
    with pytest.raises(InvalidCredentials):
        open_session(user=user, now=now)
    assert not AuthSession.objects.exists()


def test_a_login_is_overtaken_by_the_reset_of_its_second_factor(mia: User, now: Now) -> None:
    code = set_up_app(mia, now - datetime.timedelta(hours=1)).code(now)
    user = sign_in(username_or_email="mia", password=PASSWORD, code=code, now=now)
    reset_second_factors(actor=SYSTEM, user=mia, now=now)
    with pytest.raises(InvalidCredentials):
        open_session(user=user, now=now)


@pytest.mark.parametrize("end", [reset, set_by_admin, end_by_admin, suspend_and_activate], ids=lambda end: end.__name__)
def test_no_session_outlives_an_end_that_runs_at_the_same_time(
    in_threads: Callable[..., list[Any]], make_user: Callable[..., User], now: Now, end: Callable[[User, Now], None]
) -> None:
    for _ in range(3):
        user = make_user(password=PASSWORD)
        proved = [User.objects.get(pk=user.pk) for _ in range(3)]
        results = in_threads([*(partial(open_session, user=one, now=now) for one in proved), partial(end, user, now)])
        assert [one for one in results if isinstance(one, Exception) and not isinstance(one, CmsError)] == []
        assert not AuthSession.objects.filter(user=user, revoked_at=None).exists()


CHANGES: list[Callable[[User, Proof, Now], object]] = [
    lambda user, proof, now: offer_app(user=user, proof=proof, now=now),
    lambda user, proof, now: confirm_app(user=user, code="000000", proof=proof, now=now),
    lambda user, proof, now: remove_app(user=user, proof=proof, now=now),
    lambda user, proof, now: remove_passkey(user=user, passkey_id=user.pk, proof=proof, now=now),
    lambda user, proof, now: renew_recovery_codes(user=user, proof=proof, now=now),
    lambda user, proof, now: set_password(actor=user, user=user, password="a thief's own", now=now, proof=proof),
    lambda user, proof, now: update_user(
        actor=user, user=user, changes={"email": "thief@example.org"}, now=now, proof=proof
    ),
    lambda user, proof, now: delete_user(actor=user, user=user, now=now, proof=proof),
]
NAMES = ["offer", "confirm", "remove app", "remove passkey", "codes", "password", "address", "delete"]


@pytest.mark.parametrize("end", [reset, suspend_and_activate, end_by_admin], ids=lambda end: end.__name__)
@pytest.mark.parametrize("change", CHANGES, ids=NAMES)
def test_the_proof_of_an_old_password_changes_nothing(
    mia: User, now: Now, change: Callable[[User, Proof, Now], object], end: Callable[[User, Now], None]
) -> None:
    """`in_flight` is the user as the request has read it, before the sessions ended."""
    in_flight = User.objects.get()
    proof = prove_password(user=in_flight, password=PASSWORD, now=now)
    end(mia, now)
    before = User.objects.values().get()
    with pytest.raises((PasswordNeeded, InvalidInput)) as caught:
        change(in_flight, proof, now)
    assert isinstance(caught.value, PasswordNeeded) or getattr(caught.value, "errors", ()) == (PASSWORD_REQUIRED,)
    assert User.objects.values().get() == before


def test_a_passkey_waits_for_the_lock_of_a_reset_and_is_not_added(mia: User, now: Now) -> None:
    in_flight, key = User.objects.get(), SoftKey()
    proof = prove_password(user=in_flight, password=PASSWORD, now=now)
    options, challenge = offer_passkey(user=in_flight, host=HOST, proof=proof, now=now)
    reset(mia, now)
    answer = Answer(key.create(options), challenge, HOST)
    with pytest.raises(PasswordNeeded):
        add_passkey(user=in_flight, name="Thief's", answer=answer, proof=proof, now=now)
    assert not Passkey.objects.exists()


@pytest.mark.parametrize("end", [reset, change, set_by_admin], ids=lambda end: end.__name__)
def test_a_session_that_a_new_password_has_ended_creates_no_key(
    mia: User, now: Now, end: Callable[[User, Now], None]
) -> None:
    in_flight = User.objects.get()
    end(mia, now)
    with pytest.raises(InvalidToken):
        create_api_key(actor=in_flight, owner=in_flight, fields={"name": "A", "scopes": ["posts:read"]}, now=now)
    assert not ApiKey.objects.exists()


class OutdatedHasher(CheapArgon2PasswordHasher):
    time_cost = 2


def _outdated() -> str:
    hasher = OutdatedHasher()
    return str(hasher.encode(PASSWORD, hasher.salt()))


@pytest.mark.parametrize("end", [end_others, end_others_in_browser], ids=lambda end: end.__name__)
def test_who_ends_the_other_sessions_does_not_save_one_that_has_just_been_ended(
    mia: User, now: Now, end: Callable[[User, Now], None]
) -> None:
    in_flight = User.objects.get()
    end_by_admin(mia, now)
    end(in_flight, now)
    assert in_flight.get_session_auth_hash() != User.objects.get().get_session_auth_hash()


def sign_in_beside(act: Callable[[], object], now: Now, meanwhile: Callable[..., None]) -> User:
    """Sign in while another request does this after the old hash was checked."""
    meanwhile(act)
    return sign_in(username_or_email="mia", password=PASSWORD, now=now)


def test_two_logins_at_once_upgrade_an_old_hash_and_both_open_a_session(
    mia: User, now: Now, meanwhile: Callable[..., None]
) -> None:
    User.objects.update(password=_outdated())
    stale = sign_in_beside(lambda: sign_in(username_or_email="mia", password=PASSWORD, now=now), now, meanwhile)
    assert stale.password == User.objects.get().password
    open_session(user=stale, now=now)


def test_a_login_that_upgrades_an_old_hash_is_overtaken_by_a_reset(
    mia: User, now: Now, meanwhile: Callable[..., None]
) -> None:
    User.objects.update(password=_outdated())
    mia.refresh_from_db()
    stale = sign_in_beside(partial(reset, mia, now), now, meanwhile)
    assert User.objects.get().check_password(NEW)
    with pytest.raises(InvalidCredentials):
        open_session(user=stale, now=now)
