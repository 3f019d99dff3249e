"""Signing in: by either name, at the same cost whatever fails, and with hashes that other systems have made."""

from typing import Any

import pytest
from django.contrib.auth.hashers import (
    BCryptPasswordHasher,
    BCryptSHA256PasswordHasher,
    PBKDF2PasswordHasher,
    ScryptPasswordHasher,
    identify_hasher,
    make_password,
)
from django.utils import timezone

from cms.errors import InvalidCredentials, RateLimited
from cms.models import User
from cms.rate_limits import LOGIN_TRIES
from cms.services.origin import Origin, set_origin
from cms.services.signing_in import sign_in
from tests.cms.services.counting_hasher import CountingHasher

PASSWORD = "tall trees in a row"
pytestmark = pytest.mark.django_db


def test_an_address_signs_in_so_often_with_right_passwords_too(register: Any, settings: Any, now: Any) -> None:
    settings.RATE_LIMIT_LOGIN, tries = 1, LOGIN_TRIES.factor
    user = register()
    set_origin(Origin(ip="192.0.2.7"))
    for _ in range(tries):
        assert sign_in(username_or_email="mia", password=PASSWORD, now=now) == user
    with pytest.raises(RateLimited, match="Too many logins"):
        sign_in(username_or_email="mia", password=PASSWORD, now=now)
    set_origin(Origin(ip="192.0.2.8"))
    assert sign_in(username_or_email="mia", password=PASSWORD, now=now) == user


@pytest.mark.parametrize("name", ["mia", "MIA", "mia@example.org", "Mia@Example.ORG"])
def test_signing_in_takes_either_name_in_any_case(register: Any, name: str) -> None:
    user = register()
    assert sign_in(username_or_email=name, password=PASSWORD, now=timezone.now()) == user


@pytest.mark.parametrize(
    ("name", "password"),
    [
        ("mia", "wrong"),
        ("mia", PASSWORD.upper()),
        ("mia", ""),
        ("nobody", PASSWORD),
        ("nobody@example.org", PASSWORD),
        ("", PASSWORD),
        ("mia\x00", PASSWORD),
        ("mia", PASSWORD + "\x00"),
        ("mi\ud800", PASSWORD),
        ("mia", "\ud800"),
        ("suspended", PASSWORD),
        ("imported", PASSWORD),
        ("imported", ""),
    ],
)
def test_every_failure_is_the_same_and_costs_one_hash(
    register: Any, make_user: Any, settings: Any, name: str, password: str
) -> None:
    register()
    make_user(username="suspended", password=PASSWORD, is_active=False)
    make_user(username="imported", password=None)
    settings.PASSWORD_HASHERS = ["tests.cms.services.counting_hasher.CountingHasher"]
    CountingHasher.computed.clear()
    with pytest.raises(InvalidCredentials) as caught:
        sign_in(username_or_email=name, password=password, now=timezone.now())
    assert (caught.value.code, caught.value.message) == ("invalid_credentials", "Invalid credentials")
    assert len(CountingHasher.computed) == 1


def old_hash(hasher: Any, password: str = PASSWORD) -> str:
    """As another system has made it, with parameters that keep a test short."""
    hasher.rounds = 4  # of bcrypt
    options = {"iterations": 1_000} if hasher.algorithm == "pbkdf2_sha256" else {}
    return str(hasher.encode(password, hasher.salt(), **options))


OLD_HASHERS = [PBKDF2PasswordHasher, ScryptPasswordHasher, BCryptSHA256PasswordHasher, BCryptPasswordHasher]


@pytest.mark.parametrize("hasher_class", OLD_HASHERS, ids=lambda each: each.algorithm)
def test_an_old_hash_is_taken_and_upgraded(register: Any, hasher_class: Any) -> None:
    user = register()
    User.objects.update(password=old_hash(hasher_class()))
    with pytest.raises(InvalidCredentials):
        sign_in(username_or_email="mia", password="wrong", now=timezone.now())
    signed_in = sign_in(username_or_email="mia", password=PASSWORD, now=timezone.now())
    user.refresh_from_db()
    assert identify_hasher(user.password).algorithm == "argon2"
    assert signed_in.password == user.password  # else the new browser session would end with its first request
    assert sign_in(username_or_email="mia", password=PASSWORD, now=timezone.now()) == user


def test_plain_bcrypt_takes_a_long_password_by_its_first_72_bytes_as_it_always_did(register: Any) -> None:
    user, password = register(), "é" * 50
    User.objects.update(password=old_hash(BCryptPasswordHasher(), password.encode()[:72].decode()))
    assert sign_in(username_or_email="mia", password=password, now=timezone.now()) == user
    assert User.objects.get().check_password(password)
    assert not User.objects.get().check_password("é" * 36)


@pytest.mark.parametrize(("is_active", "password"), [(True, "wrong"), (False, "wrong"), (False, PASSWORD)])
def test_a_failure_with_an_old_hash_costs_that_hash_and_no_new_one(
    register: Any, settings: Any, is_active: bool, password: str
) -> None:
    register()
    User.objects.update(password=old_hash(PBKDF2PasswordHasher()), is_active=is_active)
    settings.PASSWORD_HASHERS = [
        "tests.cms.services.counting_hasher.CountingHasher",
        "tests.cms.services.counting_hasher.CountingOldHasher",
    ]
    CountingHasher.computed.clear()
    with pytest.raises(InvalidCredentials):
        sign_in(username_or_email="mia", password=password, now=timezone.now())
    assert CountingHasher.computed == ["old verify"]
    assert User.objects.get().password.startswith("pbkdf2")


def test_a_password_longer_than_any_is_refused_without_hashing_it(register: Any, settings: Any) -> None:
    register()
    settings.PASSWORD_HASHERS = ["tests.cms.services.counting_hasher.CountingHasher"]
    CountingHasher.computed.clear()
    with pytest.raises(InvalidCredentials):
        sign_in(username_or_email="mia", password="x" * 1_025, now=timezone.now())
    assert CountingHasher.computed == ["encode"]
    assert CountingHasher.longest == 0


def test_an_argon2_hash_with_other_parameters_is_upgraded(register: Any, settings: Any) -> None:
    register()
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
    User.objects.update(password=make_password(PASSWORD))
    settings.PASSWORD_HASHERS = ["cms.accounts.hashers.OwaspArgon2PasswordHasher"]
    sign_in(username_or_email="mia", password=PASSWORD, now=timezone.now())
    assert "m=19456,t=2,p=1" in User.objects.get().password


def test_a_wrong_password_upgrades_nothing(register: Any) -> None:
    register()
    hasher = PBKDF2PasswordHasher()
    old = hasher.encode(PASSWORD, hasher.salt(), iterations=1_000)
    User.objects.update(password=old)
    with pytest.raises(InvalidCredentials):
        sign_in(username_or_email="mia", password="wrong", now=timezone.now())
    assert User.objects.get().password == old
