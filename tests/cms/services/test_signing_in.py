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

from cms.errors import InvalidCredentials, InvalidInput, RateLimited
from cms.models import User
from cms.rate_limits import LOGIN_TRIES
from cms.services.origin import Origin, set_origin
from cms.services.signing_in import prove_password, sign_in
from tests.cms.services.counting_hasher import CountingHasher

PASSWORD = "tall trees in a row"
pytestmark = pytest.mark.django_db


def test_an_address_signs_in_so_often_with_right_passwords_too(register: Any, settings: Any, now: Any) -> None:
    settings.RATE_LIMIT_LOGIN, most = 1, LOGIN_TRIES.factor
    user = register()
    set_origin(Origin(ip="192.0.2.7"))
    for _ in range(most):
        assert sign_in(username_or_email="mia", password=PASSWORD, now=now) == user
    with pytest.raises(RateLimited, match="Too many logins"):
        sign_in(username_or_email="mia", password=PASSWORD, now=now)
    set_origin(Origin(ip="192.0.2.8"))
    assert sign_in(username_or_email="mia", password=PASSWORD, now=now) == user


@pytest.mark.parametrize("ip", ["192.0.2.7", "2001:db8::1"])
def test_the_refusal_of_too_many_logins_says_that_none_failed(register: Any, settings: Any, now: Any, ip: str) -> None:
    settings.RATE_LIMIT_LOGIN = 1
    register()
    set_origin(Origin(ip=ip))
    for _ in range(LOGIN_TRIES.factor):
        sign_in(username_or_email="mia", password=PASSWORD, now=now)
    with pytest.raises(RateLimited, match="Too many logins: try again"):
        sign_in(username_or_email="mia", password=PASSWORD, now=now)


def tries(name: str, ip: str, now: Any, count: int) -> list[type[Exception]]:
    """What wrong passwords from one address end with."""
    set_origin(Origin(ip=ip))
    refusals: list[type[Exception]] = []
    for _ in range(count):
        with pytest.raises((InvalidCredentials, RateLimited)) as caught:
            sign_in(username_or_email=name, password="wrong", now=now)
        refusals.append(caught.type)
    return refusals


@pytest.mark.parametrize("elsewhere", ["198.51.100.8", "2001:db8:1::7"])
def test_a_stranger_locks_an_account_for_the_own_network_only(
    register: Any, settings: Any, now: Any, elsewhere: str
) -> None:
    settings.RATE_LIMIT_LOGIN = 2
    user = register()
    for name, ip in (("mia", "198.51.100.7"), ("mia@example.org", "2001:db8::7")):
        assert tries(name, ip, now, 3) == [InvalidCredentials] * 2 + [RateLimited]
    assert tries("mia@example.org", "2001:db8::ffff", now, 1) == [RateLimited]  # of the same /64
    for name in ("mia", "mia@example.org"):
        set_origin(Origin(ip=elsewhere))
        assert sign_in(username_or_email=name, password=PASSWORD, now=now) == user


def test_many_networks_together_have_ten_times_the_tries_and_nobody_learns_both_names(
    register: Any, settings: Any, now: Any
) -> None:
    settings.RATE_LIMIT_LOGIN = 1
    register()
    seen = {
        name: [*(tries(name, f"198.51.100.{n}", now, 1)[0] for n in range(11))]
        for name in ("mia", "mia@example.org", "nobody")
    }
    assert seen == dict.fromkeys(seen, [InvalidCredentials] * 10 + [RateLimited])
    set_origin(Origin(ip="203.0.113.9"))
    with pytest.raises(RateLimited):
        sign_in(username_or_email="mia", password=PASSWORD, now=now)


def test_the_networks_of_one_ipv6_line_lock_an_account_for_that_line_only(
    register: Any, settings: Any, now: Any
) -> None:
    settings.RATE_LIMIT_LOGIN = 1
    user = register()
    for name in ("mia", "nobody"):
        of_a_56 = [tries(name, f"2001:db8:0:{n:x}::1", now, 1)[0] for n in range(12)]
        assert of_a_56 == [InvalidCredentials] * 2 + [RateLimited] * 10
        of_a_48 = [tries(name, f"2001:db8:0:{n:x}00::1", now, 1)[0] for n in range(1, 12)]
        assert of_a_48 == [InvalidCredentials] * 2 + [RateLimited] * 9
    for elsewhere in ("2001:db8:1::1", "198.51.100.7"):
        set_origin(Origin(ip=elsewhere))
        assert sign_in(username_or_email="mia", password=PASSWORD, now=now) == user


def test_strangers_never_keep_a_signed_in_user_from_proving_the_password(
    register: Any, settings: Any, now: Any
) -> None:
    settings.RATE_LIMIT_LOGIN = 1
    user = register()
    for n in range(11):
        tries("mia", f"198.51.100.{n}", now, 1)
    assert prove_password(user=user, password=PASSWORD, now=now).holds(user, now)


def test_wrong_current_passwords_keep_nobody_from_signing_in_elsewhere(register: Any, settings: Any, now: Any) -> None:
    settings.RATE_LIMIT_LOGIN = 2
    user = register()
    for n, error in enumerate((InvalidInput, InvalidInput, RateLimited)):
        set_origin(Origin(ip=f"198.51.100.{n}"))  # of the user, from wherever the session is used
        with pytest.raises(error):
            prove_password(user=user, password="wrong", now=now)
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
