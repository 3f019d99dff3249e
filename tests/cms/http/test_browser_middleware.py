"""Which requests go through Django's middleware for browsers, and that nothing opens to those that pass it by."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.conf import settings as site_settings
from django.core.exceptions import DisallowedHost
from django.core.handlers.wsgi import WSGIHandler
from django.db import connections
from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import CsrfViewMiddleware
from django.test import AsyncClient, Client, RequestFactory

from cms.http import browser_middleware
from cms.models import Post

SESSION = {"HTTP_COOKIE": f"{site_settings.SESSION_COOKIE_NAME}=unknown"}
CHAIN: Any = [
    browser_middleware.ContentSecurityPolicyMiddleware,
    browser_middleware.SessionMiddleware,
    browser_middleware.CommonMiddleware,
    browser_middleware.AuthenticationMiddleware,
    browser_middleware.MessageMiddleware,
]


def empty(_: HttpRequest) -> HttpResponse:
    return HttpResponse()


def seen_by_view(path: str, **meta: str) -> set[str]:
    """What of a browser's things the view finds on its request."""
    request = RequestFactory().get(path, **meta)  # type: ignore[arg-type]
    if not request.META["HTTP_COOKIE"]:
        del request.META["HTTP_COOKIE"]  # as over HTTP
    answer: Callable[[HttpRequest], Any] = empty
    for middleware in reversed(CHAIN):
        answer = middleware(answer)
    answer(request)
    return {name for name in ("session", "user", "_messages") if hasattr(request, name)}


def test_a_page_and_a_cookie_get_all_and_a_bare_request_to_the_apis_nothing() -> None:
    assert seen_by_view("/admin/") == seen_by_view("/apis") == {"session", "user", "_messages"}
    assert seen_by_view("/api/v2/posts", **SESSION) == seen_by_view("/api", **SESSION) == {"session", "user"}
    for path in ("/api", "/api/posts", "/api/v1/posts", "/api/v2/posts"):
        assert seen_by_view(path) == set(), path


def test_in_the_site_a_bare_request_passes_by_all_of_them_in_one_step() -> None:
    handler: Any = WSGIHandler()
    handler.load_middleware()
    around = handler._middleware_chain
    while not isinstance(around.__wrapped__, browser_middleware.SessionMiddleware):
        around = around.__wrapped__.get_response
    passed: list[type] = []
    behind: Any = around.__wrapped__._beyond
    while hasattr(behind, "__wrapped__") and hasattr(behind.__wrapped__, "get_response"):
        passed.append(type(behind.__wrapped__))
        behind = behind.__wrapped__.get_response
    assert passed[0] is CsrfViewMiddleware
    assert not set(passed) & set(CHAIN)


def test_the_host_of_a_request_to_the_apis_is_left_to_the_canary() -> None:
    for path, meta in (("/api/v2/posts", {}), ("/api/v1/posts", SESSION)):
        seen_by_view(path, HTTP_HOST="elsewhere.example", **meta)
    with pytest.raises(DisallowedHost):
        seen_by_view("/", HTTP_HOST="elsewhere.example")


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
