"""Answers that are not even answers, as a version without middleware of Django's gives them to the canary."""

from collections.abc import Callable, Iterator
from io import BytesIO
from typing import Any
from wsgiref.util import FileWrapper

import pytest
from django.core.signals import request_finished
from django.http import FileResponse, HttpRequest, HttpResponse, HttpResponseNotFound, StreamingHttpResponse
from django.test import RequestFactory

from canary.requests.ends import answer_of
from tests.canary.failing_urls_v1 import MALFORMED


def _malformed(malform: Callable[[HttpResponse], object]) -> HttpResponse:
    response = HttpResponse()
    malform(response)
    return response


ANSWERS: dict[str, object] = {
    "a dictionary": {"a": 1},
    "a text": "a",
    "a tuple": (HttpResponse(), 200),
    **{name: _malformed(malform) for name, malform in MALFORMED.items()},
}


def _answer_of(answer: object, *, is_candidate: bool, **environ: object) -> object:
    def get_response(request: HttpRequest) -> HttpResponse:
        return answer  # type: ignore[return-value]

    request = RequestFactory().get("/api/things", **environ)  # type: ignore[arg-type]
    return answer_of(get_response, request, is_candidate=is_candidate)


@pytest.mark.parametrize("name", ANSWERS)
def test_a_malformed_answer_of_the_candidate_is_a_500(name: str) -> None:
    answer = _answer_of(ANSWERS[name], is_candidate=True)
    assert isinstance(answer, HttpResponse)
    assert answer.status_code == 500


@pytest.mark.parametrize("name", ANSWERS)
def test_the_stable_versions_is_left_to_the_server(name: str) -> None:
    assert _answer_of(ANSWERS[name], is_candidate=False) is ANSWERS[name]


class Made(HttpResponseNotFound):
    """An answer that its class makes and closes."""

    is_closed_by_class = False

    def __iter__(self) -> Iterator[bytes]:
        return iter([b"a", b"b"])

    def close(self) -> None:
        self.is_closed_by_class = True
        super().close()


class Louder(StreamingHttpResponse):
    def __iter__(self) -> Iterator[bytes]:
        return (part + b"!" for part in super().__iter__())


def test_an_answer_that_its_class_makes_keeps_all_that_it_has() -> None:
    made, closed, finished = Made(headers={"X-Note": "a"}), [], []
    made.set_cookie("name", "a")
    made.is_of_view = True  # type: ignore[attr-defined]
    made._resource_closers.append(lambda: closed.append(1))  # type: ignore[attr-defined]
    answer = _answer_of(made, is_candidate=True)
    assert isinstance(answer, StreamingHttpResponse)
    assert (answer.status_code, answer.reason_phrase, answer["X-Note"]) == (404, "Not Found", "a")
    assert ("name" in answer.cookies, answer.is_of_view, b"".join(answer)) == (True, True, b"ab")  # type: ignore[attr-defined]
    answer._handler_class = Made  # type: ignore[attr-defined]
    request_finished.connect(note := lambda sender, **_: finished.append(sender), weak=False)
    answer.close()
    request_finished.disconnect(note)
    assert (made.is_closed_by_class, closed, finished, answer.closed) == (True, [1], [Made], True)


def test_a_stream_with_an_iterator_of_its_own_is_made_once() -> None:
    answer: Any = _answer_of(Louder([b"a", b"b"]), is_candidate=True)
    assert [*answer] == [b"a!", b"b!"]


class LouderFile(FileResponse):
    def __iter__(self) -> Iterator[bytes]:
        return (part + b"!" for part in super().__iter__())


@pytest.mark.parametrize(("environ", "sent"), [({"wsgi.file_wrapper": FileWrapper}, b"ab"), ({}, b"ab!")])
def test_a_file_is_sent_as_without_the_canary(environ: dict[str, object], sent: bytes) -> None:
    """Django hands it to a server that takes files, whatever its class makes of it."""
    answer: Any = _answer_of(LouderFile(BytesIO(b"ab")), is_candidate=True, **environ)
    assert (b"".join(answer), answer["Content-Length"], answer.file_to_stream) == (sent, "2", None)
