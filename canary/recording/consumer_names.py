"""Which consumers of v1 have rows of their own: names that anybody can make up are bounded, and so are their routes.

All calls count. Those beyond the bound stand in rows whose identifier is empty, which nobody can send.
"""

import datetime
from typing import Final

from canary.conf import canary_conf
from canary.models import ConsumerUsage
from canary.recording.batches import Batch, Usage, UsageKey

MADE_UP: Final = frozenset({"client", "key"})
"""Kinds whose names come from the request. A key's is known to be real once a view has loaded its account."""
ROUTES_EACH: Final = 5
"""So many rows the names of a day and kind have for each name that is allowed; one name may use up those of others."""
DAYS_MAX: Final = 2
"""A batch that waited for the database may be of yesterday."""

type _Space = tuple[datetime.date, str]
"""A day and a kind."""
type _Row = tuple[str, str]
"""A name and a route."""


class ConsumerNames:
    """The rows that one process knows. Two processes that write at the same moment may exceed the bound once."""

    def __init__(self) -> None:
        self._known: dict[_Space, set[_Row]] = {}
        self._names: dict[_Space, set[str]] = {}
        self._full: set[_Space] = set()

    def fold(self, batch: Batch) -> None:
        """Take the names beyond the bound from the usages of `batch`. May read the database."""
        self._learn(batch)
        folded: dict[UsageKey, Usage] = {}
        for key, usage in batch.usages.items():
            kept = key if self._admits(key, usage) else key._replace(identifier="")
            if kept in folded:
                folded[kept].merge(usage)
            else:
                folded[kept] = usage
        batch.usages = folded

    def _learn(self, batch: Batch) -> None:
        """Read what other processes have written, as long as there is room for new names."""
        asked: dict[_Space, set[_Row]] = {}
        for key, usage in batch.usages.items():
            if _is_made_up(key, usage):
                asked.setdefault((key.day, key.kind), set()).add((key.identifier, key.route))
        for space, rows in asked.items():
            known = self._known.setdefault(space, set())
            if space not in self._full and not rows <= known:
                known |= _stored(space)
                self._names[space] = {name for name, _ in known}
                if len(known) >= _rows_max():
                    self._full.add(space)
        for old in sorted({day for day, _ in self._known})[:-DAYS_MAX]:
            self._known = {space: rows for space, rows in self._known.items() if space[0] != old}
            self._names = {space: names for space, names in self._names.items() if space[0] != old}
            self._full = {space for space in self._full if space[0] != old}

    def _admits(self, key: UsageKey, usage: Usage) -> bool:
        if not _is_made_up(key, usage):
            return True
        space, row = (key.day, key.kind), (key.identifier, key.route)
        known, names = self._known[space], self._names.setdefault(space, set())
        if row in known:
            return True
        is_named = key.identifier in names or len(names) < canary_conf().anonymous_consumers
        if not is_named or len(known) >= _rows_max():
            return False
        names.add(key.identifier)
        known.add(row)
        return True


def _is_made_up(key: UsageKey, usage: Usage) -> bool:
    return key.kind in MADE_UP and key.identifier != "" and not usage.is_vouched


def _rows_max() -> int:
    return ROUTES_EACH * canary_conf().anonymous_consumers


def _stored(space: _Space) -> set[_Row]:
    rows = ConsumerUsage.objects.filter(day=space[0], kind=space[1]).exclude(identifier="")
    return set(rows.values_list("identifier", "route"))
