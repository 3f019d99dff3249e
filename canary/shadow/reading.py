"""One request answered by both versions from the same snapshot of the database, in which nothing can be written.

Only the views run, not the middlewares around them: those below the canary add headers and cookies, which aren't compared,
and are the ones that write, a session or a CSRF cookie.
"""

import io
import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Final
from urllib.parse import quote, unquote_to_bytes

from django.core.handlers.wsgi import WSGIRequest
from django.db import DatabaseError, connection, transaction
from django.urls import resolve, set_urlconf

from canary.conf import canary_conf
from canary.core.mapping import (
    Declared,
    Difference,
    Equivalent,
    Json,
    compare,
    counted,
    declared_query,
    equivalent,
    without_noise,
)
from canary.core.values import V1, V2
from canary.retiring.successors import below_base, declared_successors

PAIR_DEADLINE_S: Final = 2.0
PAGES_MAX: Final = 5
"""A page of v1 that stands behind more pages of v2 isn't compared: each costs a read."""
STEPS_BETWEEN_LOOKS: Final = 1_000
"""Of SQLite's machine, between two looks at the clock: some tens of microseconds."""
URL_MAX: Final = 300
QUERY_CANCELED: Final = "57014"  # SQLSTATEs of PostgreSQL
READ_ONLY_TRANSACTION: Final = "25006"


class ShadowDeadlineError(DatabaseError):
    """The time for a pair of reads is over."""


class ShadowWriteError(Exception):
    """A read tried to write."""


@dataclass(frozen=True)
class Read:
    """A request to v1, as far as it is repeated."""

    path: str
    """Decoded, as the client asked for it."""
    query: str
    meta: Mapping[str, Any]
    release: int
    request_id: str
    has_credentials: bool
    user_id: str | None = None
    """Of the user behind the credentials, when they tell it."""


@dataclass(frozen=True)
class Outcome:
    route: str
    """v1's verb and template."""
    result: str
    """equal, different, failed, timed_out, unmapped."""
    differences: tuple[Difference, ...] = ()
    v1_url: str = ""
    error: Exception | None = None


@dataclass(frozen=True)
class _Answer:
    status: int
    body: Any
    """None when it is no JSON."""
    error: Exception | None = None


def read_both(read: Read, deadline_s: float = PAIR_DEADLINE_S) -> Outcome:
    """Repeat `read` on both versions and compare. Raises only what the database's connection raises."""
    declared = declared_successors()
    found = _translated(declared, read) if declared else None
    if declared is None or found is None:
        return Outcome("", "unmapped")
    if not found.method or found.doubts or found.page > PAGES_MAX:
        return Outcome(found.template, "unmapped")
    with read_only_snapshot(deadline_s) as guard:
        try:
            outcome = _Pair(read, declared, counted(declared, found)).outcome()
        except Exception as error:
            outcome = Outcome(found.template, "failed", error=error)
    return replace(guard.judged(outcome), v1_url=_shown(read, found))


def _translated(declared: Declared, read: Read) -> Equivalent | None:
    return equivalent(
        declared,
        "GET",
        below_base(read.path),
        read.query,
        has_credentials=read.has_credentials,
        user_id=read.user_id,
    )


def _shown(read: Read, found: Equivalent) -> str:
    """The address for an example, without what a client may have put into it beside the parameters of v1."""
    path, query = quote(below_base(read.path), errors="replace"), declared_query(found.route, read.query)
    return (f"{path}?{query}" if query else path)[:URL_MAX]


class _Pair:
    def __init__(self, read: Read, declared: Declared, found: Equivalent) -> None:
        self._read, self._declared, self._found = read, declared, found
        self._route: Json = found.route

    def outcome(self) -> Outcome:
        template, wanted = self._found.template, self._route["statuses"]
        old = self._of_v1()
        if old.status != wanted[0]:  # gone meanwhile, or a token that has expired: there is nothing to hold v2 against
            return Outcome(template, "failed" if old.status >= 500 else "unmapped", error=old.error)
        if self._found.page > 1 and not _has_rows(self._route, old.body):
            return Outcome(template, "unmapped")
        new = self._of_v2()
        if new.status != wanted[1]:
            differences = [Difference("", "status", old.status, new.status)]
        elif differences := compare(self._declared, self._route, old.body, new.body):
            again = self._of_v1().body
            later = compare(self._declared, self._route, again, new.body)
            differences = without_noise(differences, old.body, again, later)
        return Outcome(template, "different" if differences else "equal", tuple(differences), error=new.error)

    def _of_v1(self) -> _Answer:
        return _answer(self._read, V1, below_base(self._read.path), self._read.query)

    def _of_v2(self) -> _Answer:
        path, _, query = self._found.target.partition("?")
        answer = _answer(self._read, V2, unquote_to_bytes(path).decode(errors="surrogateescape"), query)
        for _ in range(1, self._found.page):
            address = _next_page(answer.body)
            if answer.status != self._route["statuses"][1] or address is None:
                break
            path, _, query = address.partition("?")
            answer = _answer(self._read, V2, below_base(path), query)
        return answer


def _answer(read: Read, version: int, path: str, query: str) -> _Answer:
    """What a version's view answers to a GET; 500 for an error that it lets out. `path` is decoded and below the base."""
    conf = canary_conf()
    full_path = f"{conf.entrance}/v{version}{path}"
    request: Any = WSGIRequest(
        {
            **read.meta,
            "REQUEST_METHOD": "GET",
            "SCRIPT_NAME": "",
            "PATH_INFO": full_path.encode(errors="surrogateescape").decode("latin-1"),
            "QUERY_STRING": query,
            "wsgi.input": io.BytesIO(),
        }
    )
    request.request_id, request.urlconf = read.request_id, conf.arms[version]
    request.is_shadow = True  # it isn't the client's, so it isn't counted against limits
    set_urlconf(request.urlconf)
    try:
        request.resolver_match = match = resolve(request.path_info, request.urlconf)
        response = match.func(request, *match.args, **match.kwargs)
    except Exception as error:
        return _Answer(500, None, error)
    finally:
        set_urlconf(None)
    # It is never closed: what waits for the end of an answer, such as noting the use of a key, is no matter of a repetition.
    try:
        return _Answer(response.status_code, json.loads(response.content))
    except ValueError:
        return _Answer(response.status_code, None)


def _next_page(body: Any) -> str | None:
    page = body.get("page") if isinstance(body, dict) else None
    address = page.get("next") if isinstance(page, dict) else None
    return address if isinstance(address, str) else None


def _has_rows(route: Json, body: Any) -> bool:
    """A page behind the end of the list is nowhere in v2."""
    data = body.get("data") if isinstance(body, dict) else None
    return isinstance(data, dict) and bool(data.get("items"))


class Guard:
    """Around every statement of a snapshot: none begins after the deadline, and what the database refused is remembered."""

    def __init__(self, ends_at: float) -> None:
        self._ends_at = ends_at
        self._is_late = False
        self._written: Exception | None = None

    def __call__(self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: dict[str, Any]) -> Any:
        if self.is_over():
            self._is_late = True
            raise ShadowDeadlineError
        try:
            return execute(sql, params, many, context)
        except DatabaseError as error:
            self._remember(error, sql)
            raise

    def is_over(self) -> bool:
        return time.monotonic() > self._ends_at

    def judged(self, outcome: Outcome) -> Outcome:
        """Views turn errors into answers, which say nothing of the versions when the error was ours."""
        if self._written is not None:
            return Outcome(outcome.route, "failed", error=self._written)
        return Outcome(outcome.route, "timed_out") if self._is_late or self.is_over() else outcome

    def _remember(self, error: DatabaseError, sql: str) -> None:
        state, text = getattr(error.__cause__, "sqlstate", None), str(error)
        if state == QUERY_CANCELED or text == "interrupted":
            self._is_late = True
        elif state == READ_ONLY_TRANSACTION or "readonly database" in text:
            self._written = self._written or ShadowWriteError(f"A read tried to write: {sql[:200]}")


@contextmanager
def read_only_snapshot(deadline_s: float) -> Iterator[Guard]:
    """All that is read within is from one moment, and whatever tries to write fails; it ends with a rollback, always.

    On this thread's connection, which must be outside of a transaction.
    """
    guard = Guard(time.monotonic() + deadline_s)
    prepared = _on_sqlite if connection.vendor == "sqlite" else _on_postgresql
    with prepared(guard, deadline_s), connection.execute_wrapper(guard):
        try:
            yield guard
        finally:
            transaction.set_rollback(True)


@contextmanager
def _on_postgresql(guard: Guard, deadline_s: float) -> Iterator[None]:
    milliseconds = int(deadline_s * 1_000)
    with transaction.atomic(durable=True), connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        # A thread that hangs in Python must not hold the snapshot, and with it what VACUUM could free, for long.
        cursor.execute(
            f"SET LOCAL statement_timeout = {milliseconds}; SET LOCAL idle_in_transaction_session_timeout = {5 * milliseconds}"
        )
        yield


@contextmanager
def _on_sqlite(guard: Guard, deadline_s: float) -> Iterator[None]:
    connection.ensure_connection()
    wrapper: Any = connection
    raw, mode = wrapper.connection, wrapper.transaction_mode
    wrapper.transaction_mode = "DEFERRED"  # IMMEDIATE, as the settings have it, takes the lock of writers
    raw.execute("PRAGMA query_only = ON")
    raw.set_progress_handler(guard.is_over, STEPS_BETWEEN_LOOKS)
    try:
        with transaction.atomic(durable=True):
            yield
    finally:
        raw.set_progress_handler(None, 0)
        raw.execute("PRAGMA query_only = OFF")
        wrapper.transaction_mode = mode
