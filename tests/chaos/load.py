"""Clients that write and read all the time: what each of them does, and what it remembers of it in the ledger."""

import itertools
import random
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

from tests.chaos.asking import Answer, Asker, Judge, Unanswered
from tests.chaos.ledger import Ledger
from tests.chaos.people import People

PERSIST_S: Final = 90.0
"""For how long a client sends the same again, also after the load has ended."""
REPEAT_EVERY_S: Final = (0.2, 0.6)
NO_KEY: Final[Mapping[str, str]] = {}
_keys = itertools.count()


@dataclass
class Client:
    """A thread with one connection, and random choices of its own."""

    name: str
    port: int
    judge: Judge
    people: People
    rng: random.Random
    pause_s: float = 0.05
    asker: Asker = field(init=False)
    stop: threading.Event = field(default_factory=threading.Event)
    give_up_at: float = float("inf")
    """When nothing more is sent again, however much patience is left."""

    def __post_init__(self) -> None:
        self.asker = Asker(self.port)

    @property
    def ledger(self) -> Ledger:
        return self.judge.ledger

    def turn(self) -> None:
        raise AssertionError("each kind of client has its own")

    def run(self) -> None:
        while not self.stop.wait(self.rng.uniform(0.5, 1.5) * self.pause_s):
            self.turn()
        self.asker.close()

    def ask(
        self,
        kind: str,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: Mapping[str, str] = NO_KEY,
        *,
        expected: Collection[int] = (200,),
    ) -> Answer | None:
        """The answer when it is an expected one. None is an outage, or something wrong that is written down."""
        began_at = time.monotonic()
        try:
            answer = self.asker.ask(method, path, body, headers)
        except Unanswered as error:
            self.judge.miss(kind, f"{method} {path}", error, began_at)
            return None
        return answer if self.judge.accept(kind, f"{method} {path}", answer, expected) else None

    def persist(self, once: Callable[[], Answer | None]) -> Answer | None:
        """Ask again and again until there is an expected answer; None when the patience is over."""
        give_up_at = time.monotonic() + PERSIST_S
        while time.monotonic() < min(give_up_at, self.give_up_at):
            if (answer := once()) is not None:
                return answer
            time.sleep(self.rng.uniform(*REPEAT_EVERY_S))
        return None

    def repeat(self, kind: str, path: str, body: bytes, headers: Mapping[str, str], status: int) -> Answer | None:
        """Send a POST under the key in `headers` until it is answered by `status`: a key refuses only what it has in hand."""

        def once() -> Answer | None:
            answer = self.ask(kind, "POST", path, body, headers, expected={status, 409})
            if answer is None or answer.status == status:
                return answer
            if answer.problem != "idempotency-key-in-flight":
                self.ledger.accuse(f"POST {path} was refused: {answer.body[:200]!r}")
            return None

        return self.persist(once)

    def new_key(self) -> dict[str, str]:
        return {"Idempotency-Key": f"{self.name} {next(_keys)}"}


@contextmanager
def at_work(clients: list[Client]) -> Iterator[None]:
    """All of them ask while the block runs; when this ends each has got its last answer, or has given up."""
    threads = [threading.Thread(target=client.run, name=client.name) for client in clients]
    for thread in threads:
        thread.start()
    try:
        yield
    except BaseException:
        for client in clients:
            client.give_up_at = 0
        raise
    finally:
        for client in clients:
            client.stop.set()
        for thread in threads:
            thread.join()
