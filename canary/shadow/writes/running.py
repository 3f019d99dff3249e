"""Run a version's handler for a write on the private copy: its answer, and the rows that it left."""

from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from threading import Lock
from typing import Any, NamedTuple

from django.apps import apps
from django.contrib.auth import get_user_model
from django.contrib.auth.models import AnonymousUser
from django.contrib.sessions.backends.base import SessionBase
from django.core.cache import caches
from django.core.cache.backends.base import BaseCache
from django.core.cache.backends.locmem import LocMemCache
from django.db import connection, transaction
from django.utils.functional import SimpleLazyObject

from canary.shadow.asking import Answer, Read, answer_of, request_of
from canary.shadow.side_effects import refused
from canary.shadow.snapshots import forgotten
from canary.shadow.writes.copying import PrivateCopy
from canary.shadow.writes.effects import State
from canary.shadow.writes.guarding import WriteGuard, other_databases_refused


@dataclass(frozen=True)
class Write:
    """A call of v1 that changes something, as far as it is repeated."""

    read: Read
    """Its address, headers and credentials."""
    method: str
    body: bytes
    content_type: str


class Sent(NamedTuple):
    """A request to one of the versions. `path` is decoded and below its base."""

    version: int
    method: str
    path: str
    query: str
    body: bytes


class Run(NamedTuple):
    answer: Answer
    left: State


def run(write: Write, sent: Sent, copy: PrivateCopy, guard: WriteGuard) -> Run:
    """Run a version's handler, and take back what it did. The engine is sealed and its sequences are restarted."""
    request = _request_of(write, sent)
    with forgotten(guard):
        guard.depth = len(connection.savepoint_ids)
        with (
            connection.execute_wrapper(guard),
            other_databases_refused(guard.tried),
            refused(guard.tried, is_write=True),
            _own_caches(),
        ):
            answer = answer_of(request, guard)
        transaction.set_rollback(False)  # to look at what is there
        return Run(answer, copy.state())


def _request_of(write: Write, sent: Sent) -> Any:
    more = {
        "REQUEST_METHOD": sent.method,
        "CONTENT_TYPE": write.content_type,
        "CONTENT_LENGTH": str(len(sent.body)),
        "wsgi.input": BytesIO(sent.body),
    }
    request = request_of(write.read, sent.version, sent.path, sent.query, more)
    # The middlewares do not run. The request has passed them, and those of CSRF, or it is played by an operator.
    request._dont_enforce_csrf_checks = True
    request.session = SessionBase()
    if apps.is_installed("django.contrib.auth"):
        request.user = SimpleLazyObject(lambda: _user(write.read.user_id))
    return request


def _user(user_id: str | None) -> Any:
    return AnonymousUser() if user_id is None else get_user_model()._default_manager.get(pk=user_id)


class _OwnCache(LocMemCache):
    """An empty cache that one run has for itself."""

    def __init__(self) -> None:
        BaseCache.__init__(self, {})
        self._cache: OrderedDict[str, bytes] = OrderedDict()
        self._expire_info: dict[str, float | None] = {}
        self._lock = Lock()


@contextmanager
def _own_caches() -> Iterator[None]:
    """Give the run empty caches in place of the real ones, which this thread can't write to."""
    of_thread: Any = caches
    before = {alias: caches[alias] for alias in caches}
    for alias in before:
        of_thread[alias] = _OwnCache()
    try:
        yield
    finally:
        for alias, cache in before.items():
            of_thread[alias] = cache
