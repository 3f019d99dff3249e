"""Several server processes on one database, a load that never stops, and the command line beside them."""

import contextlib
import http.client
import itertools
import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, LiteralString

import psycopg

from tests.canary.live.threads import going_on
from tests.servers import HOST, Server, manage, serve
from tests.stalls import fair_time

DEAD_REDIS = "redis://127.0.0.1:1/0"
PATH = "/api"
CLIENTS = 199  # no multiple of the threads: each client is answered by every worker
PAUSE_S = 0.03
UNLIMITED = {"RATE_LIMIT_ANONYMOUS": "0"}


@dataclass(frozen=True)
class Answer:
    asked_at: float
    answered_at: float
    client: str
    status: int
    version: str


@dataclass
class Load:
    """Clients that ask in turn, each on a new connection: every worker answers some. `failures` got no answer."""

    ports: list[int]
    answers: list[Answer] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    _is_over: threading.Event = field(default_factory=threading.Event)

    @contextlib.contextmanager
    def running(self) -> Iterator["Load"]:
        threads = [threading.Thread(target=self._ask, args=(port, start)) for start, port in enumerate(self.ports * 2)]
        with going_on(threads, self._is_over):
            yield self

    def later_than(self, moment: float) -> list[Answer]:
        return [answer for answer in [*self.answers] if answer.asked_at > moment]

    def sent_back(self) -> list[Answer]:
        """The answers of v1 to a client that had been answered by v2 before it asked."""
        first: dict[str, float] = {}
        for answer in self.answers:
            if answer.version == "2":
                first[answer.client] = min(answer.answered_at, first.get(answer.client, answer.answered_at))
        return [a for a in self.answers if a.version == "1" and a.asked_at > first.get(a.client, a.asked_at)]

    def _ask(self, port: int, start: int) -> None:
        for number in itertools.count(start, 4):
            if self._is_over.is_set():
                break
            client, asked_at = f"c{number % CLIENTS}", fair_time()
            try:
                with contextlib.closing(http.client.HTTPConnection(HOST, port, timeout=60)) as connection:
                    status, version = ask(connection, client)
                self.answers.append(Answer(asked_at, fair_time(), client, status, version))
            except (OSError, http.client.HTTPException) as error:
                self.failures.append(repr(error))
            time.sleep(PAUSE_S)


@dataclass
class Cluster:
    env: dict[str, str]
    workers_each: int = 2

    @contextlib.contextmanager
    def serving(self, *, processes: int = 2, threads: int = 4, **more: str) -> Iterator[list[Server]]:
        with contextlib.ExitStack() as stack:
            running = [serve(self.env | more, workers=self.workers_each, threads=threads) for _ in range(processes)]
            yield [stack.enter_context(server) for server in running]

    def dying(self, folder: Path, **more: str) -> dict[str, str]:
        """The environment of servers whose v2 hangs, or ends its process, as `dying_urls` says; bounded as usual."""
        settings = {"DJANGO_SETTINGS_MODULE": "tests.canary.live.dying_settings", "HANGS_WHILE": str(folder / "hangs")}
        return {**self.env, **settings, "CANARY_BULKHEAD": "0", "TMPDIR": str(folder), **more}

    def canary(self, *words: str, code: int = 0) -> dict[str, Any]:
        """What `manage.py canary … --json` prints, once it has ended as it should."""
        reason = () if words[0] in ("status", "explain", "history") else ("--reason", "a test")
        done = manage("canary", *words, *reason, "--json", env=self.env)
        assert done.returncode == code, (words, done.stdout, done.stderr)
        printed: dict[str, Any] = json.loads(done.stdout)
        return printed

    def is_rolled_back(self) -> bool:
        """Whether nobody has acknowledged it; asked of PostgreSQL itself."""
        return self.rows("SELECT latched FROM canary_rollout") == [(True,)]

    def reason(self) -> str:
        """Why the rollout is as it is."""
        [(reason,)] = self.rows("SELECT reason FROM canary_rolloutevent ORDER BY version DESC LIMIT 1")
        return str(reason)

    def rows(self, statement: LiteralString, *values: object) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.env["DATABASE_URL"]) as database:
            return database.execute(statement, values).fetchall()

    def versions_of_workers(self) -> list[int]:
        return [worker["version"] for worker in self.canary("status")["workers"]]

    def are_at(self, version: int, workers: int = 4) -> bool:
        """Whether so many workers say that they serve this version; asked of PostgreSQL itself, which takes no time."""
        return self.rows("SELECT version FROM canary_worker") == [(version,)] * workers


def ask(
    connection: http.client.HTTPConnection, client: str, headers: Mapping[str, str] | None = None
) -> tuple[int, str]:
    connection.request("GET", PATH, headers={"X-Client-Id": client, **(headers or {})})
    response = connection.getresponse()
    response.read()
    return response.status, response.headers.get("API-Version", "")


def ask_once(server: Server, client: str = "c0", path: str = PATH) -> tuple[int, str]:
    with contextlib.closing(http.client.HTTPConnection(HOST, server.port, timeout=60)) as connection:
        connection.request("GET", path, headers={"X-Client-Id": client})
        response = connection.getresponse()
        response.read()
        return response.status, response.headers.get("API-Version", "")


def in_flight(server: Server) -> int:
    """How many requests of v2 its processes are answering, as they told within the last second."""
    with contextlib.closing(http.client.HTTPConnection(HOST, server.port, timeout=60)) as connection:
        connection.request("GET", "/metrics")
        lines = connection.getresponse().read().decode().splitlines()
    return next((int(float(line.split()[-1])) for line in lines if line.startswith('canary_in_flight{version="2"}')), 0)


def eventually(condition: Callable[[], bool], within_s: float = 120) -> bool:
    deadline = fair_time() + within_s
    while not condition():
        if fair_time() > deadline:
            return False
        time.sleep(0.05)
    return True
