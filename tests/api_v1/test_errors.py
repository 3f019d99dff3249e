"""Every failure of v1 wears the envelope, whatever it is and whatever DEBUG says."""

import logging
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from cms.models import AuthSession, Post

KEYS = ["success", "data", "message", "error"]
planted = pytest.mark.urls("tests.api_v1.planted_urls")


def assert_failure(response: Any, status: int, error: str | None = None) -> dict[str, Any]:
    assert response.status_code == status, response.content
    assert response.headers["Content-Type"] == "application/json"
    body: dict[str, Any] = response.json()
    assert list(body)[:4] == KEYS
    assert (body["success"], body["data"]) == (False, None)
    assert ("validation_errors" in body) == (status == 422)
    assert error is None or body["error"] == error
    return body


@pytest.fixture(params=[False, True], ids=["debug off", "debug on"])
def _debug(request: pytest.FixtureRequest, settings: Any) -> None:
    settings.DEBUG = request.param


@pytest.mark.usefixtures("_debug")
@pytest.mark.parametrize("path", ["/api/v1/nothing", "/api/v1/", "/api/v1/posts/", "/api/nothing", "/api/v1/a%0Ab"])
@pytest.mark.parametrize("method", ["get", "post", "delete", "options"])
def test_an_unknown_route_is_404_whatever_the_verb(path: str, method: str, anonymous: Client) -> None:
    assert_failure(getattr(anonymous, method)(path, headers={"authorization": "Bearer rubbish"}), 404)


@planted
@pytest.mark.usefixtures("_debug")
@pytest.mark.parametrize("path", ["/planted/crash", "/planted/unencodable"])
def test_an_unforeseen_error_is_500_with_a_request_id_and_no_detail(
    path: str, anonymous: Client, caplog: pytest.LogCaptureFixture
) -> None:
    anonymous.raise_request_exception = False
    with caplog.at_level(logging.ERROR, "api_v1.errors"):
        response = anonymous.get(path, headers={"x-request-id": "abc-123"})
    body = assert_failure(response, 500, "Internal server error")
    assert body["message"] == "Request id: abc-123"
    assert "secret" not in response.text
    (record,) = [record for record in caplog.records if record.name == "api_v1.errors"]
    assert "abc-123" in record.getMessage()
    assert record.exc_info is not None


@planted
def test_a_refused_transition_is_409_and_says_what_is_allowed(anonymous: Client) -> None:
    body = assert_failure(anonymous.get("/planted/transition"), 409)
    assert "allowed from here: draft" in body["error"]


@planted
def test_a_change_of_what_was_changed_meanwhile_is_409(anonymous: Client) -> None:
    body = assert_failure(anonymous.get("/planted/conflict"), 409)
    assert "version 7" in body["error"]


@planted
def test_a_throttled_request_is_429_with_retry_after(anonymous: Client) -> None:
    response = anonymous.get("/planted/throttled")
    assert_failure(response, 429)
    assert response.headers["Retry-After"] == "7"


@planted
@pytest.mark.usefixtures("_debug")
def test_a_suspicious_request_is_400_without_detail(anonymous: Client) -> None:
    assert_failure(anonymous.get("/planted/suspicious"), 400, "Bad request")


def test_a_query_of_too_many_parameters_is_400(anonymous: Client) -> None:
    assert_failure(anonymous.get("/api/v1/posts?" + "&".join(f"p{number}=1" for number in range(2_000))), 400)


@pytest.mark.usefixtures("_debug")
def test_a_verb_that_a_path_lacks_is_405_with_allow_before_credentials_are_looked_at(anonymous: Client) -> None:
    response = anonymous.delete("/api/v1/posts", headers={"authorization": "Bearer rubbish"})
    assert_failure(response, 405)
    assert response.headers["Allow"] == "GET, POST, HEAD, OPTIONS"
    assert_failure(anonymous.generic("FROBNICATE", "/api/v1/posts"), 405)


@pytest.mark.parametrize("body", [b"{", b"\xff", b'{"title": NaN}', b"", b'"a"', b"[]", b"null", b'{"a": "\\ud800"}'])
def test_a_body_that_is_no_json_object_is_400(body: bytes, client_of: Any, make_user: Any) -> None:
    client = client_of(make_user("author"))
    response = client.post("/api/v1/posts", body, content_type="application/json")
    assert_failure(response, 400 if body else 422)
    assert not Post.objects.exists()


def test_a_deeply_nested_body_is_400(anonymous: Client) -> None:
    body = b'{"a":' + b"[" * 30_000 + b"]" * 30_000 + b"}"
    assert_failure(anonymous.post("/api/v1/auth/login", body, content_type="application/json"), 400, "Malformed JSON")


def test_a_body_over_the_limit_is_413(anonymous: Client, settings: Any) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 100
    body = b'{"email": "' + b"x" * 200 + b'"}'
    assert_failure(anonymous.post("/api/v1/auth/login", body, content_type="application/json"), 413)


@pytest.mark.parametrize(
    "content_type",
    ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "", "rubbish", "*/*"],
)
def test_a_body_that_is_not_declared_as_json_is_415(content_type: str, anonymous: Client) -> None:
    response = anonymous.generic("POST", "/api/v1/auth/login", b'{"email": "a"}', content_type=content_type)
    assert_failure(response, 415)


@planted
def test_a_charset_in_the_content_type_is_no_matter(anonymous: Client) -> None:
    response = anonymous.put("/planted/echo", '{"ü": 1}'.encode(), content_type="application/json; charset=latin-1")
    assert response.json()["data"] == {"ü": 1}


@pytest.mark.parametrize("accept", ["text/html", "application/xml", "rubbish", "application/json;q=0"])
def test_json_is_answered_whatever_accept_and_format_say(accept: str, anonymous: Client) -> None:
    response = anonymous.get("/api/v1/tags?format=html", headers={"accept": accept})
    assert response.status_code == 200
    assert response.headers["Content-Type"] == "application/json"


@pytest.mark.parametrize("path", ["/api/v1", "/api/v1/posts", "/api/v1/tags", "/api/v1/info"])
@pytest.mark.parametrize("authorization", ["Bearer rubbish", "Bearer ", "Basic YTpi", "Bearer é"])
def test_a_bad_credential_is_401_even_on_a_public_read(path: str, authorization: str, anonymous: Client) -> None:
    response = anonymous.get(path, headers={"authorization": authorization})
    assert_failure(response, 401)
    assert response.headers["WWW-Authenticate"] == 'Bearer error="invalid_token"'


def test_the_token_of_an_ended_session_is_401_on_a_public_read(
    client_of: Callable[..., Client], make_user: Any, now: Any
) -> None:
    client = client_of(make_user())
    assert client.get("/api/v1/posts").status_code == 200
    AuthSession.objects.update(revoked_at=now)
    assert_failure(client.get("/api/v1/posts"), 401)


def test_head_is_answered_wherever_get_is_and_without_a_body(anonymous: Client) -> None:
    response = anonymous.head("/api/v1/posts")
    assert (response.status_code, response.content) == (200, b"")
    assert response.headers["Content-Length"] == anonymous.get("/api/v1/posts").headers["Content-Length"]


def test_plain_options_is_204_with_allow_whatever_the_credentials(anonymous: Client) -> None:
    response = anonymous.options("/api/v1/auth/profile", headers={"authorization": "Bearer rubbish"})
    assert (response.status_code, response.content) == (204, b"")
    assert response.headers["Allow"] == "GET, HEAD, OPTIONS"
    assert "Content-Type" not in response.headers


@pytest.mark.parametrize("suffix", ["", "/comments"])
@pytest.mark.parametrize("uuid", ["1", "not-a-uuid", "0190aaaa-bbbb-7ccc-8ddd-eeeeeeeeeeeg", "%00", "é"])
def test_an_id_that_is_no_uuid_is_400(uuid: str, suffix: str, anonymous: Client) -> None:
    assert_failure(anonymous.get(f"/api/v1/posts/{uuid}{suffix}"), 400)
