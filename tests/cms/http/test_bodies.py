"""Bodies: short ones are whole before the application begins, and those in chunks have a length."""

import datetime
import io
import json
from collections.abc import Iterator
from typing import Any
from wsgiref.util import setup_testing_defaults

import pytest
from django.core.handlers.wsgi import WSGIHandler

from cms.http.bodies import BODY_BYTES_MAX, IN_MEMORY_BYTES, received
from cms.models import Post, User
from cms.policy import SYSTEM
from cms.services.sessions import open_session
from cms.services.users import set_password


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
    return received(application)({**base, **environ}, lambda *_: None)


def test_a_chunked_body_arrives_with_its_length() -> None:
    assert seen_by_application(b"x" * 3_000_000, HTTP_TRANSFER_ENCODING="chunked") == ("3000000", b"x" * 3_000_000)


def test_a_short_body_has_come_to_its_end_before_the_application_begins() -> None:
    source = io.BytesIO(b"x" * IN_MEMORY_BYTES + b"the next request")
    begun_at: list[int] = []

    def application(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        begun_at.append(source.tell())
        return [environ["wsgi.input"].read()]

    environ = {"wsgi.input": source, "CONTENT_LENGTH": str(IN_MEMORY_BYTES)}
    answer: Any = received(application)(environ, lambda *_: None)
    assert (b"".join(answer), begun_at) == (b"x" * IN_MEMORY_BYTES, [IN_MEMORY_BYTES])
    answer.close()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("is_slow", [False, True])
def test_a_credential_that_ends_while_a_body_is_under_way_opens_nothing(
    author: User, now: datetime.datetime, *, is_slow: bool
) -> None:
    token = open_session(user=author, now=now).access_token

    class Slow(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            if is_slow:
                set_password(actor=SYSTEM, user=author, password="another long pass-phrase", now=now)
            return super().read(size)

    body = json.dumps({"title": "Late", "content": "x"}).encode()
    environ: dict[str, Any] = {"REQUEST_METHOD": "POST", "PATH_INFO": "/api/v2/posts", "CONTENT_LENGTH": str(len(body))}
    setup_testing_defaults(environ)
    sent = {"HTTP_AUTHORIZATION": f"Bearer {token}", "CONTENT_TYPE": "application/json", "wsgi.input": Slow(body)}
    told: list[str] = []
    answer: Any = received(WSGIHandler())(environ | sent, lambda status, *_: told.append(status))
    answer.close()
    assert told == ["401 Unauthorized" if is_slow else "201 Created"]
    assert Post.objects.count() == (not is_slow)


@pytest.mark.parametrize("length", ["", "0", "-1", "1e3", str(IN_MEMORY_BYTES + 1)])
def test_what_has_no_body_or_a_long_one_passes_unread(length: str) -> None:
    source = io.BytesIO(b"abc")
    passed: list[Any] = []
    environ = {"wsgi.input": source, "CONTENT_LENGTH": length}
    received(lambda environ, _: passed.append(environ["wsgi.input"]) or [])(environ, lambda *_: None)  # type: ignore[func-returns-value]
    assert passed == [source]
    assert source.tell() == 0


def test_a_body_that_breaks_off_arrives_as_far_as_it_came() -> None:
    assert seen_by_application(b"abc", CONTENT_LENGTH="9") == ("9", b"abc")


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
