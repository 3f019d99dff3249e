"""Tokens and browser sessions on both versions: issued by one, good on the other, dead with the next request."""

import datetime
import time
from collections.abc import Callable
from typing import Any

import jwt
import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from cms.models import AuthSession, BrowserSession, Post, User
from cms.policy import SYSTEM
from cms.services.users import update_user
from cms.tokens import access as tokens
from cms.tokens.keys import key_for
from tests.conftest import PASSWORD
from tests.versions.conftest import Browser, Version, with_key, with_token

NEW_POST = {"title": "From a browser", "content": "Some *content*."}
EPOCH = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)


# -- tokens -----------------------------------------------------------------------------------------------------------


def test_what_one_version_issues_opens_the_other(version: Version, other_version: Version, mia: User) -> None:
    issued = version.sign_in(mia)
    assert (
        other_version.name_in(other_version.send(with_token(issued["access_token"]), "get", other_version.me)) == "mia"
    )
    renewed = other_version.renew(issued["refresh_token"])
    assert renewed.status_code == 200
    latest = with_token(other_version.tokens(renewed)["access_token"])
    assert version.send(latest, "get", version.me).status_code == 200
    assert other_version.send(latest, "post", "/auth/logout").status_code in (200, 204)
    assert version.send(latest, "get", version.me).status_code == 401


def test_a_replay_is_401_and_ends_the_family_on_both(version: Version, other_version: Version, mia: User) -> None:
    first = version.sign_in(mia)
    second = version.tokens(version.renew(first["refresh_token"]))
    other_version.refusal(other_version.renew(first["refresh_token"]), 401)
    version.refusal(version.send(with_token(second["access_token"]), "get", "/posts"), 401)
    version.refusal(version.renew(second["refresh_token"]), 401)


def _unsigned(token: str) -> str:
    payload = jwt.decode(token, options={"verify_signature": False})
    return jwt.encode(payload, key=None, algorithm="none")  # type: ignore[arg-type]


def _signed_again(token: str, key: bytes, *, without: str = "") -> str:
    payload = jwt.decode(token, options={"verify_signature": False})
    return jwt.encode({name: value for name, value in payload.items() if name != without}, key, algorithm="HS256")


def _late(token: str) -> str:
    payload = jwt.decode(token, options={"verify_signature": False})
    return jwt.encode({**payload, "exp": int(time.time()) - 1}, key_for(tokens.PURPOSE), algorithm="HS256")


BAD_TOKENS: dict[str, Callable[[dict[str, str]], str]] = {
    "a refresh token": lambda issued: issued["refresh_token"],
    "expired": lambda issued: _late(issued["access_token"]),
    "tampered with": lambda issued: issued["access_token"][:-4] + "AAAA",
    "unsigned": lambda issued: _unsigned(issued["access_token"]),
    "of another key": lambda issued: _signed_again(issued["access_token"], b"x" * 32),
    "without a session": lambda issued: _signed_again(issued["access_token"], key_for(tokens.PURPOSE), without="sid"),
    "without a user": lambda issued: _signed_again(issued["access_token"], key_for(tokens.PURPOSE), without="sub"),
    "without an end": lambda issued: _signed_again(issued["access_token"], key_for(tokens.PURPOSE), without="exp"),
    "nonsense": lambda _: "nonsense",
}


@pytest.mark.parametrize("what", BAD_TOKENS)
def test_a_bad_access_token_is_401_even_on_a_public_read(version: Version, mia: User, what: str) -> None:
    client = with_token(BAD_TOKENS[what](version.sign_in(mia)))
    for path in ("/posts", version.me):
        response = version.send(client, "get", path)
        version.refusal(response, 401)
        assert response.headers["WWW-Authenticate"] == 'Bearer error="invalid_token"'


def test_everything_of_a_suspended_user_ends_with_the_next_request(
    version: Version, mia: User, raw_key_of: Callable[..., str]
) -> None:
    issued = version.sign_in(mia)
    clients = [with_token(issued["access_token"]), with_key(raw_key_of(mia, "posts:read")), Browser(mia).client]
    assert [version.send(client, "get", version.me).status_code for client in clients] == [200] * 3
    for is_active in (False, True):  # activating the user brings none of them back
        update_user(actor=SYSTEM, user=mia, changes={"is_active": is_active}, now=timezone.now())
        assert [version.send(client, "get", version.me).status_code for client in clients] == [401] * 3
        assert version.renew(issued["refresh_token"]).status_code == 401


def test_no_client_is_locked_out_by_a_new_secret_key_that_names_the_old_one(
    version: Version, mia: User, raw_key_of: Callable[..., str], settings: Any
) -> None:
    issued, raw_key = version.sign_in(mia), raw_key_of(mia, "posts:read")
    clients = [with_token(issued["access_token"]), with_key(raw_key), Browser(mia).client]
    old, settings.SECRET_KEY = settings.SECRET_KEY, "another secret key, as long as one has to be"
    assert [version.send(client, "get", version.me).status_code for client in clients] == [401] * 3
    settings.SECRET_KEY_FALLBACKS = [old]
    assert [version.send(client, "get", version.me).status_code for client in clients] == [200] * 3
    renewed = version.tokens(version.renew(issued["refresh_token"]))
    settings.SECRET_KEY_FALLBACKS = []  # ends what was signed with it; the key was used since, and the session renewed
    assert version.send(clients[0], "get", version.me).status_code == 401
    assert version.send(clients[1], "get", version.me).status_code == 200
    assert version.send(with_token(renewed["access_token"]), "get", version.me).status_code == 200
    assert version.renew(renewed["refresh_token"]).status_code == 200


# -- browser sessions -------------------------------------------------------------------------------------------------


def test_a_browser_session_reads_and_with_its_csrf_token_writes(version: Version, mia: User) -> None:
    browser = Browser(mia)
    assert version.name_in(version.send(browser.client, "get", version.me)) == "mia"
    assert "CSRF" in version.refusal(version.send(browser.client, "post", "/posts", NEW_POST), 403)
    assert not Post.objects.exists()
    headers = browser.csrf_headers()
    assert version.send(browser.client, "post", "/posts", NEW_POST, **headers).status_code == 201
    forged = {"X-CSRFToken": "a" * 64}
    assert "CSRF" in version.refusal(version.send(browser.client, "post", "/posts", NEW_POST, **forged), 403)


def test_a_token_goes_before_a_cookie_and_needs_no_csrf_token(version: Version, mia: User, editor: User) -> None:
    client = Client(
        enforce_csrf_checks=True, headers={"authorization": f"Bearer {version.sign_in(mia)['access_token']}"}
    )
    client.force_login(editor)
    assert version.name_in(version.send(client, "get", version.me)) == "mia"
    assert version.send(client, "post", "/posts", NEW_POST).status_code == 201


def test_signing_out_ends_the_browser_session(version: Version, mia: User) -> None:
    browser = Browser(mia)
    key = browser.client.cookies["sessionid"].value
    headers = browser.csrf_headers()
    assert version.send(browser.client, "post", "/auth/logout", **headers).status_code in (200, 204)
    browser.client.cookies["sessionid"] = key
    assert version.send(browser.client, "get", version.me).status_code == 401
    assert not BrowserSession.objects.exists()


@pytest.mark.parametrize("what", ["unknown", "expired", "another password", "another user's", "nobody's"])
def test_a_browser_session_that_stands_no_more_is_none(version: Version, mia: User, editor: User, what: str) -> None:
    client = Browser(mia).client
    if what == "unknown":
        client.cookies["sessionid"] = "x" * 32
    if what == "expired":
        BrowserSession.objects.update(expire_date=EPOCH)
    if what == "another password":
        User.objects.filter(pk=mia.pk).update(password="!")
    if what == "another user's":
        BrowserSession.objects.update(user=editor)
    if what == "nobody's":
        BrowserSession.objects.update(user=None)
    assert version.send(client, "get", version.me).status_code == 401
    assert version.send(client, "get", "/posts").status_code == 200


# -- what each costs --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["", "/posts", "/posts/{post}", "/tags", "/categories"])
@pytest.mark.parametrize("kind", ["token", "key", "browser"])
def test_a_known_request_costs_one_more_query_than_an_anonymous_one(
    version: Version,
    mia: User,
    make_post: Callable[..., Post],
    raw_key_of: Callable[..., str],
    kind: str,
    path: str,
) -> None:
    path = path.format(post=make_post(by=mia, tags=["a"]).pk)
    client = {
        "token": lambda: with_token(version.sign_in(mia)["access_token"]),
        "key": lambda: with_key(raw_key_of(mia, "posts:read")),
        "browser": lambda: Browser(mia).client,
    }[kind]()

    def cost(of: Client) -> int:
        version.send(of, "get", path)  # notes the use of the key
        with CaptureQueriesContext(connection) as queries:
            assert version.send(of, "get", path).status_code == 200
        return len(queries)

    assert cost(client) == cost(Client()) + 1


# -- how long a login lasts -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("remember_me", "days"), [(True, 14), (None, 14), ("absent", 14), (False, 1), ("false", 1), (0, 1)]
)
def test_v1_remembers_for_a_fortnight_unless_it_is_asked_not_to(mia: User, remember_me: Any, days: int) -> None:
    body: dict[str, Any] = {"email": mia.email, "password": PASSWORD, "remember_me": remember_me}
    if remember_me == "absent":
        del body["remember_me"]
    pair = Client().post("/api/v1/auth/login", body, content_type="application/json").json()["data"]["tokens"]
    for _ in range(2):
        payload = jwt.decode(pair["refresh_token"], options={"verify_signature": False})
        assert payload["exp"] - payload["iat"] == days * 24 * 3600
        session = AuthSession.objects.get()
        assert session.expires_at - session.updated_at == datetime.timedelta(days=days)
        renewed = Client().post(
            "/api/v1/auth/refresh", {"refresh_token": pair["refresh_token"]}, content_type="application/json"
        )
        pair = renewed.json()["data"]["tokens"]
