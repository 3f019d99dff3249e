"""Middleware for pages: which hosts are served, and the policy that browsers get."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.conf import settings as site_settings
from django.core.exceptions import DisallowedHost
from django.db import connections
from django.http import HttpResponse
from django.test import AsyncClient, Client, RequestFactory

from cms.http.browser_middleware import CommonMiddleware
from cms.models import Post

SESSION = {"HTTP_COOKIE": f"{site_settings.SESSION_COOKIE_NAME}=unknown"}


def test_the_host_of_a_request_to_the_apis_is_left_to_the_canary() -> None:
    middleware = CommonMiddleware(lambda _: HttpResponse())
    elsewhere = {"host": "elsewhere.example"}
    for path in ("/api/v2/posts", "/api/v1/posts", "/api"):
        middleware(RequestFactory().get(path, headers=elsewhere))
    with pytest.raises(DisallowedHost):
        middleware(RequestFactory().get("/", headers=elsewhere))


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/", "/api/v1/posts", "/api/v2/posts", "/api/posts"])
def test_an_unknown_host_is_refused_everywhere_with_and_without_a_cookie(client: Client, path: str) -> None:
    for meta in ({}, SESSION):
        for _ in range(2):  # what was refused once isn't let through for having been seen
            assert client.get(path, HTTP_HOST="elsewhere.example", **meta).status_code == 400  # type: ignore[arg-type]
        assert client.get(path, **meta).status_code == 200  # type: ignore[arg-type]


@pytest.mark.django_db
def test_without_a_host_the_address_of_the_server_is_looked_at_each_time(client: Client) -> None:
    def status(**meta: str) -> int:
        return client.get("/api/v2/posts", **meta).status_code  # type: ignore[arg-type]

    assert status(SERVER_NAME="127.0.0.1") == 200
    assert status(HTTP_HOST="", SERVER_NAME="127.0.0.1") == 400
    assert status(SERVER_NAME="10.0.0.9") == 400


@pytest.mark.django_db
def test_where_a_forwarded_host_is_believed_each_is_looked_at(client: Client, settings: Any) -> None:
    settings.USE_X_FORWARDED_HOST = True
    for path in ("/", "/api/v2/posts"):
        told = [client.get(path, HTTP_X_FORWARDED_HOST=host).status_code for host in ("localhost", "elsewhere.example")]
        assert told == [200, 400], path


@pytest.mark.django_db(transaction=True)
def test_an_asynchronous_server_is_answered_the_same(make_post: Callable[..., Post]) -> None:
    post = make_post()

    async def ask(**meta: str) -> tuple[int, bytes]:
        answer = await AsyncClient().get(f"/api/v2/posts/{post.pk}?fields=title", headers=meta)
        await sync_to_async(connections.close_all)()
        return answer.status_code, answer.content

    bare, with_cookie = (asyncio.run(ask(**meta)) for meta in ({}, {"cookie": SESSION["HTTP_COOKIE"]}))
    assert bare == with_cookie
    assert bare[0] == 200


def policy_of(path: str, **headers: str) -> dict[str, str]:
    text = Client().get(path, headers=headers).headers.get("Content-Security-Policy", "")
    return dict(part.split(" ", 1) for part in text.split("; ") if part)


@pytest.mark.django_db
def test_a_page_allows_only_this_server_and_a_frame_only_where_signing_in_needs_it() -> None:
    policy = policy_of("/admin/login/")
    assert policy == {
        "default-src": "'none'",
        "script-src": "'self' 'unsafe-eval'",
        "style-src": "'self'",
        "style-src-attr": "'unsafe-inline'",
        "img-src": "'self' data:",
        **dict.fromkeys(("font-src", "connect-src", "frame-src", "form-action", "frame-ancestors"), "'self'"),
        **dict.fromkeys(("object-src", "base-uri"), "'none'"),
    }
    assert policy_of("/admin/password-reset/") == {**policy, "frame-ancestors": "'none'"}
    assert policy_of("/admin/no-such-page/")["frame-ancestors"] == "'none'"
    assert policy_of("/").keys().isdisjoint({"script-src", "style-src-attr"})


@pytest.mark.django_db
@pytest.mark.parametrize("cookie", ["", "sessionid=unknown"])
def test_answers_of_the_apis_carry_no_policy_of_pages(cookie: str) -> None:
    for path in ("/api/posts", "/api/v1/posts", "/api/v2/posts"):
        assert policy_of(path, cookie=cookie) == {}
    assert policy_of("/api/v2/docs", cookie=cookie)["default-src"] == "'none'"
