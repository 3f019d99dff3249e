"""Bodies that come in chunks, without a length."""

import io
from typing import Any

from cms.http.chunked import BODY_BYTES_MAX, measured


def seen_by_application(body: bytes, **environ: Any) -> tuple[str | None, bytes]:
    seen: dict[str, Any] = {}

    def application(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        seen.update(length=environ.get("CONTENT_LENGTH"), body=environ["wsgi.input"].read())
        return []

    base = {"wsgi.input": io.BytesIO(body), "wsgi.input_terminated": True}
    measured(application)({**base, **environ}, lambda *_: None)
    return seen["length"], seen["body"]


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
