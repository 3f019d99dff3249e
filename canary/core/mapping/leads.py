"""Find the address in v2 that replaces one of v1: the result of `equivalent`, cheap enough for every response.

A deprecated v1 sends it with each response, so everything that depends on the data alone is prepared once.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, NamedTuple
from urllib.parse import quote

from canary.core.mapping.declared import Declared, Json
from canary.core.mapping.requests import DOT_SEGMENTS, asked_of, encode_query, pages_left_out, translate

READS: Final = frozenset({"GET", "HEAD"})
VERBS: Final = ("GET", "POST", "PUT", "DELETE", "OPTIONS")
QUERIES_KEPT: Final = 1_000
QUERY_MAX: Final = 200
"""A longer query is translated each time, so that the cache stays small."""
_NAME: Final = re.compile(r"\{([^{}]*)\}")
# Text that `quote` returns unchanged; without a leading dot, so that no dot segment matches.
_PLAIN: Final = "[A-Za-z0-9_~-][A-Za-z0-9_.~-]*"


@dataclass(slots=True)
class Lead:
    target: str
    """Path and query, encoded, below v2's base."""
    is_first_page: bool = False
    """Whether the request to v1 was for a later page of a list than the first, which this target is."""


class _Row(NamedTuple):
    number: int
    route: Json
    form: str
    """The path of v2, with numbers for the values of v1's path."""
    paged: Json
    """The part of the row that `pages_left_out` looks at."""


class Leads:
    """Made once a process, of the declared data."""

    def __init__(self, declared: Declared) -> None:
        self._rows: list[_Row] = []
        self._tables = {verb: _Table(self._rows_of(declared, verb)) for verb in VERBS}
        self._kept = lru_cache(QUERIES_KEPT)(self._translate)

    def find(self, method: str, path: str, query: str, *, has_credentials: bool) -> Lead | None:
        """Return the equivalent of a GET of the address, else of this very request; None where v2 has neither.

        `path` is decoded and below v1's base; `query` is as sent, and counts for reads alone. Never raises.
        """
        found = (self._tables.get(method) or self._tables["GET"]).find(path)
        if found is None:
            return None
        row, values = found
        asked = query if query and method in READS else ""
        translate_query = self._kept if len(asked) <= QUERY_MAX else self._translate
        suffix, is_first_page = translate_query(row.number, asked, has_credentials)
        target = row.form.format(*values) if values else row.form
        return Lead(f"{target}{suffix}", is_first_page)

    def _rows_of(self, declared: Declared, verb: str) -> dict[str, _Row | None]:
        """Return by template of v1 the row that answers such a request; None where v2 has nothing."""
        found: dict[str, _Row | None] = {}
        for path in {row["path"]: None for rows in declared.routes.values() for _, row in rows}:
            tried = (declared.find(method, path) for method in ("GET", verb))
            found[path] = None
            if led := next((one for one in tried if one and one[0]["call"]), None):
                paged = [one for one in led[0]["parameters"] if one["rule"] == "from_page"]
                self._rows.append(_Row(len(self._rows), led[0], _form(*led, path), {"parameters": paged}))
                found[path] = self._rows[-1]
        return found

    def _translate(self, number: int, query: str, has_credentials: bool) -> tuple[str, bool]:
        row = self._rows[number]
        asked = asked_of(query) if query else {}
        told = translate(row.route, asked, has_credentials=has_credentials)
        return f"?{encode_query(told)}" if told else "", bool(asked) and bool(pages_left_out(row.paged, asked))


class _Table:
    """The addresses of one verb: those without values by their text, all others by one expression."""

    def __init__(self, rows: dict[str, _Row | None]) -> None:
        self._exact = {path: row for path, row in rows.items() if not _NAME.search(path)}
        # As in `Declared.find`, the template with fewer values comes first.
        others = sorted((path for path in rows if path not in self._exact), key=lambda path: len(_NAME.findall(path)))
        # Nearly all values need no escape, and then one match is enough.
        self._plain = re.compile("|".join(_pattern(path, _PLAIN) for path in others))
        self._any = re.compile("|".join(_pattern(path, "[^/]+") for path in others))
        self._by_last_value: dict[int | None, tuple[_Row | None, int]] = {}
        place = 0
        for path in others:
            count = len(_NAME.findall(path))
            place += count
            self._by_last_value[place] = (rows[path], count)

    def find(self, path: str) -> tuple[_Row, list[str]] | None:
        if path in self._exact:
            plain = self._exact[path]
            return None if plain is None else (plain, [])
        match = self._plain.fullmatch(path)
        is_plain = match is not None
        if match is None:
            match = self._any.fullmatch(path)
        if match is None or (last := match.lastindex) is None:
            return None
        row, count = self._by_last_value[last]
        values = [match[last]] if count == 1 else [*match.groups()[last - count : last]]
        if row is None or (not is_plain and not DOT_SEGMENTS.isdisjoint(values)):
            return None
        return row, values if is_plain else [quote(value, safe="") for value in values]


def _form(route: Json, values: dict[str, str], path: str) -> str:
    """Return v2's path as a format. `values` are those of `path`: its own names in brackets, or plain words of it."""
    names = [f"{{{name}}}" for name in _NAME.findall(path)]

    def place(name: re.Match[str]) -> str:
        value = values[name[1]]
        return f"{{{names.index(value)}}}" if value in names else quote(value, safe="")

    return _NAME.sub(place, route["call"]["path"])


def _pattern(path: str, value: str) -> str:
    return "".join(re.escape(part) if place % 2 == 0 else f"({value})" for place, part in enumerate(_NAME.split(path)))
