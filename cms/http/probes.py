"""`/livez` and `/readyz`: the questions of a supervisor, answered before anything else looks at the request.

Neither looks at the Host header: probes come by the address of a pod. No answer repeats anything of the request.
"""

import json
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import redis
from django.conf import settings
from django.db import Error, ProgrammingError, connection
from django.db.migrations.loader import MigrationLoader
from django.http import HttpRequest, HttpResponse
from redis.backoff import NoBackoff
from redis.retry import Retry

from cms.db import is_busy

GetResponse = Callable[[HttpRequest], HttpResponse]

METHODS: Final = ("GET", "HEAD")
KNOWN_FOR_S: Final = 1.0
"""For how long a finding is repeated, however often it is asked for."""
PATIENCE_S: Final = 1.0
REDIS_TIMEOUT_S: Final = 0.25


class ProbeMiddleware:
    """First of all: without cookies, sessions, a decision of the canary, or a look at what the other probe asks."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path_info == "/livez":
            return _answer(request, 200, lambda: {"status": "alive"})
        if request.path_info == "/readyz":
            return _answer_readiness(request)
        return self.get_response(request)


@dataclass(frozen=True)
class Findings:
    """The state of each store. Redis is only reported: without it the site works, slower, with limits per process."""

    database: str
    migrations: str
    redis: str

    @property
    def is_ready(self) -> bool:
        return self.database != "down" and self.migrations == "applied"

    def as_json(self) -> dict[str, Any]:
        return {"status": "ready" if self.is_ready else "unavailable", "checks": vars(self)}


SILENT: Final = Findings("down", "unknown", "unknown")


class Readiness:
    """One look at a time, in a thread of its own, so that a database without an answer keeps nobody for long."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._findings, self._known_until = SILENT, 0.0
        self._redis = "unknown"
        self._asking_redis: threading.Thread | None = None
        self._looking: threading.Thread | None = None

    def findings(self) -> Findings:
        with self._lock:
            if time.monotonic() < self._known_until:
                return self._findings
            if self._looking is None or not self._looking.is_alive():
                self._looking = threading.Thread(target=self._look, name="readiness", daemon=True)
                self._looking.start()
            looking = self._looking
        looking.join(PATIENCE_S)
        return SILENT if looking.is_alive() else self._findings

    def _look(self) -> None:
        try:
            database, migrations = _look_at_database(self._findings.migrations)
        finally:
            connection.close()
        self._findings = Findings(database, migrations, self._redis_in_time())
        self._known_until = time.monotonic() + KNOWN_FOR_S

    def _redis_in_time(self) -> str:
        """Return what Redis says within two of its timeouts: none of them bounds the look-up of its name."""
        if self._asking_redis is None or not self._asking_redis.is_alive():
            self._asking_redis = threading.Thread(target=self._ask_redis, name="readiness-redis", daemon=True)
            self._asking_redis.start()
        self._asking_redis.join(2 * REDIS_TIMEOUT_S)
        return "down" if self._asking_redis.is_alive() else self._redis

    def _ask_redis(self) -> None:
        self._redis = _look_at_redis()


READINESS: Final = Readiness()


def _look_at_database(migrations_before: str) -> tuple[str, str]:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT app, name FROM django_migrations")
            applied = set(cursor.fetchall())
    except ProgrammingError:
        return "up", "pending"  # not even their table
    except Error as error:
        # All of its connections are in use: work is being done, and removing the server from its clients helps nobody.
        return ("busy", migrations_before) if is_busy(error.__cause__) else ("down", "unknown")
    return "up", "applied" if _known_migrations() <= applied else "pending"


@cache
def _known_migrations() -> frozenset[tuple[str, str]]:
    loader = MigrationLoader(None, load=False)
    loader.load_disk()
    return frozenset(loader.disk_migrations)


def _look_at_redis() -> str:
    if not settings.REDIS_URL:
        return "not configured"
    patience = {"socket_timeout": REDIS_TIMEOUT_S, "socket_connect_timeout": REDIS_TIMEOUT_S}
    try:
        with redis.Redis.from_url(settings.REDIS_URL, retry=Retry(NoBackoff(), 0), **patience) as client:
            client.ping()
    except redis.RedisError:
        return "down"
    return "up"


def _answer_readiness(request: HttpRequest) -> HttpResponse:
    if request.method not in METHODS:
        return _answer(request, 200, dict)
    if settings.DRAIN_FILE and Path(settings.DRAIN_FILE).exists():
        return _answer(request, 503, lambda: {"status": "draining"})
    findings = READINESS.findings()
    return _answer(request, 200 if findings.is_ready else 503, findings.as_json)


def _answer(request: HttpRequest, status: int, body: Callable[[], Mapping[str, Any]]) -> HttpResponse:
    if request.method not in METHODS:
        return HttpResponse(status=405, headers={"Allow": ", ".join(METHODS), "Cache-Control": "no-store"})
    headers = {"Cache-Control": "no-store"}
    if status == 503:
        headers["Retry-After"] = "1"
    content = json.dumps(body()).encode()
    response = HttpResponse(content, status=status, content_type="application/json", headers=headers)
    if request.method == "HEAD":
        response.headers["Content-Length"] = str(len(content))
        response.content = b""
    return response
