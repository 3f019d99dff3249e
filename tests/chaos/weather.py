"""Which faults are on, which statuses they excuse meanwhile, and how long each took to pass."""

import contextlib
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

GRACE_S: Final = 3.0
"""How long after its end a fault excuses an answer: nginx leaves a web process alone for two seconds."""


@dataclass
class Spell:
    """One fault from its beginning until all that it touched answers again. Times are monotonic seconds."""

    name: str
    statuses: frozenset[int]
    kinds: frozenset[str]
    began_at: float
    ended_at: float = float("inf")

    def covers(self, kind: str, began_at: float, ended_at: float) -> bool:
        is_meant = not self.kinds or kind in self.kinds
        return is_meant and began_at <= self.ended_at + GRACE_S and self.began_at <= ended_at


@dataclass
class Weather:
    spells: list[Spell] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @contextlib.contextmanager
    def spell(self, name: str, statuses: frozenset[int], kinds: frozenset[str] = frozenset()) -> Iterator[Spell]:
        """While the block runs, requests of `kinds` (of all when empty) may be answered with one of `statuses`."""
        spell = Spell(name, statuses, kinds, time.monotonic())
        with self._lock:
            self.spells.append(spell)
        try:
            yield spell
        finally:
            spell.ended_at = time.monotonic()

    def excuses(self, status: int, kind: str, began_at: float, ended_at: float) -> bool:
        return any(status in spell.statuses and spell.covers(kind, began_at, ended_at) for spell in [*self.spells])

    def names(self, began_at: float, ended_at: float) -> list[str]:
        """The faults that were on at some time between."""
        return [spell.name for spell in [*self.spells] if spell.began_at <= ended_at and began_at <= spell.ended_at]
