"""Kept bodies: of one generation of the public content, within a number of bytes, without the longest unused ones."""

import threading
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from sys import getsizeof
from typing import Final

type Key = tuple[str | None, ...]

AGE_MAX_S: Final = 10.0
"""For so long a body lives in any case, and beyond it while nobody changes public content without a report."""
OUTAGE_AGE_MAX_S: Final = 3_600.0
"""While no new body can be made, an old one lives on: nobody can change the content that it shows, either."""
ENTRY_BYTES_MAX: Final = 1024 * 1024
PLACE_BYTES: Final = 500
"""One entry besides its texts, key and headers: objects, numbers, and its place in the dictionary (measured)."""


@dataclass(frozen=True, slots=True)
class Body:
    """A 200 without the parts that belong to one response alone."""

    content: bytes
    headers: Mapping[str, str]
    ends_at: float
    """Seconds since 1970: the next instant that changes it by itself; infinite when there is none."""
    read_at: float
    """A time before its queries, as `time.monotonic()` counts."""
    route: str = ""
    """The template of the URLconf that led to its view, one object for all bodies of a view."""


def bytes_of(key: Key, body: Body) -> int:
    """Return what one entry takes in memory. The names of headers are the same objects for all entries."""
    parts = (body.content, body.headers, *body.headers.values(), key, *key)
    return sum(map(getsizeof, parts)) + PLACE_BYTES


class PublicBodies:
    """One generation at a time: the first question of a newer one drops all there is."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._generation = 0
        self._entries: OrderedDict[Key, tuple[Body, int]] = OrderedDict()
        self._bytes = 0

    def __contains__(self, key: Key) -> bool:
        """Return whether there is one, which may be too old or superseded."""
        return key in self._entries

    def find(
        self,
        key: Key,
        generation: int,
        now_s: float,
        *,
        age_max_s: float = AGE_MAX_S,
        still_since: float = float("inf"),
    ) -> Body | None:
        """Return a body. `now_s` is seconds since 1970. An old one stays until a younger one takes its place.

        One older than `age_max_s` is returned if it was read after `still_since`, in seconds of `time.monotonic()`.
        """
        with self._lock:
            if generation != self._generation:
                self._move_to(generation)
            entry = self._entries.get(key) if generation == self._generation else None
            if entry is None:
                return None
            body, _ = entry
            if now_s >= body.ends_at:
                self._drop(key)
                return None
            if time.monotonic() >= body.read_at + age_max_s and body.read_at < still_since:
                return None
            self._entries.move_to_end(key)
            return body

    def keep(self, key: Key, generation: int, body: Body, bytes_max: int) -> None:
        """Keep a body if `generation`, from before its queries, is still the present one."""
        size = bytes_of(key, body)
        if size > min(ENTRY_BYTES_MAX, bytes_max):
            return
        with self._lock:
            if generation != self._generation:
                return
            self._drop(key)
            self._entries[key] = (body, size)
            self._bytes += size
            while self._bytes > bytes_max:
                self._drop(next(iter(self._entries)))

    def forget(self, key: Key) -> None:
        """Drop a body: the present response can't be kept, so the kept one isn't valid any more."""
        with self._lock:
            self._drop(key)

    @property
    def bytes(self) -> int:
        return self._bytes

    def _move_to(self, generation: int) -> None:
        """Move on to a newer generation; a thread that read an older one and was held up does not lead back."""
        if generation > self._generation:
            self._entries.clear()
            self._generation, self._bytes = generation, 0

    def _drop(self, key: Key) -> None:
        if entry := self._entries.pop(key, None):
            self._bytes -= entry[1]
