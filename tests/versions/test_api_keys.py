"""API keys over HTTP: what opens, what doesn't, and what each refusal says."""

import datetime
import io
import json
import logging
from collections.abc import Callable
from typing import Any

import pytest
from django.core.handlers.wsgi import WSGIHandler
from django.test import Client, RequestFactory
from django.utils import timezone

from cms.http.bodies import received
from cms.models import ApiKey, Post, User
from cms.policy import SYSTEM
from cms.services.api_keys import revoke_api_key
from cms.services.users import update_user
from cms.tokens.api_keys import make_raw_key
from tests.conftest import PASSWORD
from tests.versions.conftest import Version, with_key, with_token

NEW_POST = {"title": "By a robot", "content": "Some *content*."}
MINUTE = datetime.timedelta(minutes=1)
KeyOf = Callable[..., str]


def test_a_key_speaks_for_its_owner(version: Version, mia: User, raw_key_of: KeyOf) -> None:
    client = with_key(raw_key_of(mia, "posts:read", "posts:write"))
    assert version.name_in(version.send(client, "get", version.me)) == "mia"
    assert version.send(client, "post", "/posts", NEW_POST).status_code == 201
    assert Post.objects.get().author == mia
    assert version.send(client, "get", f"/posts/{Post.objects.get().pk}").status_code == 200  # a draft of the owner


@pytest.mark.parametrize(
    "what", ["revoked", "expired", "unknown", "malformed", "empty", "suspended", "switched off", "tampered with"]
)
def test_a_key_that_is_not_good_is_401_even_on_a_public_read(
    version: Version, mia: User, raw_key_of: KeyOf, what: str
) -> None:
    raw_key = raw_key_of(mia, "posts:read")
    if what == "revoked":
        revoke_api_key(actor=mia, api_key=ApiKey.objects.get(), now=timezone.now())
    if what == "expired":
        ApiKey.objects.update(expires_at=timezone.now())
    if what == "suspended":
        update_user(actor=SYSTEM, user=mia, changes={"is_active": False}, now=timezone.now())
    if what == "switched off":
        User.objects.update(is_active=False)
    wrong = {"unknown": make_raw_key(), "malformed": "tdm_", "empty": "", "tampered with": raw_key[:-3] + "aaa"}
    response = version.send(with_key(wrong.get(what, raw_key)), "get", "/posts")
    assert version.refusal(response, 401) == "The API key is not valid, was revoked or has expired."
    assert response.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize(
    ("method", "path", "needed"),
    [("post", "/posts", "posts:write"), ("get", "/posts", "posts:read"), ("head", "/tags", "posts:read")],
)
def test_beyond_its_scopes_a_key_is_403_naming_the_missing_one(
    version: Version, mia: User, raw_key_of: KeyOf, method: str, path: str, needed: str
) -> None:
    response = version.send(with_key(raw_key_of(mia, "comments:write")), method, path, NEW_POST)
    assert response.status_code == 403
    if method != "head":
        assert needed in version.refusal(response, 403)
    assert not Post.objects.exists()


def test_a_key_never_may_more_than_its_owner(version: Version, mia: User, raw_key_of: KeyOf) -> None:
    client = with_key(raw_key_of(mia, "posts:read", "posts:write"))
    update_user(actor=SYSTEM, user=mia, changes={"role": "subscriber"}, now=timezone.now())
    assert "posts:write" in version.refusal(version.send(client, "post", "/posts", NEW_POST), 403)
    assert version.send(client, "get", "/posts").status_code == 200


def test_no_key_signs_out_or_does_what_nothing_says_it_may(version: Version, mia: User, raw_key_of: KeyOf) -> None:
    client = with_key(raw_key_of(mia, "posts:read", "posts:write"))
    assert "API keys can't" in version.refusal(version.send(client, "post", "/auth/logout"), 403)


@pytest.mark.urls("tests.versions.planted")
def test_where_no_scope_is_declared_a_key_may_no_more_than_nobody(
    version: Version, mia: User, raw_key_of: KeyOf, client_of: Callable[[User], Client]
) -> None:
    keyed, known = with_key(raw_key_of(mia, "posts:read", "posts:write")), client_of(mia)
    planted = f"/planted/{version.number}"
    assert keyed.get(f"{planted}/forgetful").json()["data"] is False
    assert known.get(f"{planted}/forgetful").json()["data"] is True
    assert "API keys can't" in version.refusal(keyed.get(f"{planted}/protected"), 403)
    assert "API keys can't" in version.refusal(keyed.put(f"{planted}/forgetful"), 403)
    assert Client().get(f"{planted}/protected").status_code == 401


def test_two_credentials_at_once_are_400(version: Version, mia: User, raw_key_of: KeyOf) -> None:
    token = version.sign_in(mia)["access_token"]
    for authorization in (f"Bearer {token}", "Bearer nonsense", "Basic dTpw"):
        client = with_key(raw_key_of(mia, "posts:read"), authorization=authorization)
        assert "not both" in version.refusal(version.send(client, "get", "/posts"), 400)


def test_the_use_of_a_key_is_noted_after_the_answer_at_most_once_a_minute(
    version: Version, mia: User, raw_key_of: KeyOf, django_assert_num_queries: Any
) -> None:
    client = with_key(raw_key_of(mia, "posts:read"))
    for last_used_at, queries in ((None, 2), (timezone.now() - MINUTE / 2, 1), (timezone.now() - 2 * MINUTE, 2)):
        ApiKey.objects.update(last_used_at=last_used_at)
        with django_assert_num_queries(queries):
            assert version.send(client, "get", "").status_code == 200
        noted = ApiKey.objects.get().last_used_at
        assert (noted == last_used_at) == (queries == 1)


@pytest.mark.django_db(transaction=True)  # the end of an answer gives the connection back
def test_the_use_of_a_key_is_noted_for_a_body_in_chunks_too(version: Version, mia: User, raw_key_of: KeyOf) -> None:
    headers = {"x-api-key": raw_key_of(mia, "posts:write"), "transfer-encoding": "chunked"}
    environ = RequestFactory(headers=headers).post(f"{version.base}/posts", content_type="application/json").environ
    del environ["CONTENT_LENGTH"]
    body = io.BytesIO(json.dumps(NEW_POST).encode())
    environ |= {"wsgi.input": body, "wsgi.input_terminated": True}
    answer = received(WSGIHandler())(environ, lambda status, *_: status)
    list(answer)
    answer.close()  # type: ignore[attr-defined]
    assert Post.objects.get().author == mia
    assert ApiKey.objects.get().last_used_at is not None


def test_no_log_has_a_secret(version: Version, mia: User, raw_key_of: KeyOf, caplog: pytest.LogCaptureFixture) -> None:
    raw_key = raw_key_of(mia, "comments:write")
    with caplog.at_level(logging.DEBUG):
        tokens = version.sign_in(mia)
        version.renew(tokens["refresh_token"])
        version.renew(tokens["refresh_token"])
        version.try_password(Client(), mia.email, "a wrong pass-phrase")
        version.send(with_key(raw_key), "get", "/posts")
        version.send(with_key(raw_key[:-3] + "aaa"), "get", "/posts")
        version.send(with_token(tokens["access_token"]), "get", version.me)
    assert caplog.records
    for secret in (raw_key.rpartition("_")[2][:30], PASSWORD, "a wrong pass-phrase", *tokens.values()):
        if len(str(secret)) > 10 and secret != tokens.get("session_id"):
            assert str(secret) not in caplog.text
