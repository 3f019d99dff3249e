"""Lies of the provider, and of browsers that come back from it: each is found out."""

from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from django.test import Client

from cms.accounts.single_sign_on import COOKIE
from cms.models import User
from cms.services.single_sign_on import provider as asking
from tests import oidc_provider as lies
from tests.cms.admin.single_sign_on.signing_in import BEGIN, CALLBACK, actions, enter, refusal, return_from
from tests.oidc_provider import CLIENT_ID, DISCOVERY, KEYS, TOKEN, Provider
from tests.slow import slow

# -- the provider lies ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "claims",
    [
        {"nonce": "another"},
        slow({"nonce": None}),
        {"aud": "another-client"},
        {"aud": [CLIENT_ID, "another-client"]},
        slow({"aud": None}),
        slow({"azp": "another-client"}),
        {"iss": "https://elsewhere.example"},
        slow({"iss": None}),
        {"exp": 1_700_000_000},
        slow({"exp": None}),
        slow({"exp": "never"}),
        {"nbf": 9_000_000_000},
        slow({"sub": None}),
        {"sub": ""},
        slow({"sub": "x" * 256}),
        slow({"sub": 7}),
    ],
    ids=str,
)
def test_a_token_of_another_kind_is_refused(provider: Provider, mia: User, client: Client, claims: Any) -> None:
    provider.claims |= claims
    assert "This site could not ask Press who you are" in refusal(client)
    assert actions() == []


@pytest.mark.parametrize(
    "sign", [lies.unsigned, lies.by_the_public_key, lies.by_another_key, slow(lambda claims: "x.y.z")]
)
def test_a_token_that_nobody_has_signed_is_refused(provider: Provider, mia: User, client: Client, sign: Any) -> None:
    provider.sign = sign
    assert "could not ask Press" in refusal(client)


@pytest.mark.parametrize(
    "keys",
    [
        [],
        [{"kty": "oct", "k": "c2VjcmV0", "kid": "rsa", "alg": "RS256"}],
        slow([{"kty": "RSA", "kid": "rsa", "n": "AQAB", "e": "AQAB"}]),
        slow([{"kty": "RSA", "kid": "rsa", "n": 7, "e": None}]),
        slow(["rsa"]),
        slow(None),
        slow(7),
    ],
    ids=str,
)
def test_keys_that_do_not_fit_are_refused(provider: Provider, mia: User, client: Client, keys: Any) -> None:
    provider.answers[KEYS] = lies.say({"keys": keys})
    assert "could not ask Press" in refusal(client)


@pytest.mark.parametrize("path", [TOKEN, slow(KEYS)])
@pytest.mark.parametrize("answer", [lies.never_end, lies.lead_elsewhere, slow(lies.say([])), slow(lies.say({}))])
def test_answers_that_are_huge_or_lead_elsewhere_or_say_nothing_are_refused(
    provider: Provider, mia: User, client: Client, path: str, answer: Any
) -> None:
    provider.answers[path] = answer
    assert "could not ask Press" in refusal(client)
    assert provider.asked.count(KEYS) <= 1


@pytest.mark.parametrize("path", [DISCOVERY, TOKEN])
def test_a_provider_that_does_not_answer_is_not_waited_for(
    provider: Provider, mia: User, client: Client, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider.answers[path] = lies.hang
    answer = client.get(BEGIN) if path == TOKEN else None
    with monkeypatch.context() as patch:
        patch.setattr(asking, "TIMEOUT_S", 0.1)
        answer = client.get(return_from(answer.headers["Location"]) if answer else BEGIN)
    assert "could not ask Press" in answer.content.decode()
    provider.answers.clear()  # and once it does, it is asked again
    assert enter(client).status_code == 302


@pytest.mark.parametrize(
    "said",
    [
        {"issuer": "https://elsewhere.example"},
        {"token_endpoint": "http://provider.example/token"},
        slow({"jwks_uri": "file:///etc/passwd"}),
        slow({"authorization_endpoint": "javascript:alert(1)"}),
        slow({"authorization_endpoint": None}),
    ],
    ids=str,
)
@pytest.mark.django_db
def test_a_provider_that_names_other_addresses_than_https_is_not_gone_to(
    provider: Provider, client: Client, said: Any
) -> None:
    provider.discovery = said
    assert "could not ask Press" in client.get(BEGIN).content.decode()


def test_a_host_that_the_provider_names_has_to_be_a_public_one(provider: Provider, mia: User, client: Client) -> None:
    """It would lead our requests into the own network."""
    provider.discovery = {"jwks_uri": f"{provider.issuer.replace('127.0.0.1', 'localhost')}{KEYS}"}
    assert "could not ask Press" in refusal(client)
    assert KEYS not in provider.asked


# -- the way back -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("change", [{"state": "another"}, slow({"state": ""}), slow({"state": "ü"})])
def test_another_state_is_refused_before_the_provider_is_asked(
    provider: Provider, mia: User, client: Client, change: dict[str, str]
) -> None:
    back = parse_qs(urlsplit(return_from(client.get(BEGIN).headers["Location"])).query)
    answer = client.get(CALLBACK, {"code": back["code"][0], "state": back["state"][0], **change})
    assert "Start again" in answer.content.decode()
    assert TOKEN not in provider.asked


def test_a_sign_in_of_another_browser_is_not_ended_in_this_one(provider: Provider, mia: User, client: Client) -> None:
    """Or somebody could sign others in to an account of his own, by a link."""
    back = return_from(client.get(BEGIN).headers["Location"])
    assert "another browser" in Client().get(back).content.decode()
    assert client.get(back).status_code == 302
    assert "another browser" in client.get(back).content.decode()  # once


def test_of_two_sign_ins_begun_in_one_browser_the_first_is_told_of_the_second(
    provider: Provider, mia: User, client: Client
) -> None:
    first, second = (return_from(client.get(BEGIN).headers["Location"]) for _ in range(2))
    assert "or another sign-in was started after it" in client.get(first).content.decode()
    assert client.get(second).status_code == 302


def test_a_forged_cookie_begins_nothing(provider: Provider, client: Client) -> None:
    client.cookies[COOKIE] = "e30:1:x"
    assert "Start again" in client.get(CALLBACK, {"code": "x", "state": "y"}).content.decode()


@pytest.mark.parametrize("more", [{"error": "access_denied"}, {"code": "x", "iss": "https://elsewhere.example"}])
def test_a_refusal_of_the_provider_and_an_answer_of_another_one_open_nothing(
    provider: Provider, mia: User, client: Client, more: dict[str, str]
) -> None:
    state = parse_qs(urlsplit(client.get(BEGIN).headers["Location"]).query)["state"][0]
    answer = client.get(f"{CALLBACK}?{urlencode({'state': state, **more})}")
    assert "Press did not sign you in" in answer.content.decode()
    assert TOKEN not in provider.asked
