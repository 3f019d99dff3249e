"""The chain of events: each hash covers its event and the hash before it, so that every change is seen.

Anybody who may write to the database can hash the whole chain again. So each event also has a seal: an HMAC of its
hash, by a key that is not in the database. Events of older releases have none.
"""

import hmac
import json
from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from typing import Any, Final, NamedTuple

GENESIS: Final = "0" * 64
COLUMNS: Final = ("version", "at", "actor", "verb", "reason", "before", "after", "evidence", "previous_hash")
# Above it a database may return an integer for a float of the same value (PostgreSQL's jsonb has one kind of number).
EXACT_INTEGER: Final = 2**53


class Head(NamedTuple):
    """The last event of a chain, or of a part of it that somebody has looked at."""

    version: int
    hash: str

    def __str__(self) -> str:
        return f"{self.version}:{self.hash}"


NO_EVENTS: Final = Head(0, GENESIS)


def canonical(event: Mapping[str, Any]) -> bytes:
    """Return the COLUMNS of an event as JSON in one spelling; `at` is text. Raises ValueError for NaN and infinity."""
    columns = {name: _in_one_spelling(event[name]) for name in COLUMNS}
    return json.dumps(columns, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()


def event_hash(event: Mapping[str, Any]) -> str:
    """Return the SHA-256, in hex, of the event and, by its `previous_hash`, of all events before it."""
    return sha256(canonical(event)).hexdigest()


def seal(hash: str, key: bytes) -> str:
    """Return the HMAC-SHA256 (RFC 2104), in hex, of an event's hash, which covers all events before it."""
    return hmac.new(key, hash.encode(), sha256).hexdigest()


class Seals:
    """Find the events that the key does not vouch for. Takes the events in their order.

    Older releases sealed nothing, so the first events may have no seal. After the first seal a missing one is as
    doubtful as a wrong one: somebody without the key may have written the event. Nothing up to `vouched` is in doubt,
    because somebody has kept that head.
    """

    def __init__(self, keys: Sequence[bytes], vouched: Head = NO_EVENTS) -> None:
        self._keys, self._vouched = keys, vouched
        self.count = 0
        self.doubtful: list[int] = []
        self.is_vouched_found = vouched == NO_EVENTS
        """Whether the chain goes through the head that somebody has kept."""

    def take(self, head: Head, given: str) -> None:
        is_sealed = any(hmac.compare_digest(given.encode(), seal(head.hash, key).encode()) for key in self._keys)
        if not is_sealed and (given or self.count) and head.version > self._vouched.version:
            self.doubtful.append(head.version)
        self.count += is_sealed
        self.is_vouched_found = self.is_vouched_found or head == self._vouched


def verify(events: Iterable[Mapping[str, Any]]) -> int | None:
    """Return the version of the first event that was changed or is missing; None when all are whole.

    `events` are in the order of their versions, which begin with 1, and have the COLUMNS and `hash`.
    """
    previous, expected = GENESIS, 1
    for event in events:
        if event["version"] != expected:
            return expected
        if event["previous_hash"] != previous or event["hash"] != _hash_or_none(event):
            return expected
        previous, expected = event["hash"], expected + 1
    return None


def _hash_or_none(event: Mapping[str, Any]) -> str | None:
    try:
        return event_hash(event)
    except (TypeError, ValueError):  # a hand put something there that can't be written down
        return None


def _in_one_spelling(value: Any) -> Any:
    """Spell numbers of equal value alike, such as 1, 1.0 and -0.0: databases differ in what they return."""
    if isinstance(value, Mapping):
        return {str(key): _in_one_spelling(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_in_one_spelling(item) for item in value]
    if isinstance(value, bool) or not isinstance(value, int | float):
        return value
    if abs(value) <= EXACT_INTEGER and value == int(value):
        return int(value)
    try:
        return float(value)
    except OverflowError:
        return value
