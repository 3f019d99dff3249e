"""CORS: pages of allowed origins read both APIs, those of others don't, and by default there are none."""

from typing import Any

import pytest
from django.test import Client

from cms.http.cors import EXPOSED_HEADERS

ORIGIN = "https://app.example.org"
PREFLIGHT = {"Access-Control-Request-Method": "PATCH", "Access-Control-Request-Headers": "authorization,if-match"}


@pytest.fixture
def _allowed(settings: Any) -> None:
    settings.CORS_ALLOWED_ORIGINS = [ORIGIN, "https://*.example.net:8443"]


@pytest.fixture
def ask(db: None) -> Any:
    """`ask("/api/v2/posts", ORIGIN)`: a GET of a page of that origin; the middleware is made anew, as with each server."""

    def send(path: str, origin: str | None, method: str = "GET", **headers: str) -> Any:
        given = {**headers, **({"Origin": origin} if origin else {})}
        return Client().generic(method, path, headers=given)

    return send


def cors_headers(answer: Any) -> set[str]:
    return {name for name in answer.headers if name.lower().startswith("access-control-")}


@pytest.mark.usefixtures("_allowed")
@pytest.mark.parametrize("path", ["/api", "/api/posts", "/api/v1/posts", "/api/v2/posts", "/api/v2/none", "/api/v3/x"])
def test_an_allowed_origin_reads_answers_and_refusals_with_what_the_contract_exposes(ask: Any, path: str) -> None:
    answer = ask(path, ORIGIN)
    assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN
    assert answer.headers["Access-Control-Allow-Credentials"] == "true"
    exposed = answer.headers["Access-Control-Expose-Headers"].split(", ")
    contract = "API-Version, ETag, Link, Location, Deprecation, Sunset, Retry-After, RateLimit, X-Request-ID"
    assert set(contract.split(", ")) <= set(exposed) == set(EXPOSED_HEADERS)
    assert "Origin" in answer.headers["Vary"].split(", ")


@pytest.mark.usefixtures("_allowed")
@pytest.mark.parametrize("path", ["/api/posts", "/api/v2/posts/x", "/api/v1/posts"])
def test_a_preflight_is_answered_before_a_version_is_chosen(
    ask: Any, path: str, django_assert_num_queries: Any
) -> None:
    with django_assert_num_queries(0):
        answer = ask(path, ORIGIN, "OPTIONS", **PREFLIGHT)
    assert (answer.status_code, answer.content) == (204, b"")
    assert not {"API-Version", "Set-Cookie", "Content-Location", "RateLimit"} & set(answer.headers)
    assert {"PATCH", "DELETE"} <= set(answer.headers["Access-Control-Allow-Methods"].split(", "))
    taken = answer.headers["Access-Control-Allow-Headers"].lower().split(", ")
    for name in ("authorization", "x-api-key", "idempotency-key", "if-match", "x-client-id", "api-version"):
        assert name in taken
    assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN
    assert answer.headers["X-Request-ID"]


@pytest.mark.usefixtures("_allowed")
@pytest.mark.parametrize(
    "origin",
    [
        *(None, "null", "https://evil.example", "http://app.example.org", "https://app.example.org.evil.example"),
        *("https://app-example.org", "https://example.net:8443", "https://a.example.net", f"{ORIGIN}/"),
    ],
)
def test_another_origin_is_told_nothing_and_caches_keep_them_apart(ask: Any, origin: str | None) -> None:
    for method in ("GET", "OPTIONS"):
        answer = ask("/api/v2/posts", origin, method, **(PREFLIGHT if method == "OPTIONS" else {}))
        assert not cors_headers(answer)
        assert "Origin" in answer.headers["Vary"].split(", ")
        assert answer.status_code == {"GET": 200, "OPTIONS": 204}[method]


@pytest.mark.usefixtures("_allowed")
def test_a_star_stands_for_any_subdomain(ask: Any) -> None:
    for host in ("a", "a.b-c"):
        assert cors_headers(ask("/api/v2/posts", f"https://{host}.example.net:8443"))


@pytest.mark.usefixtures("_allowed")
def test_plain_options_of_an_allowed_origin_still_name_the_verbs(ask: Any) -> None:
    answer = ask("/api/v2/posts", ORIGIN, "OPTIONS")
    assert answer.headers["Allow"] == "GET, POST, HEAD, OPTIONS"
    assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN


@pytest.mark.usefixtures("_allowed")
def test_the_admin_site_is_no_business_of_other_origins(ask: Any) -> None:
    assert not cors_headers(ask("/admin/login/", ORIGIN))


def test_by_default_no_origin_is_allowed_and_answers_do_not_depend_on_it(ask: Any) -> None:
    answer = ask("/api/v2/posts", ORIGIN)
    assert not cors_headers(answer)
    assert "Origin" not in answer.headers["Vary"]
