"""Starts again what has ended, as an engine of containers does (`restart: unless-stopped` in the compose file)."""

import contextlib
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Final

from scripts.staging_local import stores
from scripts.staging_local.errors import StagingError
from scripts.staging_local.stack import WEBS, Stack
from tests.engines import EngineError
from tests.servers import spawn

LOOK_EVERY_S: Final = 0.1
AGAIN_AFTER_S: Final = 0.5


class Starter:
    """Spawns in a thread that lives until the end: on Linux what is spawned ends with the thread that did it."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="starter")

    def __call__(self, command: list[str], **more: Any) -> Any:
        return self._pool.submit(spawn, command, **more).result()

    def close(self) -> None:
        self._pool.shutdown()


@dataclass
class Supervisor:
    stack: Stack
    restarts: Counter[str] = field(default_factory=Counter)
    _held: set[str] = field(default_factory=set)
    _not_before: dict[str, float] = field(default_factory=dict)
    _stop: threading.Event = field(default_factory=threading.Event)
    _lock: threading.RLock = field(default_factory=threading.RLock)

    @contextlib.contextmanager
    def supervising(self) -> Iterator[None]:
        thread = threading.Thread(target=self._run, name="supervisor")
        thread.start()
        try:
            yield
        finally:
            self._stop.set()
            thread.join()

    @contextlib.contextmanager
    def held(self, name: str) -> Iterator[None]:
        """While the block runs this process is not started again; when it begins no start of it is under way."""
        with self._lock:
            self._held.add(name)
        try:
            yield
        finally:
            with self._lock:
                self._held.discard(name)

    def _run(self) -> None:
        starts: dict[str, Callable[[], None]] = {name: self._start_of(name) for name in (*WEBS, *self.stack.background)}
        starts |= {"postgres": self.stack.start_postgres, "redis": self._start_redis}
        while not self._stop.wait(LOOK_EVERY_S):
            for name, start in starts.items():
                with self._lock:
                    self._look_after(name, start)

    def _look_after(self, name: str, start: Callable[[], None]) -> None:
        now = time.monotonic()
        if name in self._held or now < self._not_before.get(name, 0) or self.stack.processes.pid(name) is not None:
            return
        self._not_before[name] = now + AGAIN_AFTER_S
        self.restarts[name] += 1
        with contextlib.suppress(StagingError, EngineError, OSError):  # tried again with the next look
            start()

    def _start_of(self, name: str) -> Callable[[], None]:
        return lambda: self.stack.start(name)

    def _start_redis(self) -> None:
        stores.start_redis(self.stack.processes, self.stack.place, self.stack.ports["redis"])
