"""Passkeys as second factors: only the right key, for this very site, with a challenge that is used once."""

import base64
import datetime
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cms.errors import (
    Duplicate,
    InvalidInput,
    InvalidSecondFactor,
    NotFound,
    PermissionRefused,
    RateLimited,
    SecondFactorRequired,
)
from cms.models import Passkey, RecoveryCode, User
from cms.services.proofs import Proof
from cms.services.second_factors.apps import remove_app
from cms.services.second_factors.passkeys import (
    REFUSED,
    Answer,
    add_passkey,
    ask_for_passkey,
    offer_passkey,
    prove_passkey,
    remove_passkey,
)
from cms.services.signing_in import sign_in
from tests.conftest import PASSWORD
from tests.second_factors import HOST, SoftKey, set_up_app, set_up_passkey

Events = Callable[[Any], list[str]]


@pytest.fixture
def mia(make_user: Callable[..., User]) -> User:
    return make_user("editor", username="mia", password=PASSWORD)


@pytest.fixture
def key(mia: User, now: datetime.datetime) -> SoftKey:
    key = SoftKey()
    set_up_passkey(mia, now, key)
    return key


def answer_of(key: SoftKey, user: User, **how: Any) -> Answer:
    asked = ask_for_passkey(user, HOST)
    assert asked
    return Answer(key.get(asked[0], **how), asked[1], HOST)


def test_a_passkey_is_a_second_factor_and_brings_recovery_codes(
    mia: User, now: datetime.datetime, events_of: Events
) -> None:
    assert len(set_up_passkey(mia, now, SoftKey())) == 10
    assert set_up_passkey(mia, now, SoftKey(), "Laptop") == []
    assert events_of(mia)[-1] == "auth.second_factor_added"
    with pytest.raises(SecondFactorRequired):
        sign_in(username_or_email="mia", password=PASSWORD, now=now)


def test_the_right_key_proves_it_and_is_noted(mia: User, now: datetime.datetime, key: SoftKey) -> None:
    prove_passkey(user=mia, answer=answer_of(key, mia), now=now)
    passkey = Passkey.objects.get()
    assert (passkey.last_used_at, passkey.sign_count, passkey.name) == (now, 2, "Blue key")


def test_a_passkey_without_a_counter_is_used_again_and_again(mia: User, now: datetime.datetime) -> None:
    key = SoftKey(counter=None)
    set_up_passkey(mia, now, key)
    for minutes in (1, 2):
        used_at = now + datetime.timedelta(minutes=minutes)
        prove_passkey(user=mia, answer=answer_of(key, mia), now=used_at)
        passkey = Passkey.objects.get()
        assert (passkey.last_used_at, passkey.sign_count) == (used_at, 0)


@pytest.mark.parametrize(
    "key",
    [
        SoftKey(credential_id=bytes(1_024)),
        SoftKey(told={3: -65_535}),
        SoftKey(told={-2: bytes(31) + b"\1"}),
        SoftKey(told={1: 3, 3: -257, -1: b"\xff" * 5_000, -2: b"\1\0\1"}),
        SoftKey(told={1: 3, 3: -257, -1: b"", -2: b"\1\0\1"}),
    ],
    ids=["a long id", "an algorithm nobody offered", "off the curve", "a large modulus", "no modulus"],
)
def test_a_key_that_could_never_prove_it_is_refused(mia: User, now: datetime.datetime, key: SoftKey) -> None:
    """Its owner would be locked out."""
    with pytest.raises(InvalidInput) as caught:
        set_up_passkey(mia, now, key)
    assert caught.value.errors == (REFUSED,)
    assert not Passkey.objects.exists()


def test_the_longest_id_is_kept(mia: User, now: datetime.datetime) -> None:
    key = SoftKey(credential_id=bytes(1_023))
    set_up_passkey(mia, now, key)
    prove_passkey(user=mia, answer=answer_of(key, mia), now=now)


def refused(mia: User, answer: Answer, now: datetime.datetime) -> None:
    with pytest.raises(InvalidSecondFactor):
        prove_passkey(user=mia, answer=answer, now=now)


def test_a_copy_of_a_key_is_noticed_by_its_counter(
    mia: User, now: datetime.datetime, key: SoftKey, events_of: Events
) -> None:
    copy = SoftKey(counter=1, credential_id=key.credential_id, key=key.key)
    prove_passkey(user=mia, answer=answer_of(key, mia), now=now)
    refused(mia, answer_of(copy, mia), now)
    assert events_of(mia)[-1] == "auth.second_factor_failed"


def test_another_key_another_challenge_and_none_are_refused(mia: User, now: datetime.datetime, key: SoftKey) -> None:
    refused(mia, answer_of(SoftKey(credential_id=key.credential_id), mia), now)
    refused(mia, answer_of(SoftKey(), mia), now)
    first, second = answer_of(key, mia), answer_of(key, mia)
    refused(mia, first._replace(challenge=second.challenge), now)
    refused(mia, first._replace(challenge=None), now)


@pytest.mark.parametrize("origin", ["https://evil.example", "http://testserver", "https://sub.testserver", "null", ""])
def test_another_site_is_refused(mia: User, now: datetime.datetime, key: SoftKey, origin: str) -> None:
    refused(mia, answer_of(key, mia, origin=origin or "x"), now)
    options, challenge = offer_passkey(user=mia, host=HOST, proof=Proof.of(mia, now), now=now)
    answer = Answer(SoftKey().create(options, origin=origin or "x"), challenge, HOST)
    with pytest.raises(InvalidInput):
        add_passkey(user=mia, name="Evil", answer=answer, proof=Proof.of(mia, now), now=now)


def test_the_key_of_another_user_is_refused(
    mia: User, make_user: Callable[..., User], now: datetime.datetime, key: SoftKey
) -> None:
    other = make_user("editor")
    theirs = SoftKey()
    set_up_passkey(other, now, theirs)
    refused(mia, answer_of(theirs, mia), now)
    with pytest.raises(Duplicate):
        set_up_passkey(other, now, key)


def test_failures_are_counted_like_wrong_codes(mia: User, now: datetime.datetime, key: SoftKey) -> None:
    for _ in range(10):
        refused(mia, Answer("{}", {}, HOST), now)
    with pytest.raises(RateLimited):
        prove_passkey(user=mia, answer=answer_of(key, mia), now=now)


def _some_cbor(parts: list[int]) -> str:
    return base64.urlsafe_b64encode(bytes(parts)).decode().rstrip("=")


MALFORMED = st.one_of(
    st.text(max_size=50),
    st.recursive(st.none() | st.integers() | st.text(max_size=5), lambda x: st.lists(x, max_size=3)).map(json.dumps),
    st.lists(st.integers(0, 255), max_size=200).map(_some_cbor),
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30, deadline=None)
@given(
    broken=MALFORMED, name=st.sampled_from(["clientDataJSON", "authenticatorData", "signature", "rawId", "response"])
)
def test_whatever_a_client_sends_is_a_refusal(
    mia: User, now: datetime.datetime, key: SoftKey, settings: Any, broken: str, name: str
) -> None:
    settings.RATE_LIMIT_LOGIN = 0
    answer = answer_of(key, mia)
    whole = json.loads(answer.text)
    (whole if name in whole else whole["response"])[name] = broken
    refused(mia, answer._replace(text=json.dumps(whole)), now)
    refused(mia, answer._replace(text=broken), now)


@pytest.mark.parametrize("depth", [1_000, 9_000])
def test_a_new_passkey_of_deep_or_broken_bytes_is_refused(mia: User, now: datetime.datetime, depth: int) -> None:
    proof = Proof.of(mia, now)
    options, challenge = offer_passkey(user=mia, host=HOST, proof=proof, now=now)
    whole = json.loads(SoftKey().create(options))
    for broken in (_some_cbor([0x81] * depth), "", "?", 5, None, _some_cbor([0xA1, 0x61])):
        whole["response"]["attestationObject"] = broken
        answer = Answer(json.dumps(whole), challenge, HOST)
        with pytest.raises(InvalidInput):
            add_passkey(user=mia, name="x", answer=answer, proof=proof, now=now)


@pytest.mark.parametrize("name", ["", " ", "x" * 101, "\x00"])
def test_a_passkey_has_a_name(mia: User, now: datetime.datetime, name: str) -> None:
    with pytest.raises(InvalidInput, match="name"):
        set_up_passkey(mia, now, SoftKey(), name)


def test_a_user_has_at_most_twenty(mia: User, now: datetime.datetime) -> None:
    set_up_passkey(mia, now, SoftKey())
    known = {"user": mia, "name": "x", "credential": bytes(Passkey.objects.get().credential)}
    Passkey.objects.bulk_create(Passkey(credential_id=str(number), **known) for number in range(19))
    with pytest.raises(InvalidInput, match="At most 20"):
        set_up_passkey(mia, now, SoftKey())


def test_the_last_factor_takes_the_recovery_codes_along_and_one_before_it_does_not(
    mia: User, now: datetime.datetime, key: SoftKey, settings: Any
) -> None:
    set_up_app(mia, now)
    proof, passkey = Proof.of(mia, now), Passkey.objects.get()
    remove_passkey(user=mia, passkey_id=passkey.pk, proof=proof, now=now)
    assert RecoveryCode.objects.count() == 10
    with pytest.raises(NotFound):
        remove_passkey(user=mia, passkey_id=passkey.pk, proof=proof, now=now)
    set_up_passkey(mia, now, key)
    settings.REQUIRE_SECOND_FACTOR = "staff"
    remove_app(user=mia, proof=proof, now=now)
    with pytest.raises(PermissionRefused):
        remove_passkey(user=mia, passkey_id=Passkey.objects.get().pk, proof=proof, now=now)


def test_adding_and_removing_needs_the_password(mia: User, now: datetime.datetime, key: SoftKey) -> None:
    old, passkey = Proof.of(mia, now - datetime.timedelta(minutes=11)), Passkey.objects.get()
    with pytest.raises(PermissionRefused):
        offer_passkey(user=mia, host=HOST, proof=old, now=now)
    with pytest.raises(PermissionRefused):
        add_passkey(user=mia, name="x", answer=Answer("", None, HOST), proof=old, now=now)
    with pytest.raises(PermissionRefused):
        remove_passkey(user=mia, passkey_id=passkey.pk, proof=old, now=now)
