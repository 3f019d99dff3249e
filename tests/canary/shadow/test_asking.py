"""A repeated read gets the answer that a client would get, also from a view that Django renders afterwards."""

from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.test import RequestFactory
from django.urls import path
from rest_framework.decorators import api_view
from rest_framework.response import Response

from canary.core.values import STABLE, Decision, Snapshot
from canary.shadow.asking import STREAM_MAX, Answer, ask
from canary.shadow.offering import read_of
from canary.shadow.snapshots import Guard


@api_view(["GET"])
def things(request: HttpRequest) -> Response:
    return Response({"things": [1, 2]})


class Unrendered(TemplateResponse):
    @property
    def rendered_content(self) -> str:
        raise KeyError("planted")


def unrendered(request: HttpRequest) -> Unrendered:
    return Unrendered(request, "no-template.html")


def _parts(*parts: str) -> Iterator[str]:
    yield from parts


async def _parts_made_async() -> AsyncIterator[bytes]:
    yield b"[1]"


def _breaking() -> Iterator[bytes]:
    yield b"[1, "
    raise KeyError("planted")


class Own(HttpResponseBase):
    """A stream that is none of Django's."""

    streaming = True

    def __iter__(self) -> Iterator[bytes]:
        return iter([b"[1", b"]"])


class Made(HttpResponse):
    """An answer that its class makes as it is sent."""

    def __iter__(self) -> Iterator[bytes]:
        return iter([b"[2", b"]"])


class Broken(HttpResponse):
    def __iter__(self) -> Iterator[bytes]:
        raise KeyError("planted")


class MadeAtLength(HttpResponse):
    def __iter__(self) -> Iterator[bytes]:
        return iter([b"[1", b" " * STREAM_MAX, b"]"])


MADE: dict[str, Callable[[], HttpResponseBase]] = {
    "own": Own,
    "made": lambda: Made(b"[1]"),
    "broken": Broken,
    "made at length": MadeAtLength,
    "whole": lambda: HttpResponse(b"[1%s]" % (b" " * STREAM_MAX)),
}
STREAMS: dict[str, Callable[[], Iterable[bytes | str] | AsyncIterator[bytes]]] = {
    "good": lambda: _parts('{"things": ', "[1, 2]}"),
    "long": lambda: iter(["[1", " " * STREAM_MAX, "]"]),
    "async": _parts_made_async,
    "breaking": _breaking,
}


def stream(_: HttpRequest, name: str) -> HttpResponseBase:
    return MADE[name]() if name in MADE else StreamingHttpResponse(STREAMS[name]())


urlpatterns = [
    path("api/v1/things", things),
    path("api/v1/unrendered", unrendered),
    path("api/v1/streams/<str:name>", stream),
]


@pytest.fixture
def asked(db: None, rollout: Any) -> Callable[[str], Answer]:
    rollout(ARMS={1: __name__, 2: "tests.canary.arm_urls_v2"})

    def ask_for(path: str) -> Answer:
        request, nothing = RequestFactory().get(f"/api/v1{path}"), Snapshot(version=0, weight_bp=0, salt="s")
        return ask(read_of(request, Decision(STABLE, "pinned"), nothing), STABLE, path, "", Guard(float("inf")))

    return ask_for


def test_a_response_of_rest_framework_is_rendered(asked: Callable[[str], Answer]) -> None:
    answer = asked("/things")
    assert (answer.status, answer.body, answer.error) == (200, {"things": [1, 2]}, None)


@pytest.mark.parametrize("path", ["/unrendered", "/streams/breaking", "/streams/broken"])
def test_what_fails_after_the_view_is_a_failure(asked: Callable[[str], Answer], path: str) -> None:
    """It was nobody's, and the pair was left out."""
    answer = asked(path)
    assert (answer.status, answer.body, type(answer.error), answer.has_failed) == (500, None, KeyError, True)


@pytest.mark.parametrize(("name", "body"), [("own", [1]), ("made", [2])])
def test_what_a_server_would_send_is_compared(asked: Callable[[str], Answer], name: str, body: Any) -> None:
    """A stream that is none of Django's was a failure of its version alone."""
    answer = asked(f"/streams/{name}")
    assert (answer.status, answer.body, answer.error) == (200, body, None)


@pytest.mark.parametrize(
    ("name", "body"),
    [("good", {"things": [1, 2]}), ("long", None), ("async", None), ("made at length", None), ("whole", [1])],
)
def test_a_stream_is_read_up_to_its_bound(asked: Callable[[str], Answer], name: str, body: Any) -> None:
    answer = asked(f"/streams/{name}")
    assert (answer.status, answer.body, answer.error) == (200, body, None)
