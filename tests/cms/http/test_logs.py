"""Log lines: JSON that never fails, with the request they belong to; one line for each request, and no secret in it."""

import io
import json
import logging
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory

from cms.http.access_log import METHODS
from cms.http.logs import JsonFormatter, RouteForPath
from cms.http.middleware import RequestIdMiddleware, parse_traceparent
from cms.models import Delivery, User
from cms.outgoing.sending import Message
from cms.services.origin import Origin, current_origin, set_origin

TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = f"00-{TRACE}-b7ad6b7169203331-01"


@pytest.fixture
def stderr(settings: Any) -> Iterator[io.StringIO]:
    """What the server's own handler writes beside the access log."""
    settings.ACCESS_LOG = False
    [own] = [each for each in logging.root.handlers if each.name == "stderr"]
    assert isinstance(own, logging.StreamHandler)
    written = io.StringIO()
    before = own.setStream(written)
    yield written
    own.setStream(before or sys.stderr)


@pytest.mark.parametrize("path", ["/", "/admin/login/", "/static/x", "/api/v2/posts", "/api/posts"])
@pytest.mark.parametrize("host", ["evil.example", "e" * 7_000 + ".example"], ids=["short", "long"])
def test_a_host_that_is_not_served_is_one_short_line_at_most(
    db: None, stderr: io.StringIO, path: str, host: str
) -> None:
    assert Client(raise_request_exception=False).get(path, headers={"host": host}).status_code == 400
    lines = stderr.getvalue().splitlines()
    assert len(lines) <= 1
    assert len("".join(lines)) < 500
    if path == "/":
        assert f"Invalid HTTP_HOST header: '{host[:99]}" in lines[0]


def test_a_referer_that_is_not_trusted_is_one_short_line(db: None, stderr: io.StringIO) -> None:
    client = Client(enforce_csrf_checks=True, headers={"referer": f"https://{'e' * 7_000}.example/"})
    assert client.post("/admin/login/", {}, secure=True).status_code == 403
    [line] = stderr.getvalue().splitlines()
    assert "Referer" in line
    assert len(line) < 500


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture, settings: Any) -> Callable[[], list[dict[str, Any]]]:
    """What the requests of the test have written, as the JSON that a server writes."""
    settings.ACCESS_LOG = True
    caplog.set_level(logging.INFO)

    def written() -> list[dict[str, Any]]:
        records = [record for record in caplog.records if record.name == "tandem.access"]
        return [json.loads(JsonFormatter().format(record)) for record in records]

    return written


def line_of(message: str, *args: object, **more: Any) -> dict[str, Any]:
    record = logging.LogRecord("cms", logging.WARNING, "", 0, message, args, more.pop("exc_info", None))
    record.__dict__.update(more)
    line: dict[str, Any] = json.loads(JsonFormatter().format(record))
    return line


def test_a_line_says_when_who_what_and_for_which_request() -> None:
    set_origin(Origin(request_id="r-1", traceparent=PARENT))
    line = line_of("%s of %d", "one", 2)
    assert line.pop("at").endswith("+00:00")
    assert line == {
        "level": "warning",
        "logger": "cms",
        "message": "one of 2",
        "request_id": "r-1",
        "trace_id": TRACE,
    }


@pytest.mark.parametrize("text", ["\ud800", "two\nlines", "\x00", "ü😀"], ids=["surrogate", "lines", "nul", "letters"])
def test_whatever_a_message_holds_is_one_line_of_json(text: str) -> None:
    formatted = JsonFormatter().format(logging.LogRecord("cms", logging.INFO, "", 0, "%s", (text,), None))
    assert "\n" not in formatted
    assert text.encode("utf-8", "backslashreplace").decode() == json.loads(formatted)["message"]


def test_an_exception_is_told_without_the_values_of_variables() -> None:
    try:
        password = "hidden-word"
        int(f"{len(password)}!")
    except ValueError:
        line = line_of("failed", exc_info=sys.exc_info())
    assert "ValueError" in line["exception"]
    assert "hidden-word" not in line["exception"]


def test_fields_that_json_does_not_know_are_written_as_text() -> None:
    assert line_of("x", fields={"user_id": Origin})["user_id"] == str(Origin)


def test_djangos_records_name_the_route_in_place_of_the_path() -> None:
    request = RequestFactory().get("/api/v2/previews/the-token")
    record = logging.LogRecord("django.request", logging.WARNING, "", 0, "%s: %s", ("Gone", request.path), None)
    record.request = request
    assert RouteForPath().filter(record)
    assert record.getMessage() == "Gone: (no route)"


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("path", "route", "version", "status"),
    [
        ("/api/v1/posts?limit=1&password=hidden-word", "/api/v1/posts", 1, 200),
        ("/api/v2/posts/hidden-word", "/api/v2/posts/<v2_segment:slug_or_id>", 2, 404),
        ("/api/posts", "/api/posts", 1, 200),
        ("/hidden-word", None, None, 404),
    ],
    ids=["v1", "template", "entrance", "nothing"],
)
def test_each_request_is_one_line(
    lines: Callable[[], list[dict[str, Any]]], path: str, route: str | None, version: int | None, status: int
) -> None:
    Client(headers={"x-request-id": "r-7", "traceparent": PARENT}).get(path)
    [line] = lines()
    assert (line["route"], line["version"], line["status"]) == (route, version, status)
    assert (line["method"], line["request_id"], line["trace_id"]) == ("GET", "r-7", TRACE)
    assert line["duration_ms"] > 0
    assert line["user_id"] is None
    assert "hidden-word" not in str(line)


@pytest.mark.django_db
def test_a_line_names_whoever_the_view_has_let_in(
    lines: Callable[[], list[dict[str, Any]]], author: User, client_of: Callable[[User], Client]
) -> None:
    assert client_of(author).get("/api/v2/me").status_code == 200
    assert lines()[-1]["user_id"] == str(author.pk)


@pytest.mark.django_db
def test_a_made_up_method_makes_no_new_word(lines: Callable[[], list[dict[str, Any]]]) -> None:
    Client().generic("HIDDEN", "/api/v1/posts")
    assert lines()[-1]["method"] == "OTHER"
    assert "HIDDEN" not in METHODS


@pytest.mark.django_db
def test_without_the_setting_nothing_is_written(lines: Callable[[], list[dict[str, Any]]], settings: Any) -> None:
    settings.ACCESS_LOG = False
    Client().get("/api/v1/posts")
    assert not lines()


@pytest.mark.parametrize(
    ("sent", "taken"),
    [
        (PARENT, PARENT),
        (f"cc{PARENT[2:]}", PARENT),
        (f"cc{PARENT[2:]}-what-the-future-holds", PARENT),
        (f"{PARENT}-more", ""),
        (f"ff{PARENT[2:]}", ""),
        (f"00-{'0' * 32}-b7ad6b7169203331-01", ""),
        (f"00-{TRACE}-{'0' * 16}-01", ""),
        (PARENT.upper(), ""),
        (f"{PARENT}\n", ""),
        ("", ""),
    ],
    ids=["ours", "later", "later and longer", "too long", "ff", "no trace", "no parent", "capitals", "line", "empty"],
)
def test_a_trace_is_continued_as_the_w3c_says(sent: str, taken: str) -> None:
    assert parse_traceparent(sent) == taken


def test_a_trace_goes_on_in_the_origin_of_the_request() -> None:
    seen: list[Origin] = []

    def view(request: HttpRequest) -> HttpResponse:
        seen.append(current_origin())
        return HttpResponse()

    for headers in ({"traceparent": PARENT}, {"traceparent": "nonsense"}, {}):
        RequestIdMiddleware(view)(RequestFactory().get("/", headers=headers))
    assert [origin.trace_id for origin in seen] == [TRACE, "", ""]


@pytest.mark.django_db
def test_a_webhook_is_handed_the_trace_of_the_request_that_brought_it_about(
    make_user: Callable[..., User], client_of: Callable[[User], Client]
) -> None:
    client = client_of(make_user("admin"))
    hook = {"url": "https://receiver.example.org/x", "events": ["*"]}
    assert client.post("/api/v2/webhooks", hook, "application/json").status_code == 201
    body, headers = {"title": "A title", "content": "Text."}, {"traceparent": PARENT}
    assert client.post("/api/v2/posts", body, "application/json", headers=headers).status_code == 201
    delivery = Delivery.objects.latest("created_at")
    message = Message("https://x.example.org", "whsec_aaaa", "1", 1, delivery.payload, delivery.traceparent)
    assert message.headers()["traceparent"] == PARENT
    assert "traceparent" not in Message("https://x.example.org", "whsec_aaaa", "1", 1, {}).headers()
