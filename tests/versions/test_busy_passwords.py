"""Passwords that find no turn to be hashed: each door refuses for the moment, and nothing has been counted or changed."""

import datetime
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.contrib.auth.hashers import get_hashers
from django.http import HttpRequest
from django.test import Client

from cms.accounts import hashers
from cms.accounts.authentication import client_behind
from cms.costs import answering
from cms.costs.answering import client_answered
from cms.costs.turns import Bounded, Places
from cms.models import User
from cms.tokens.mail import Purpose, make_mail_token
from tests.conftest import PASSWORD
from tests.versions.conftest import Version

pytestmark = pytest.mark.django_db
NEW = "a brand new pass-phrase"
RETRY_AFTER = {1: "5", 2: "1"}


@pytest.fixture
def crowd(monkeypatch: pytest.MonkeyPatch) -> Bounded:
    """Whoever holds its turn keeps all others from theirs."""
    crowd = Bounded("passwords are checked", at_once=1, patience_s=0, places=Places(1))
    monkeypatch.setattr(hashers, "HASHING", crowd)
    return crowd


@pytest.fixture
def busy(mia: User, crowd: Bounded) -> Iterator[None]:
    with crowd.turn():
        yield


def is_refusal(version: Version, answer: Any) -> bool:
    return version.refusal(answer, 503) != "" and answer.headers["Retry-After"] == RETRY_AFTER[version.number]


def test_a_login_is_refused_for_the_moment(version: Version, mia: User, busy: None) -> None:
    assert is_refusal(version, version.try_password(Client(), mia.email, PASSWORD))


def test_one_address_has_one_place_and_others_get_theirs(
    version: Version, mia: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stranger on one line held all places of a process, so that others could not sign in."""
    places = Places(2, one_each=client_answered)
    monkeypatch.setattr(hashers, "HASHING", Bounded("passwords are checked", at_once=2, patience_s=0, places=places))
    with _hashing_for("2001:db8:0:ff::1"):
        for address, status in [("2001:db8:0:1::1", 503), ("2001:db8:1::1", 200), ("192.0.2.1", 200)]:
            answer = version.try_password(Client(REMOTE_ADDR=address), mia.email, PASSWORD)
            assert answer.status_code == status, address


def test_the_places_for_passwords_are_shared_by_clients() -> None:
    assert hashers.HASHING._places.one_each is client_answered


@contextmanager
def _hashing_for(address: str) -> Iterator[None]:
    """Hold a turn in a thread of its own, as a request from this address."""
    has_begun, end = threading.Event(), threading.Event()

    def hash_slowly() -> None:
        request = HttpRequest()
        answering._begin_request()
        answering.answer_for(lambda: None, lambda: client_behind(request, address))
        with hashers.HASHING.turn():
            has_begun.set()
            end.wait(60)
        answering._end_request()

    thread = threading.Thread(target=hash_slowly)
    thread.start()
    assert has_begun.wait(60)
    try:
        yield
    finally:
        end.set()
        thread.join()


def test_a_login_that_found_no_turn_counts_against_nobody(
    version: Version, mia: User, crowd: Bounded, settings: Any
) -> None:
    settings.RATE_LIMIT_LOGIN = 1
    with crowd.turn():
        assert [version.try_password(Client(), mia.email, "wrong").status_code for _ in range(60)] == [503] * 60
    assert version.try_password(Client(), mia.email, PASSWORD).status_code == 200


def test_a_registration_that_found_no_turn_counts_against_nobody(
    version: Version, crowd: Bounded, settings: Any
) -> None:
    settings.RATE_LIMIT_REGISTER = 1
    person = {"username": "new", "email": "new@example.org", "password": PASSWORD}
    with crowd.turn():
        answers = [version.send(Client(), "post", version.register, person) for _ in range(2)]
    assert [is_refusal(version, answer) for answer in answers] == [True, True]
    assert version.send(Client(), "post", version.register, person).status_code == 201


def test_a_password_is_not_changed(mia: User, client_of: Callable[[User], Client], busy: None) -> None:
    body = {"current_password": PASSWORD, "new_password": NEW}
    answer = client_of(mia).post("/api/v2/me/password", body, "application/json")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
    assert answer.json()["detail"] == "Too many passwords are checked at once."


def test_a_token_of_a_mail_stays_good(mia: User, crowd: Bounded, now: datetime.datetime) -> None:
    body = {"token": make_mail_token(Purpose.PASSWORD_RESET, mia, now), "password": NEW}
    path, kind = "/api/v2/auth/password-reset/confirm", "application/json"
    with crowd.turn():
        assert Client().post(path, body, kind).status_code == 503
    assert Client().post(path, body, kind).status_code == 204


@pytest.mark.parametrize(
    ("path", "form"),
    [
        ("login/", {"username": "mia", "password": PASSWORD}),
        ("password_change/", {"old_password": PASSWORD, "new_password1": NEW, "new_password2": NEW}),
        ("cms/user/{}/set-password/", {"password": NEW, "_form_submitted": "True"}),
    ],
)
def test_the_pages_of_the_admin_site_say_so(
    mia: User, admin: User, crowd: Bounded, caplog: pytest.LogCaptureFixture, path: str, form: dict[str, str]
) -> None:
    client = Client()
    if path != "login/":
        client.force_login(mia if path == "password_change/" else admin)
    with crowd.turn():
        page = client.post(f"/admin/{path.format(mia.pk)}", form)
    assert (page.status_code, page.headers["Retry-After"]) == (503, "1")
    assert "Too many passwords are checked at once. Nothing that you sent was saved." in page.content.decode()
    assert not any(record.exc_info for record in caplog.records)


@pytest.mark.parametrize("algorithm", ["pbkdf2_sha256", "bcrypt", "bcrypt_sha256", "scrypt", "argon2"])
def test_a_hash_of_any_kind_is_checked_in_turn(
    version: Version, mia: User, crowd: Bounded, settings: Any, algorithm: str
) -> None:
    hasher: Any = next(each for each in get_hashers() if each.algorithm == algorithm)
    hasher.rounds = 4  # of bcrypt
    options = {"iterations": 1_000} if algorithm == "pbkdf2_sha256" else {}
    User.objects.update(password=hasher.encode(PASSWORD, hasher.salt(), **options))
    with crowd.turn():
        assert is_refusal(version, version.try_password(Client(), mia.email, PASSWORD))
    assert version.try_password(Client(), mia.email, PASSWORD).status_code == 200
