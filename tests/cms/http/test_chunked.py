"""Bodies that come in chunks, without a length."""

import io
from collections.abc import Iterator
from typing import Any

import pytest

from cms.http.chunked import BODY_BYTES_MAX, measured


def seen_by_application(body: bytes, **environ: Any) -> tuple[str | None, bytes]:
    seen: dict[str, Any] = {}

    def application(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        seen.update(length=environ.get("CONTENT_LENGTH"), body=environ["wsgi.input"].read())
        return []

    answer = answer_of(application, body, **environ)
    if hasattr(answer, "close"):  # as each server does (PEP 3333)
        answer.close()
    return seen["length"], seen["body"]


def answer_of(application: Any, body: bytes, **environ: Any) -> Any:
    base = {"wsgi.input": io.BytesIO(body), "wsgi.input_terminated": True}
    return measured(application)({**base, **environ}, lambda *_: None)


def test_a_chunked_body_arrives_with_its_length() -> None:
    assert seen_by_application(b"x" * 3_000_000, HTTP_TRANSFER_ENCODING="chunked") == ("3000000", b"x" * 3_000_000)


def test_a_body_with_a_length_or_a_request_without_one_passes_untouched() -> None:
    assert seen_by_application(b"abc", CONTENT_LENGTH="3") == ("3", b"abc")
    assert seen_by_application(b"") == (None, b"")


def test_a_body_without_end_is_read_no_further_than_to_be_refused() -> None:
    class Endless(io.RawIOBase):
        given = 0

        def read(self, size: int = -1) -> bytes:
            self.given += size
            return b"x" * size

    source = Endless()
    seen_by_application(b"", HTTP_TRANSFER_ENCODING="chunked", **{"wsgi.input": source})
    assert BODY_BYTES_MAX < source.given <= BODY_BYTES_MAX + 2 * 64 * 1024


def test_what_waits_for_the_end_of_an_answer_happens_then_and_may_read_the_body() -> None:
    done: list[bytes] = []

    class Answer:
        def __init__(self, body: Any) -> None:
            self.body = body

        def __iter__(self) -> Iterator[bytes]:
            yield from (b"first", b"second")

        def close(self) -> None:
            done.append(self.body.read())

    answer = answer_of(lambda environ, _: Answer(environ["wsgi.input"]), b"sent", HTTP_TRANSFER_ENCODING="chunked")
    assert (list(answer), done) == ([b"first", b"second"], [])
    answer.close()
    assert done == [b"sent"]


def test_an_application_that_fails_leaves_no_body_behind() -> None:
    bodies: list[Any] = []

    def application(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        bodies.append(environ["wsgi.input"])
        raise RuntimeError("broken")

    with pytest.raises(RuntimeError, match="broken"):
        answer_of(application, b"sent", HTTP_TRANSFER_ENCODING="chunked")
    assert bodies[0].closed
