"""Every failure is a problem document, whatever DEBUG is and wherever it comes from."""

from collections.abc import Callable
from typing import Any

import pytest
from django.core.exceptions import SuspiciousOperation
from django.test import Client, RequestFactory
from django.urls import get_resolver

from cms.models import Post, User

MEMBERS = {"type", "title", "status", "detail", "instance", "request_id", "errors"}


@pytest.fixture(params=[False, True], ids=["production", "debug"])
def debug(request: pytest.FixtureRequest, settings: Any) -> bool:
    settings.DEBUG = request.param
    return bool(request.param)


def problem(answer: Any, status: int, code: str) -> dict[str, Any]:
    body: dict[str, Any] = answer.json()
    assert answer.status_code == body["status"] == status
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.headers["Cache-Control"] == "no-store"
    assert body["type"] == f"urn:problem-type:tandem:{code}"
    assert body.keys() == MEMBERS
    assert body["request_id"] == answer.headers["X-Request-ID"]
    assert body["instance"] == answer.wsgi_request.path
    return body


@pytest.mark.usefixtures("db", "debug")
@pytest.mark.parametrize("path", ["/nothing", "/", "/posts/", "/posts/a/b/c", "/posts/%00", "/tags/a%00b", "/a%0Ab"])
@pytest.mark.parametrize("method", ["get", "post", "delete", "options"])
def test_a_path_that_is_none_is_a_404_problem_for_every_method(client: Client, path: str, method: str) -> None:
    answer = getattr(client, method)(f"/api/v2{path}")
    assert answer.status_code == 404
    assert answer.json()["type"] == "urn:problem-type:tandem:not-found"


@pytest.mark.usefixtures("db")
@pytest.mark.parametrize(
    ("path", "named"),
    [
        *(
            ("/api/v2/posts/", "/api/v2/posts"),
            ("/api/v2/", "/api/v2"),
            ("/api/v2/posts/a%20b//", "/api/v2/posts/a%20b"),
        ),
        *(("/api/tags/", "/api/tags"), ("/api/v2/nothing/", None), ("/api/v2/nothing", None)),
    ],
)
def test_a_slash_at_the_end_is_a_404_that_names_the_path_without_it(
    client: Client, path: str, named: str | None
) -> None:
    answer = client.get(path, headers={"API-Version": "2"})
    hint = f" Its paths have no slash at the end: ask for {named}" if named else ""
    assert (answer.status_code, answer.json()["detail"]) == (404, f"There is no such path in API v2.{hint}")


@pytest.mark.usefixtures("db", "debug")
@pytest.mark.parametrize("path", ["posts/nothing", "posts/019a0000-0000-7000-8000-000000000000", "posts/a/comments"])
@pytest.mark.parametrize("prefix", ["", "tags-", "comments-"])
def test_an_unknown_or_malformed_id_is_a_404_problem(client: Client, path: str, prefix: str) -> None:
    path = path.replace("posts/", f"{prefix[:-1]}/") if prefix else path
    answer = client.get(f"/api/v2/{path}")
    assert answer.status_code == 404
    assert answer.headers["Content-Type"] == "application/problem+json"


@pytest.mark.urls("tests.api_v2.planted")
@pytest.mark.usefixtures("db", "debug")
@pytest.mark.parametrize("path", ["/planted/faulty", "/planted/unencodable"])
def test_a_fault_of_ours_is_logged_once_and_told_without_a_detail(
    client: Client, path: str, caplog: pytest.LogCaptureFixture
) -> None:
    answer = client.get(path, headers={"X-Request-ID": "find-me"})
    problem(answer, 500, "internal-error")
    assert b"secret" not in answer.content
    (record,) = [record for record in caplog.records if record.levelname == "ERROR"]
    assert "find-me" in record.getMessage()
    assert record.exc_info


@pytest.mark.urls("tests.api_v2.planted")
@pytest.mark.usefixtures("db", "debug")
def test_a_database_that_is_away_is_a_503_that_says_when_to_come_back(client: Client) -> None:
    answer = client.get("/planted/unreachable")
    problem(answer, 503, "unavailable")
    assert int(answer.headers["Retry-After"]) >= 1
    assert b"10.1.2.3" not in answer.content


@pytest.mark.usefixtures("db")
def test_a_verb_that_a_path_lacks_is_a_405_before_credentials_are_looked_at(client: Client) -> None:
    answer = client.delete("/api/v2/posts", headers={"Authorization": "Bearer nonsense", "Accept": "image/png"})
    problem(answer, 405, "method-not-allowed")
    assert answer.headers["Allow"] == "GET, POST, HEAD, OPTIONS"


@pytest.mark.usefixtures("db")
@pytest.mark.parametrize("path", ["", "/posts", "/tags", "/categories/tree"])
@pytest.mark.parametrize("header", ["Bearer nonsense", "Bearer ", "Basic dTpw", "nonsense"])
def test_a_bad_token_is_a_401_even_on_a_public_read(client: Client, path: str, header: str) -> None:
    answer = client.get(f"/api/v2{path}", headers={"Authorization": header})
    problem(answer, 401, "invalid-token")
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.usefixtures("db")
@pytest.mark.parametrize(
    ("accept", "status"),
    [
        ("*/*", 200),
        ("application/*", 200),
        ("application/json; charset=utf-8", 200),
        ("text/html, */*;q=0.1", 200),
        ("", 200),
        ("text/html", 406),
        ("application/json;q=0, */*", 406),
        ("*/*;q=0", 406),
    ],
)
def test_only_a_client_that_takes_json_gets_an_answer(client: Client, accept: str, status: int) -> None:
    assert client.get("/api/v2/tags", headers={"Accept": accept}).status_code == status


@pytest.mark.parametrize(
    ("content_type", "body", "status", "code"),
    [
        ("application/json", b"{", 400, "malformed-json"),
        ("application/json", b"", 400, "malformed-json"),
        ("application/json", b'{"title": NaN}', 400, "malformed-json"),
        ("application/json", b'{"title": "\\ud800"}', 400, "malformed-json"),
        ("application/json", b"[" * 100_000, 400, "malformed-json"),
        ("application/json", b'\xff\xfe"', 400, "malformed-json"),
        ("application/json", b"[]", 422, "invalid-input"),
        ("application/x-www-form-urlencoded", b"title=a", 415, "unsupported-media-type"),
        ("text/plain", b"{}", 415, "unsupported-media-type"),
    ],
)
def test_a_body_that_is_no_json_object_is_refused(
    client_of: Callable[[User], Client], author: User, content_type: str, body: bytes, status: int, code: str
) -> None:
    answer = client_of(author).post("/api/v2/posts", body, content_type=content_type)
    problem(answer, status, code)
    assert not Post.objects.exists()


def test_a_body_over_the_limit_is_a_413(client_of: Callable[[User], Client], author: User, settings: Any) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 100
    answer = client_of(author).post("/api/v2/posts", b" " * 101, content_type="application/json")
    problem(answer, 413, "body-too-large")


@pytest.mark.usefixtures("db", "debug")
def test_too_many_parameters_are_a_400(client: Client, settings: Any) -> None:
    settings.DATA_UPLOAD_MAX_NUMBER_FIELDS = 2
    assert problem(client.get("/api/v2/posts?a=1&b=2&c=3"), 400, "bad-request")


@pytest.mark.usefixtures("db")
def test_the_instance_of_a_problem_is_a_uri(client: Client) -> None:
    assert client.get("/api/v2/posts/a%20ß").json()["instance"] == "/api/v2/posts/a%20%C3%9F"


@pytest.mark.parametrize(("status", "arguments"), [(400, (SuspiciousOperation("secret"),)), (500, ())])
def test_what_fails_outside_the_views_wears_the_same_shape(
    rf: RequestFactory, status: int, arguments: tuple[Exception, ...]
) -> None:
    handler = get_resolver("api_v2.root_urls").resolve_error_handler(status)
    answer = handler(rf.get("/api/v2/posts"), *arguments)
    assert (answer.status_code, answer.headers["Content-Type"]) == (status, "application/problem+json")
    assert b"secret" not in answer.content
