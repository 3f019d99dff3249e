"""Compare the rows that both versions left of the same copy. Pure: it gets rows, and returns differences.

Both versions draw ids and look at the clock. v1 runs twice, and what differs between its own runs is drawn: there v2
may have another value of the same form. An id that v2 has for one of v1's has to stand for it everywhere.
"""

import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from canary.core.mapping import Difference

type Row = Mapping[str, Any]
type Key = tuple[Any, ...]
type State = Mapping[str, Mapping[Key, Row]]
"""By table and primary key, the values by column."""

ANY: Final = ""
"""In place of a table, for drawn values that are no keys."""
GUESSES_MAX: Final = 50
"""The most new rows for which the closest match is searched."""
UUID: Final = re.compile(r"[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}", re.IGNORECASE)
DRAWN: Final = re.compile(r"[0-9a-f]{16,}|\d+", re.IGNORECASE)


@dataclass(frozen=True)
class Table:
    name: str
    keys: tuple[str, ...]
    """The columns of its primary key."""
    refers_to: Mapping[str, str]
    """By column of a foreign key, the table that it refers to."""
    columns: tuple[str, ...] = ()
    """All that its model has."""


def compare_effects(
    tables: Mapping[str, Table], before: State, old: State, new: State, again: State
) -> list[Difference]:
    """Return the first difference of each place and kind. `again` is what a second run of v1 left."""
    first: dict[tuple[str, str], Difference] = {}
    for difference in _Comparison(tables, before, old, new).with_noise(again):
        first.setdefault(difference.group, difference)
    return list(first.values())


class _Comparison:
    def __init__(self, tables: Mapping[str, Table], before: State, old: State, new: State) -> None:
        self._tables, self._before, self._old, self._new = tables, before, old, new
        self._names: dict[str, dict[Any, Any]] = defaultdict(dict)
        """By the table of a key, v2's value by v1's."""
        self._pairs = {name: self._pair(table, new[name]) for name, table in tables.items()}
        for name, pairs in self._pairs.items():
            for one, other in pairs.items():
                self._name(name, one, other)

    def with_noise(self, again: State) -> Iterator[Difference]:
        for name, table in self._tables.items():
            old, new, pairs = self._old[name], self._new[name], self._pairs[name]
            if len(again[name]) == len(old):  # else the number of rows differs between v1's own runs
                yield from (Difference(name, "missing", dict(old[key]), None) for key in old if key not in pairs)
                kept = {*pairs.values()}
                yield from (Difference(name, "added", None, dict(new[key])) for key in new if key not in kept)
            own = self._pair(table, again[name])
            for key, other in pairs.items():
                if not old[key] == new[other] == self._before[name].get(key):
                    drawn = again[name][own[key]] if key in own else old[key]
                    yield from self._row(table, old[key], new[other], drawn)

    def _row(self, table: Table, old: Row, new: Row, again: Row) -> Iterator[Difference]:
        before = self._before[table.name].get(tuple(old[key] for key in table.keys))
        for column in old:
            path, place = f"{table.name}.{column}", table.refers_to.get(column, ANY)
            if (column,) == table.keys and place == ANY:
                place = table.name
            if before is not None and new[column] == before[column] != old[column]:  # drawn or not, v2 left it
                yield Difference(path, _kind(old[column], new[column]), _plain(old[column]), _plain(new[column]))
            else:
                yield from self._values(path, place, old[column], new[column], again[column])

    def _values(self, path: str, place: str, old: Any, new: Any, again: Any) -> Iterator[Difference]:
        old, new, again = _parsed(old), _parsed(new), _parsed(again)
        if isinstance(old, dict) and isinstance(new, dict):
            for name in sorted(old.keys() & new.keys()):
                drawn = again.get(name) if isinstance(again, dict) else old[name]
                yield from self._values(f"{path}.{name}", place, old[name], new[name], drawn)
            yield from (Difference(f"{path}.{name}", "missing", old[name], None) for name in old.keys() - new.keys())
            yield from (Difference(f"{path}.{name}", "added", None, new[name]) for name in new.keys() - old.keys())
        elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
            drawn = again if isinstance(again, list) and len(again) == len(old) else old
            for three in zip(old, new, drawn, strict=True):
                yield from self._values(f"{path}[]", place, *three)
        elif not self._is_same(place, old, new) and not (old != again and self._is_alike(place, old, new, again)):
            yield Difference(path, _kind(old, new), _plain(old), _plain(new))

    def _is_same(self, place: str, old: Any, new: Any) -> bool:
        if isinstance(old, list | dict) or isinstance(old, bool) != isinstance(new, bool):  # True equals 1
            return type(old) is type(new) and bool(old == new)
        expected = self._names[place].get(_named(old), old)
        return bool(expected == new) or bool(_named(expected) == _named(new))

    def _is_alike(self, place: str, old: Any, new: Any, again: Any) -> bool:
        """Return whether v2's value has the form of v1's drawn one, and stands for it wherever that is an id."""
        if type(old) is not type(new) or (old == "") != (new == ""):
            return False
        if _form(old) == _form(again) != _form(new):
            return False
        if not UUID.fullmatch(str(old)):
            return True
        return bool(self._names[place].setdefault(_named(old), _named(new)) == _named(new))

    def _pair(self, table: Table, others: Mapping[Key, Row]) -> dict[Key, Key]:
        """Return the keys in `others` by those of v1: rows from before by key, new ones by what they hold."""
        before, old = self._before[table.name], self._old[table.name]
        pairs = {key: key for key in old if key in before and key in others}
        left = sorted((key for key in old if key not in before), key=str)
        right = sorted((key for key in others if key not in before), key=str)
        for measure in (_text, _form):
            by_held: dict[tuple[str, ...], list[Key]] = defaultdict(list)
            for key in reversed(right):
                by_held[self._held(table, others[key], measure)].append(key)
            for key in left:
                if same := by_held[self._held(table, old[key], measure)]:
                    pairs[key] = same.pop()
                    right.remove(pairs[key])
            left = [key for key in left if key not in pairs]
        for key in left[: GUESSES_MAX if len(right) <= GUESSES_MAX else 0]:
            if right:
                held = self._held(table, old[key], _text)
                pairs[key] = max(right, key=lambda one: _common(held, self._held(table, others[one], _text)))
                right.remove(pairs[key])
        return pairs

    def _held(self, table: Table, row: Row, measure: Callable[[Any], str]) -> tuple[str, ...]:
        """Return what a new row holds, without its own key and those of other new rows."""
        held = []
        for column, value in row.items():
            target = table.refers_to.get(column)
            is_own = target is None and column in table.keys
            is_of_new = target in self._tables and (value,) not in self._before[str(target)]
            held.append("" if is_own or (is_of_new and value is not None) else measure(value))
        return tuple(held)

    def _name(self, table: str, old: Key, new: Key) -> None:
        if len(old) == 1:
            self._names[table][_named(old[0])] = _named(new[0])
            if not isinstance(old[0], int):  # a number may be anything outside of a key
                self._names[ANY][_named(old[0])] = _named(new[0])


def _common(one: tuple[str, ...], other: tuple[str, ...]) -> int:
    return sum(a == b for a, b in zip(one, other, strict=True))


def _text(value: Any) -> str:
    """Return the value as text, but a time and an id by their form."""
    return _form(value) if isinstance(value, datetime) else UUID.sub("#", str(value))


def _form(value: Any) -> str:
    """Return the value as text without all that may be drawn: digits, ids, times."""
    return "time" if isinstance(value, datetime) else DRAWN.sub("#", UUID.sub("#", str(value)))


def _named(value: Any) -> Any:
    """Return one spelling of an id: SQLite and JSON write it in their own ways."""
    text = str(value)
    return text.replace("-", "").lower() if UUID.fullmatch(text) else value


def _parsed(value: Any) -> Any:
    if isinstance(value, str) and value[:1] in ("{", "["):
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value


def _kind(old: Any, new: Any) -> str:
    if new is None or old is None:
        return "missing" if new is None else "added"
    if isinstance(old, list) and isinstance(new, list):
        return "length"
    return "value" if type(old) is type(new) else "type"


def _plain(value: Any) -> Any:
    return value if value is None or isinstance(value, bool | int | float | str | dict | list) else str(value)
