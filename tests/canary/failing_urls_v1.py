"""An arm that fails as it is told: `?v1=500` or `?v1=raise` for this one, `?v2=…` for the other."""

import threading
from asyncio import CancelledError
from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial
from http import HTTPStatus
from io import BytesIO

from django.contrib.auth.models import AnonymousUser
from django.db import connection, transaction
from django.http import FileResponse, HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.urls import path

closed: list[int] = []
"""The versions whose answers were closed, one entry for each answer."""


class Gate:
    """Where views wait that are told to; how many were there at once."""

    def __init__(self) -> None:
        self.is_open = threading.Event()
        self.changed = threading.Condition()
        self.waiting = {1: 0, 2: 0}
        self.most = 0

    def wait(self, version: int) -> None:
        self._add(version, 1)
        self.is_open.wait(60)
        self._add(version, -1)

    def await_waiting(self, version: int, count: int) -> bool:
        with self.changed:
            return self.changed.wait_for(lambda: self.waiting[version] >= count, 60)

    def _add(self, version: int, change: int) -> None:
        with self.changed:
            self.waiting[version] += change
            self.most = max(self.most, self.waiting[2])
            self.changed.notify_all()


gate = Gate()


ENDS: dict[str, BaseException] = {"exit": SystemExit(1), "cancel": CancelledError(), "generator": GeneratorExit()}


SPOILERS: dict[str, Callable[[HttpResponse], object]] = {
    "header": lambda response: response.headers.setdefault("X-Note", "a\x01b"),
    "name": lambda response: response.headers.setdefault("", "a"),
    "length": lambda response: response.headers.setdefault("Content-Length", "abc"),
    "signed length": lambda response: response.headers.setdefault("Content-Length", "-1"),
    "cookie": lambda response: response.set_cookie("name", "日本"),
    "cookie's path": lambda response: response.set_cookie("name", "a", path="/€"),
    "reason": lambda response: setattr(response, "reason_phrase", "OK ✓"),
    "continue": lambda response: setattr(response, "status_code", 100),
    "processing": lambda response: setattr(response, "status_code", 102),
    "four digits": lambda response: setattr(response, "status_code", 1_000),
}
"""Answers that no server sends, each by what spoils it."""
MALFORMED: dict[str, Callable[[HttpResponse], object]] = {
    "text": lambda response: setattr(response, "status_code", "200"),
    "none": lambda response: setattr(response, "status_code", None),
    "fraction": lambda response: setattr(response, "status_code", 200.5),
    "no headers": lambda response: delattr(response, "headers"),
    "no closers": lambda response: delattr(response, "_resource_closers"),
    "no cookies": lambda response: setattr(response, "cookies", {"name": "a"}),
}
"""Answers that Django can't hand to a server."""
ODDITIES: dict[str, Callable[[HttpResponse], object]] = {
    "odd header": lambda response: response.headers.setdefault("X-Note", "é"),
    "odd length": lambda response: response.headers.setdefault("Content-Length", " 2 "),
    "odd cookie": lambda response: response.set_cookie("name", "é", path="/é"),
    "odd end of a cookie": lambda response: response.delete_cookie("a"),
    "odd reason": lambda response: setattr(response, "reason_phrase", "Très bien"),
    "odd no reason": lambda response: setattr(response, "reason_phrase", ""),
    "odd status of the library": lambda response: setattr(response, "status_code", HTTPStatus.ACCEPTED),
    "odd unknown status": lambda response: setattr(response, "status_code", 299),
}
"""Answers that look odd, and that servers send."""
CHANGES: dict[str, Callable[[HttpResponse], object]] = {**SPOILERS, **MALFORMED, **ODDITIES}


def exit_at_once() -> None:
    raise ENDS["exit"]


def _break() -> None:
    raise RuntimeError("planted")


def _parts(then: Callable[[], object]) -> Iterator[bytes]:
    yield b"a"
    then()
    yield b"b"


def _parts_made_late(then: Callable[[], object]) -> Iterator[bytes]:
    then()
    yield b"ab"


async def _parts_made_async(then: Callable[[], object]) -> AsyncIterator[bytes]:
    for part in _parts(then):
        yield part


class _File(BytesIO):
    """One without a descriptor, that does something once `after` bytes of it were read."""

    def __init__(self, then: Callable[[], object], after: int = 2) -> None:
        super().__init__(b"ab")
        self._then, self._after = then, after

    def read(self, *size: int | None) -> bytes:
        if self.tell() >= self._after:
            self._then()
        return super().read(*size)


class _FileOnDisk(_File):
    def fileno(self) -> int:
        return 0


class _FileByDescriptor(_File):
    """It has a descriptor when the canary asks for it. When the server does, it does something."""

    is_asked = False

    def fileno(self) -> int:
        if self.is_asked:
            self._then()
        self.is_asked = True
        return 0


class Made(HttpResponse):
    """One that makes what it says as it is sent."""

    def __init__(self, make: Callable[[], object]) -> None:
        super().__init__(b"something else")
        self._make = make

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._make())  # type: ignore[call-overload, no-any-return]


class OwnStream(HttpResponseBase):
    """A stream that has nothing of Django's streams."""

    streaming = True

    def __init__(self, parts: Iterator[bytes]) -> None:
        super().__init__()
        self._parts = parts

    def __iter__(self) -> Iterator[bytes]:
        return self._parts


class CalledStream(HttpResponse):
    """A whole answer that calls itself a stream, so that no middleware touches it."""

    streaming = True


STREAMS: dict[str, Callable[[Callable[[], object]], HttpResponseBase]] = {
    "stream": lambda then: StreamingHttpResponse(_parts(then)),
    "late": lambda then: StreamingHttpResponse(_parts_made_late(then)),
    "async": lambda then: StreamingHttpResponse(_parts_made_async(then)),
    "file": lambda then: FileResponse(_File(then)),
    "file late": lambda then: FileResponse(_File(then, after=0)),
    "file on disk": lambda then: FileResponse(_FileOnDisk(then)),
    "descriptor": lambda then: FileResponse(_FileByDescriptor(then)),
    "made": lambda then: Made(partial(_parts, then)),
    "made late": lambda then: Made(partial(_parts_made_late, then)),
    "made never": Made,
    "own": lambda then: OwnStream(_parts(then)),
    "own late": lambda then: OwnStream(_parts_made_late(then)),
    "called": lambda _: CalledStream(b"ab"),
    "made of numbers": lambda _: Made(lambda: [1]),
}
"""Streams, which do something before they end."""


def _close_and_break(response: HttpResponseBase) -> None:
    HttpResponseBase.close(response)
    _break()


CLOSES: dict[str, Callable[[HttpResponseBase], object]] = {
    "leave": lambda _: None,
    "break": lambda _: _break(),
    "exit": lambda _: exit_at_once(),
    "close and break": _close_and_break,
}
"""How classes close their answers in a way of their own, which is a bad one."""


def _leave_a_failed_transaction(_: HttpRequest) -> None:
    transaction.set_autocommit(False)
    with connection.cursor() as cursor:
        cursor.execute("SELECT no_such_column")


LEFT_BEHIND: dict[str, Callable[[HttpRequest], object]] = {
    "raise": lambda _: None,
    "transaction": _leave_a_failed_transaction,
    "block": lambda _: transaction.atomic().__enter__(),
    "method": lambda request: setattr(request, "method", "POST"),
}
"""States in which views leave a request that they fail."""


def answer(version: int, request: HttpRequest, **_: str) -> HttpResponseBase:
    """What the view finds in the request, which it then leaves its traces in."""
    found = {"version": version, "attributes": sorted(request.__dict__), "meta": sorted(request.META)}
    request.user, request.left_behind = AnonymousUser(), True  # type: ignore[attr-defined]
    request.META["CSRF_COOKIE"] = "left behind"
    told = request.GET.get(f"v{version}", "200")
    if told == "wait":
        gate.wait(version)
    for _number in range(int(request.GET.get(f"sql{version}", 0))):
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    if request.GET.get("read") == str(version):
        request.read(1)
    if told in LEFT_BEHIND:
        LEFT_BEHIND[told](request)
        _break()
    if told in STREAMS:
        then = {"break": _break, "exit": exit_at_once, "hang": partial(gate.wait, version)}
        return _closing(version, STREAMS[told](then.get(request.GET.get("then", ""), int)), request)
    if told in ENDS:
        raise ENDS[told]
    response = JsonResponse(found, status=int(told) if told.isdigit() else 200)
    if change := CHANGES.get(told):
        change(response)
    if request.GET.get("away") == str(version):
        response.is_away = True  # type: ignore[attr-defined]
    return _closing(version, response, request)


def _closing(version: int, response: HttpResponseBase, request: HttpRequest) -> HttpResponseBase:
    closers: list[Callable[[], object]] = response._resource_closers  # type: ignore[attr-defined]
    if end := request.GET.get("end"):
        closers.append({"hang": partial(gate.wait, version), "exit": exit_at_once}[end])
    closers.append(partial(closed.append, version))
    if close := request.GET.get("close"):
        own = {"hang": lambda _: gate.wait(version), **CLOSES}[close]
        response.__class__ = type("ClosedByClass", (type(response),), {"close": own})
    return response


def is_away(response: HttpResponse) -> bool:
    return getattr(response, "is_away", False)


def routes(version: int) -> list[object]:
    view: Callable[..., HttpResponseBase] = partial(answer, version)
    return [path(f"{base}/{end}", view) for base in (f"api/v{version}", "api") for end in ("things", "things/<str:id>")]


urlpatterns = routes(1)
