"""Everybody who uses the site at once: sticky users on kept connections, a few of them far more active than the rest."""

import asyncio
import contextlib
import random
import re
import threading
import time
from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from tests.measuring.client import request
from tests.servers import HOST

CONNECTIONS: Final = 24
PAUSE_S: Final = 0.8
"""At most, between two visits over one connection: some 150 requests a second."""
REGULAR: Final = 0.75
"""Of the visits are paid by whoever hasn't been there for longest, the others by users drawn by their activity."""
HEAVY_TAIL: Final = 1.2
"""The exponent of the activity's Pareto distribution: the most active tenth pays most of these visits."""
WRITING: Final = 0.3
"""Of an author's visits."""
ANSWER_TIMEOUT_S: Final = 30
_LENGTH: Final = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_VERSION: Final = re.compile(rb"\r\napi-version: *(\d)", re.IGNORECASE)


class Answer(NamedTuple):
    asked_at: float
    """Unix seconds, as the rollout's own log has them."""
    answered_at: float
    user: int
    call: str
    status: int
    """0 for no answer."""
    version: int


@dataclass(frozen=True)
class People:
    ids: Sequence[str]
    tokens: Sequence[str]
    posts: Sequence[str]
    author_every: int


@dataclass
class Load:
    port: int
    people: People
    connections: int = CONNECTIONS
    users: Sequence[int] = ()
    """By number; everybody unless said otherwise."""
    resting: Container[int] = ()
    """Users who don't ask for now."""
    answers: list[Answer] = field(default_factory=list)
    unanswered: list[Answer] = field(default_factory=list)
    _is_over: threading.Event = field(default_factory=threading.Event)

    @contextlib.contextmanager
    def running(self) -> Iterator["Load"]:
        thread = threading.Thread(target=lambda: asyncio.run(self._run()))
        thread.start()
        try:
            yield self
        finally:
            self._is_over.set()
            thread.join()

    async def _run(self) -> None:
        await asyncio.gather(*(self._visit(number) for number in range(self.connections)))

    async def _visit(self, number: int) -> None:
        """One connection's users: whoever uses it stays with it, as a browser does, and so with one worker."""
        rng, users = random.Random(number), self.users or range(len(self.people.tokens))
        async with Connection(self.port) as connection:
            for user in _visitors(rng, users[number :: self.connections]):
                if self._is_over.is_set():
                    break
                for call, prepared in self._calls(user, rng) if user not in self.resting else ():
                    await self._ask(connection, user, call, prepared)
                await asyncio.sleep(rng.uniform(0, PAUSE_S))

    def _calls(self, user: int, rng: random.Random) -> list[tuple[str, bytes]]:
        """A visit: three times the same kind of thing, and sometimes another one."""
        posts = self.people.posts
        reads = {
            "detail": [f"/api/posts/{rng.choice(posts)}" for _ in range(3)],
            "list": [f"/api/posts?limit={limit}" for limit in rng.choices((5, 10, 20), k=3)],
            "tags": ["/api/tags", "/api/tags?limit=10", "/api/tags"],
        }
        [call] = rng.choices([*reads], (6, 3, 1))
        calls = [(call, request("GET", path, headers=self._headers(user))) for path in reads[call]]
        if user % self.people.author_every == 0 and rng.random() < WRITING:
            body = {"title": f"A draft of {user}", "content": "Written *meanwhile*."}
            calls.append(("write", request("POST", "/api/posts", body, self._headers(user))))
        return calls

    def _headers(self, user: int) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.people.tokens[user]}"}

    async def _ask(self, connection: "Connection", user: int, call: str, prepared: bytes) -> None:
        asked_at = time.time()
        try:
            status, version = await asyncio.wait_for(connection.ask(prepared), ANSWER_TIMEOUT_S)
        except (OSError, asyncio.IncompleteReadError, TimeoutError) as error:
            self.unanswered.append(Answer(asked_at, time.time(), user, f"{call}: {error!r}", 0, 0))
            await connection.close()
            return
        self.answers.append(Answer(asked_at, time.time(), user, call, status, version))


def _visitors(rng: random.Random, users: Sequence[int]) -> Iterator[int]:
    """For ever one user after the other."""
    order, activity = rng.sample(users, len(users)), [rng.paretovariate(HEAVY_TAIL) for _ in users]
    turn = 0
    while True:
        is_regular = rng.random() < REGULAR
        yield order[turn % len(order)] if is_regular else rng.choices(users, activity)[0]
        turn += is_regular


class Connection:
    def __init__(self, port: int) -> None:
        self._port = port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def __aenter__(self) -> "Connection":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        if self._streams is not None:
            self._streams[1].close()
            with contextlib.suppress(OSError):
                await self._streams[1].wait_closed()
            self._streams = None

    async def ask(self, prepared: bytes) -> tuple[int, int]:
        if self._streams is None:
            self._streams = await asyncio.open_connection(HOST, self._port)
        reader, writer = self._streams
        writer.write(prepared)
        head = await reader.readuntil(b"\r\n\r\n")
        length, version = _LENGTH.search(head), _VERSION.search(head)
        await reader.readexactly(int(length[1]) if length else 0)
        return int(head[9:12]), int(version[1]) if version else 0
