"""The data that `CANARY["SUCCESSORS"]` names, prepared for look-ups. Knows its form and none of its content."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

type Json = Mapping[str, Any]
"""A row of the data: a dictionary of plain values."""


@dataclass(frozen=True)
class Declared:
    """Made once per process: `Declared.of(module)`."""

    routes: Mapping[tuple[str, int], Sequence[tuple[Sequence[str], Json]]]
    """By verb and number of segments; the segments of each template beside its row."""
    calls: Mapping[int, Sequence[tuple[Sequence[str], Json]]]
    """Rows whose equivalent is a GET, by the number of segments of its path; the segments beside the row."""
    shapes: Mapping[str, Sequence[Json]]
    v2_only: Mapping[str, Sequence[str]]
    conversions: Mapping[str, Callable[[Any], Any]]
    """By rule of the site's own, the function from v1's value to v2's."""
    bodies: Mapping[str, Sequence[Json]]
    """By name, the members of a request's body."""

    @classmethod
    def of(cls, data: Any) -> Self:
        """Return the data of an object with ROUTES, SHAPES and, where needed, V2_ONLY, CONVERSIONS and BODIES."""
        return cls(
            routes=_by_length(data.ROUTES),
            calls=_calls_by_length(data.ROUTES),
            shapes=data.SHAPES,
            v2_only=getattr(data, "V2_ONLY", {}),
            conversions=getattr(data, "CONVERSIONS", {}),
            bodies=getattr(data, "BODIES", {}),
        )

    def find(self, method: str, path: str) -> tuple[Json, dict[str, str]] | None:
        """Return the row of a call of v1 and the values in its path; `path` is decoded and below v1's base.

        HEAD is looked up as GET, OPTIONS as the first verb that the path has. None for what v1 doesn't have.
        """
        segments = path.split("/")
        verbs = ("GET", "POST", "PUT", "DELETE") if method == "OPTIONS" else ("GET" if method == "HEAD" else method,)
        for verb in verbs:
            for template, row in self.routes.get((verb, len(segments)), ()):
                values = _values(template, segments)
                if values is not None:
                    return row, values
        return None

    def find_calls(self, path: str) -> Iterator[tuple[Json, dict[str, str]]]:
        """Yield the rows that a GET of v2 may be the equivalent of, with the values in its path.

        `path` is decoded and below v2's base.
        """
        segments = path.split("/")
        for template, row in self.calls.get(len(segments), ()):
            values = _values(template, segments)
            if values is not None:
                yield row, values


def _by_length(routes: Iterable[Json]) -> dict[tuple[str, int], list[tuple[list[str], Json]]]:
    found = defaultdict(list)
    for row in routes:
        template = row["path"].split("/")
        found[row["method"], len(template)].append((template, row))
    for rows in found.values():
        rows.sort(key=_names_in)
    return dict(found)


def _calls_by_length(routes: Iterable[Json]) -> dict[int, list[tuple[list[str], Json]]]:
    found = defaultdict(list)
    for row in routes:
        if row["method"] == "GET" and row["call"] and row["call"]["method"] == "GET":
            template = row["call"]["path"].split("/")
            found[len(template)].append((template, row))
    for rows in found.values():
        rows.sort(key=_names_in)
    return dict(found)


def _names_in(entry: tuple[list[str], Json]) -> int:
    """Return the number of names in a template, for sorting: `/search/stats` comes before `/search/{id}`."""
    return sum(_is_name(segment) for segment in entry[0])


def _values(template: Sequence[str], segments: Sequence[str]) -> dict[str, str] | None:
    values = {}
    for wanted, given in zip(template, segments, strict=True):
        if _is_name(wanted) and given:
            values[wanted[1:-1]] = given
        elif wanted != given:
            return None
    return values


def _is_name(segment: str) -> bool:
    return segment.startswith("{")
