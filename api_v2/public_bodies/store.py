"""The bodies that are kept: of one generation of the public content, within so many bytes, the longest unused go first."""

import threading
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from sys import getsizeof
from typing import Final

type Key = tuple[str | None, ...]

AGE_MAX_S: Final = 10.0
"""What ends a body that nothing else ends: a process that died between its commit and telling of it tells of it never."""
OUTAGE_AGE_MAX_S: Final = 3_600.0
"""While no younger one can be made, a body lives on: nobody can change what it shows, either."""
ENTRY_BYTES_MAX: Final = 1024 * 1024
PLACE_BYTES: Final = 500
"""One entry besides its texts, key and headers: objects, numbers, and its place in the dictionary (measured)."""


@dataclass(frozen=True, slots=True)
class Body:
    """A 200 without what belongs to one answer alone."""

    content: bytes
    headers: Mapping[str, str]
    ends_at: float
    """Seconds since 1970: the next instant that changes it without anybody's doing; infinite when there is none."""


def bytes_of(key: Key, body: Body) -> int:
    """Return what one entry takes in memory. The names of headers are the same objects for all entries."""
    parts = (body.content, body.headers, *body.headers.values(), key, *key)
    return sum(map(getsizeof, parts)) + PLACE_BYTES


class PublicBodies:
    """One generation at a time: the first question of a newer one drops all there is."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._generation = 0
        self._entries: OrderedDict[Key, tuple[Body, float, int]] = OrderedDict()
        self._bytes = 0

    def __contains__(self, key: Key) -> bool:
        """Whether there is one, which may be too old or superseded."""
        return key in self._entries

    def find(self, key: Key, generation: int, now_s: float, *, age_max_s: float = AGE_MAX_S) -> Body | None:
        """`now_s` is seconds since 1970. One that is too old stays, until a younger one is kept in its place."""
        with self._lock:
            if generation != self._generation:
                self._move_to(generation)
            entry = self._entries.get(key) if generation == self._generation else None
            if entry is None:
                return None
            body, kept_at, _ = entry
            if now_s >= body.ends_at:
                self._drop(key)
                return None
            if time.monotonic() >= kept_at + age_max_s:
                return None
            self._entries.move_to_end(key)
            return body

    def keep(self, key: Key, generation: int, body: Body, bytes_max: int) -> None:
        """`generation` is the one from before the body's queries: kept is what was read in a generation that still lasts."""
        size = bytes_of(key, body)
        if size > min(ENTRY_BYTES_MAX, bytes_max):
            return
        with self._lock:
            if generation != self._generation:
                return
            self._drop(key)
            self._entries[key] = (body, time.monotonic(), size)
            self._bytes += size
            while self._bytes > bytes_max:
                self._drop(next(iter(self._entries)))

    def forget(self, key: Key) -> None:
        """What is answered now can't be kept, and so what was kept isn't the answer any more."""
        with self._lock:
            self._drop(key)

    @property
    def bytes(self) -> int:
        return self._bytes

    def _move_to(self, generation: int) -> None:
        """A thread that asked for the generation long ago and was held up since doesn't lead back."""
        if generation > self._generation:
            self._entries.clear()
            self._generation, self._bytes = generation, 0

    def _drop(self, key: Key) -> None:
        if entry := self._entries.pop(key, None):
            self._bytes -= entry[2]
