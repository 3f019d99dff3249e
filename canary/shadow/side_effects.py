"""Refuses side effects of a repeated request: mail, connections, new threads and processes, writes to a cache.

The database refuses writes by itself (`snapshots`, `writes.engines`), on Django's own connections. This module raises
an exception and notes the attempt, because a view may swallow the exception. For repeated writes it also refuses files,
and sends over sockets and to executors that were there before. It does not see other threads, nor how libraries in C
connect and send by themselves: of drivers it knows psycopg and sqlite3.
"""

import os
import socket
import ssl
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from functools import cache, wraps
from http.client import HTTPConnection
from importlib import import_module
from inspect import getattr_static
from typing import Any, Final

from django.core.cache import caches
from django.core.mail.backends.base import BaseEmailBackend
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

CACHE_READS: Final = frozenset(
    {
        *("get", "get_many", "has_key", "ttl", "pttl", "keys", "iter_keys", "close"),
        *("aget", "aget_many", "ahas_key", "aclose"),
        *("make_key", "make_and_validate_key", "validate_key", "get_backend_timeout"),
    }
)
"""Methods of a cache that change nothing. All others are refused, because backends add writes of their own."""
ITERATES: Final = "iter_keys"
"""The one of them that reads step by step, after its call has returned."""
THREADS: Final = ("_thread.start_new_thread", "_thread.start_joinable_thread")
STARTS: Final = {
    **dict.fromkeys(THREADS, "starts a thread"),
    "subprocess.Popen": "starts a process",
    "os.system": "starts a process",
    "os.posix_spawn": "starts a process",
    "os.fork": "starts a process",
    "os.exec": "starts a process",
}
"""Audit events (PEP 578), and what to call them."""
FILES: Final = frozenset(
    {
        *("os.remove", "os.rename", "os.mkdir", "os.rmdir", "os.truncate", "os.link", "os.symlink"),
        *("os.chmod", "os.chown", "os.utime"),
    }
)
OPENS: Final = "open"
WRITES: Final = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
OF_IMPORTS: Final = "__pycache__"
CONNECTS: Final = "socket.connect"
OPENS_SQLITE: Final = "sqlite3.connect"
OWN_DATABASE: Final = "opens a connection of its own to a database"
SENDS: Final = ("send", "sendall", "sendmsg", "sendto", "sendfile", "write")
"""Methods of sockets; psycopg and the watchdog's own connection use none of them."""


class SideEffectError(OSError):
    """A repeated read tried to do more than read. An OSError, so that libraries close the socket they have opened."""


class _Here(threading.local):
    """In each thread the list that attempts are noted in, None outside of repeats."""

    tried: list[str] | None = None
    is_write = False
    """Whether the repeated request is a write: then files, and sends over what is open, are refused too."""
    is_connecting = False
    """Whether Django connects to a database or a cache of the settings, whose writes are refused otherwise."""
    may_start_threads = False
    """Whether Django connects to a database, and may open its pool, which has threads of its own."""


_here = _Here()
_END: Final = object()


@contextmanager
def refused(tried: list[str], *, is_write: bool = False) -> Iterator[None]:
    """Refuse every side effect within the block, in this thread, by SideEffectError, and note it in `tried`."""
    _install()
    with ExitStack() as caches_again:
        of_thread: Any = caches
        for alias in caches:
            caches_again.callback(of_thread.__setitem__, alias, caches[alias])
            of_thread[alias] = _ReadOnlyCache(caches[alias], alias)
        before, _here.tried, _here.is_write = _here.tried, tried, is_write
        try:
            yield
        finally:
            _here.tried, _here.is_write = before, False


@contextmanager
def _connecting(*, may_start_threads: bool = False) -> Iterator[None]:
    before = _here.is_connecting, _here.may_start_threads
    _here.is_connecting, _here.may_start_threads = True, may_start_threads
    try:
        yield
    finally:
        _here.is_connecting, _here.may_start_threads = before


def _refuse(what: str) -> None:
    tried = _here.tried
    if tried is not None:
        tried.append(what)
        raise SideEffectError(f"A repeated request {what}.")


class _ReadOnlyCache:
    """Stands in a thread's place of a cache; `django.core.cache.cache` looks there for each call."""

    def __init__(self, real: Any, alias: str) -> None:
        self._real, self._alias = real, alias

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._real, name)
        if not callable(value):
            return value
        if name == ITERATES:
            return _stepwise(value)
        if name in CACHE_READS:
            return _connecting()(value)
        return lambda *_, **__: _refuse(f"calls {name}() of the cache {self._alias}")

    def __contains__(self, key: str) -> bool:
        with _connecting():
            return key in self._real


def _stepwise(read: Callable[..., Iterable[Any]]) -> Callable[..., Iterator[Any]]:
    """Let each step of what is read connect: a generator begins with the first, and may lose its connection later."""

    @wraps(read)
    def steps(*arguments: Any, **options: Any) -> Iterator[Any]:
        with _connecting():
            rest = iter(read(*arguments, **options))
        while True:
            with _connecting():
                step = next(rest, _END)
            if step is _END:
                return
            yield step

    return steps


@cache
def _install() -> None:
    """Install the hooks once per process, with the first repeat: audit hooks and replaced methods stay for ever."""
    sys.addaudithook(_audit)
    create: Any = BaseEmailBackend.__init__

    @wraps(create)
    def create_unless_refused(self: BaseEmailBackend, *arguments: Any, **options: Any) -> None:
        _refuse("sends mail")  # every backend is made for the mail that it is to send
        create(self, *arguments, **options)

    BaseEmailBackend.__init__ = create_unless_refused  # type: ignore[method-assign]
    _refuse_databases_of_views()
    for kind in (socket.socket, ssl.SSLSocket):
        for name in SENDS:
            if hasattr(kind, name):
                _refuse_in_writes(kind, name, lambda line: f"sends to {_peer(line)}")
    # Before it has noted that a request was sent: else nobody that shares it could send one again.
    _refuse_in_writes(HTTPConnection, "putrequest", lambda line: f"sends to {line.host}:{line.port}")
    for pool in (ThreadPoolExecutor, ProcessPoolExecutor):
        _refuse_in_writes(pool, "submit", lambda _: "hands work to an executor")


def _refuse_databases_of_views() -> None:
    """Let a thread connect by Django's own objects alone: nothing refuses the writes of others."""
    for kind in {type(connections[alias]) for alias in connections}:
        _refuse_but_to_django(kind)
    with suppress(ImportError):  # also where only a view of a later repeat would import it
        _refuse_psycopg(import_module("psycopg"), import_module("psycopg.pq"))


def _refuse_psycopg(driver: Any, pq: Any) -> None:
    """Refuse where every connection begins: a view may have bound `psycopg.connect` before, and no audit event tells.

    libpq's own class may be one of C, which takes no attributes, so a subclass stands in its place.
    """
    pq.PGconn = type("PGconn", (pq.PGconn,), {})
    for kind, name in ((driver.BaseConnection, "_connect_gen"), (pq.PGconn, "connect"), (pq.PGconn, "connect_start")):
        _refuse_but_while_connecting(kind, name)


def _refuse_but_while_connecting(kind: Any, name: str) -> None:
    """Replace a class method that connects to a database."""
    real = getattr_static(kind, name).__func__

    @wraps(real)
    def unless_refused(cls: Any, *arguments: Any, **options: Any) -> Any:
        if not _here.is_connecting:
            _refuse(OWN_DATABASE)
        return real(cls, *arguments, **options)

    setattr(kind, name, classmethod(unless_refused))


def _refuse_but_to_django(kind: Any) -> None:
    connect = kind.connect

    @wraps(connect)
    def connect_unless_refused(self: BaseDatabaseWrapper) -> None:
        if _here.tried is not None and connections[self.alias] is not self:
            _refuse(f"opens a connection of its own to the database {self.alias}")
        with _connecting(may_start_threads=True):
            connect(self)

    kind.connect = connect_unless_refused


def _refuse_in_writes(kind: type, name: str, named: Callable[[Any], str]) -> None:
    """Replace a method of what may have been open before a repeated write."""
    real = getattr(kind, name)

    @wraps(real)
    def unless_refused(self: Any, /, *arguments: Any, **options: Any) -> Any:
        if _here.is_write:
            _refuse(named(self))
        return real(self, *arguments, **options)

    setattr(kind, name, unless_refused)


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    """Audit every event of the process; the usual case must be quick."""
    if _here.tried is None:
        return
    if event in STARTS:
        if not (_here.may_start_threads and event in THREADS):
            _refuse(STARTS[event])
    elif event == CONNECTS and not _here.is_connecting:
        _refuse(f"connects to {_shown(arguments[1])}")
    elif event == OPENS_SQLITE and not _here.is_connecting:
        _refuse(OWN_DATABASE)
    elif _here.is_write and _changes_a_file(event, arguments):
        _refuse(f"writes to the file {arguments[0]}")


def _changes_a_file(event: str, arguments: tuple[Any, ...]) -> bool:
    """Return whether a file is changed, other than the code that Python keeps of an import, or a file by its number."""
    if event not in FILES and not (event == OPENS and arguments[2] & WRITES):
        return False
    path = os.fsdecode(arguments[0]) if isinstance(arguments[0], str | bytes) else ""
    return bool(path) and path != os.devnull and OF_IMPORTS not in path


def _peer(line: socket.socket) -> str:
    try:
        return _shown(line.getpeername()) or "another process"
    except OSError:
        return "an address"


def _shown(address: Any) -> str:
    return f"{address[0]}:{address[1]}" if isinstance(address, tuple) else str(address)
