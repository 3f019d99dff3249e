"""How an answer ends: exceptions that end the thread, headers that no server sends, and broken streams are failures.

So is an end that hangs: the version works until its answer is closed.
"""

import contextlib
import re
import threading
import time
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator, Sequence
from functools import partial
from io import UnsupportedOperation
from itertools import chain, islice
from typing import Any, Final

from django.core.handlers.exception import response_for_exception
from django.core.handlers.wsgi import WSGIRequest
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.template.response import SimpleTemplateResponse
from django.utils.log import request_logger

from canary.core.values import CANDIDATE
from canary.requests.in_flight import Flight, flights

# RFC 9110 sections 5.1, 5.5 and 8.6. Servers answer by a bare 500 instead of such a head, and tell nobody.
_NAME: Final = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_ODD_IN_VALUE: Final = re.compile(r"[^\t\x20-\x7e\x80-\xff]")
_LENGTH: Final = re.compile(r"[ \t]*[0-9]+[ \t]*")
_NO_LENGTH: Final = ("Content-Length", "0")
_STREAM: Final = "_canary_stream"
WHOLE: Final = {HttpResponse.__iter__, SimpleTemplateResponse.__iter__}
"""How Django's answers that are whole give their bytes to a server. Any other class makes them as it is sent."""
NAMES_MAX: Final = 1_000
_good_names: Final[set[str]] = set()


class UnsendableError(Exception):
    """A response has a status line, a header or a cookie that no server sends."""


class Stream:
    """A stream that a view makes as it goes, and whether it has broken.

    The view works in each step of it, a `with` block, and the client takes its time between them.
    """

    def __init__(self, flight: Flight) -> None:
        self._flight = flight
        self.has_failed = self.is_observed = False

    def __enter__(self) -> None:
        flights.await_view(self._flight)

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        flights.await_client(self._flight)
        if error is None:
            return
        self.has_failed = True
        if not isinstance(error, Exception) and not _is_of_server():
            raise RuntimeError("The stream would have ended its thread.") from error

    def parts(self, content: Iterable[Any]) -> Iterator[Any]:
        parts = iter(content)
        while True:
            with self:
                try:
                    part = next(parts)
                except StopIteration:
                    return
            yield part

    async def parts_made_async(self, content: AsyncIterable[Any]) -> AsyncIterator[Any]:
        parts = aiter(content)
        while True:
            with self:
                try:
                    part = await anext(parts)
                except StopAsyncIteration:
                    return
            yield part


class SentFile:
    """A file of a view that the server reads itself, by its descriptor where it has one."""

    def __init__(self, file: Any, stream: Stream) -> None:
        self._file, self._stream = file, stream

    def read(self, *size: int) -> Any:
        with self._stream:
            return self._file.read(*size)

    def fileno(self) -> int:
        with self._stream:
            descriptor = _descriptor_of(self._file)
        if descriptor is None:
            raise UnsupportedOperation("The file has no descriptor.")  # and is read
        return descriptor

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


class Iterated(StreamingHttpResponse):
    """An answer whose own class makes its parts as it is sent, as the stream that a server takes it for."""

    def __init__(self, answer: Any, parts: Iterable[object]) -> None:
        self.__dict__.update(answer.__dict__)  # its headers, what it closes, and what middlewares look for
        self._answer, self.status_code, self.file_to_stream = answer, answer.status_code, None
        self.streaming_content = map(_sendable, parts)

    def close(self) -> None:
        """Close the answer by its class's own way, which closes what this one has too: they share the list."""
        self._answer._handler_class = self._handler_class  # type: ignore[attr-defined]
        try:
            self._answer.close()
        finally:
            self.closed = True


class Closing:
    """Closes all that the version has its answer close, which is work of the version. The flight ends after it."""

    def __init__(self, flight: Flight, closers: Sequence[Callable[[], object]]) -> None:
        self._flight, self._closers, self._has_begun = flight, closers, False

    def __call__(self) -> None:
        if self._has_begun:  # a response may be closed twice
            return
        self._has_begun = True
        flights.await_view(self._flight)
        try:
            for close in self._closers:
                try:
                    close()
                except BaseException as error:  # Django survives an Exception, and what stands behind it runs too
                    if not isinstance(error, Exception) and _is_of_server():
                        raise
        finally:
            flights.leave(self._flight)

    def __del__(self) -> None:
        """Let the flight end with a response that nobody closes, such as one that a 304 replaces."""
        if not self._has_begun:
            flights.drop(self._flight)


def _close_wholly(response: HttpResponse, flight: Flight, close: Callable[[], object]) -> None:
    """Close a response by its class's own way, then close by Django's what that has left or failed to close."""
    flights.await_view(flight)
    try:
        close()
    except BaseException as error:
        if isinstance(error, Exception) or _is_of_server():
            raise
        raise RuntimeError("The end of the answer would have ended its thread.") from error
    finally:
        try:
            if _closers_of(response):
                HttpResponseBase.close(response)
        finally:
            flights.leave(flight)


def answer_of(
    get_response: Callable[[HttpRequest], HttpResponse], request: HttpRequest, *, is_candidate: bool
) -> HttpResponse:
    """Return the answer, or a 500 in place of what would end the thread, and of a candidate's that no server sends.

    So is a stream whose first part fails. An exception that the stable version's error page raises passes on. A
    candidate's would be counted by nobody.
    """
    response = None
    try:
        response = get_response(request)
        if is_candidate:
            _refuse_unsendable(response)
        if type(response).__iter__ not in WHOLE:
            response = _begun(request, response, is_candidate=is_candidate)
    except BaseException as error:
        is_stables = response is None and not is_candidate
        passes = is_stables if isinstance(error, Exception) else _is_of_server()
        if passes:
            raise
        failed = _error_page(request, error, is_candidate=is_candidate)
        # Not closed, for that ends the request.
        failed._resource_closers.extend(getattr(response, "_resource_closers", ()))  # type: ignore[attr-defined]
        return failed
    return response


def _begun(request: HttpRequest, response: Any, *, is_candidate: bool) -> Any:
    """Return a stream whose first part is made while another answer is possible. Servers send no head before it either.

    Django makes the whole of an asynchronous one first, where a server is not asynchronous.
    """
    if not is_candidate and not getattr(response, "streaming", False):
        return response
    is_sent_async = getattr(response, "is_async", False) and not isinstance(request, WSGIRequest)
    file = getattr(response, "file_to_stream", None)
    if is_sent_async or (file is not None and (not is_candidate or _descriptor_of(file) is not None)):
        return response
    stream = response
    if type(response).__iter__ is not StreamingHttpResponse.__iter__:
        is_read_by_server = file is not None and request.META.get("wsgi.file_wrapper")  # past the class, by Django
        stream = Iterated(response, _parts_of(file, response.block_size) if is_read_by_server else response)
    parts = iter(stream)
    first = list(islice(parts, 1))
    stream.streaming_content = chain(first, parts)  # a file is a stream like any other from here on
    return stream


def _parts_of(file: Any, size: int) -> Iterator[object]:
    """Return a file as a server reads it."""
    return iter(partial(file.read, size), b"")


def _descriptor_of(file: Any) -> int | None:
    """Return a file's descriptor, by which a server sends it without any read of the version's; None without one."""
    with contextlib.suppress(AttributeError, OSError):
        descriptor: int = file.fileno()
        return descriptor
    return None


def _sendable(part: object) -> bytes:
    if not isinstance(part, bytes):
        raise UnsendableError(f"A server sends parts of bytes, not of {type(part).__name__}.")
    return part


def _error_page(request: HttpRequest, error: BaseException, *, is_candidate: bool) -> HttpResponse:
    """Return the version's own answer to an exception, or a bare 500 if the candidate's fails or can't be sent."""
    try:
        failed = response_for_exception(request, error)  # type: ignore[arg-type]
        if is_candidate:
            _refuse_unsendable(failed)
            if type(failed).__iter__ not in WHOLE:
                failed = _begun(request, failed, is_candidate=True)
    except BaseException as failure:
        if not is_candidate or (not isinstance(failure, Exception) and _is_of_server()):
            raise
        request_logger.exception("The error page of a version failed. The answer is a bare 500.")
        return HttpResponse(status=500)
    return failed


def _refuse_unsendable(response: Any) -> None:
    """Look first by what is quick: names that were good before, and values without any control character."""
    headers, status, _ = response.headers._store, response.status_code, response._resource_closers
    if not isinstance(status, int) or not 200 <= status <= 999:  # after one below, a client waits for more
        raise UnsendableError(f"The status of an answer is a whole number from 200 to 999, not {status!r}.")
    length = headers.get("content-length", _NO_LENGTH)[1]
    values = [value for _, value in headers.values()]
    if (reason := getattr(response, "_reason_phrase", None)) is not None:  # else it is that of the status
        values.append(reason)
    if response.cookies:
        values.extend(cookie.OutputString() for cookie in response.cookies.values())
    text = "".join(values)
    if headers.keys() <= _good_names and text.isascii() and text.isprintable() and length.isdecimal():
        return
    for name, value in headers.values():
        if not _NAME.fullmatch(name) or _ODD_IN_VALUE.search(value):
            raise UnsendableError(f"No server sends the header {name!r}: its name or its value is not one of HTTP.")
    if not _LENGTH.fullmatch(length):
        raise UnsendableError(f"Content-Length is a number without a sign, not {length!r}.")
    if _ODD_IN_VALUE.search(text):
        raise UnsendableError("No server sends the characters of the reason phrase, or of a cookie.")
    if len(_good_names) < NAMES_MAX:
        _good_names.update(headers)


def _is_of_server() -> bool:
    """Return whether an exception that ends a thread may come from the server, which ends itself by its main one."""
    return threading.current_thread() is threading.main_thread()


def land(flight: Flight, response: HttpResponse | None) -> None:
    """End the flight of a request whose view has returned.

    That of a stream ends when the stream is closed, and so does that of a candidate's answer that has things to close.
    """
    try:
        if response is None or not (response.streaming or (flight.api_version == CANDIDATE and _closers_of(response))):
            flights.leave(flight)
            return
        flights.await_client(flight)
        if isinstance(response, StreamingHttpResponse):
            _watch(response, flight)
        closers = _closers_of(response)
        closers[:] = [Closing(flight, [*closers])]
        if getattr(response.close, "__func__", None) is not HttpResponseBase.close:
            response.close = partial(_close_wholly, response, flight, response.close)  # type: ignore[method-assign]
    except BaseException:  # else it would hold its place for ever
        flights.leave(flight)
        raise


def _watch(response: Any, flight: Flight) -> None:
    """Watch how a stream is made. The stable version's files and asynchronous streams are left as they are."""
    file, is_async = getattr(response, "file_to_stream", None), response.is_async
    if flight.api_version != CANDIDATE and (is_async or file is not None):
        return
    stream, content = Stream(flight), response.streaming_content
    response.streaming_content = stream.parts_made_async(content) if is_async else stream.parts(content)
    if file is not None:
        response.file_to_stream = SentFile(file, stream)
    setattr(response, _STREAM, stream)


def _closers_of(response: HttpResponse) -> list[Callable[[], object]]:
    closers: list[Callable[[], object]] = response._resource_closers  # type: ignore[attr-defined]
    return closers


def once_ended(response: HttpResponse, started_ns: int, observe: Callable[[HttpResponse, int], object]) -> None:
    """Call `observe` with the response, and when it began: at once, or for a stream when that has ended.

    The response is a 500 if its stream has broken. Its time is that until the stream begins, which is the view's.
    """
    stream: Stream | None = getattr(response, _STREAM, None)
    if stream is None:
        observe(response, started_ns)
        return
    took_ns = time.perf_counter_ns() - started_ns

    def observe_stream() -> None:
        if not stream.is_observed:  # a response may be closed twice
            stream.is_observed = True
            ended = HttpResponse(status=500) if stream.has_failed else response
            observe(ended, time.perf_counter_ns() - took_ns)

    response._resource_closers.append(observe_stream)  # type: ignore[attr-defined]
