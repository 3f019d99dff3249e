"""Read query parameters strictly: an unknown, repeated or malformed one is a 400 that names what is allowed.

`named` tells slugs from ids, in paths and in bodies.
"""

import datetime
import re
import uuid
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Final

from django.http import QueryDict

from api_v2.errors import ErrorItem, Problem, invalid_parameters
from api_v2.instants import EXPECTED, parse_instant
from cms.ids import parse_uuid

ITEMS_MAX: Final = 100
_WHOLE_NUMBER = re.compile(r"[0-9]{1,9}", re.ASCII)


class Query:
    """The parameters of one request, each given at most once; commas separate the values of those that take several."""

    def __init__(self, given: QueryDict, allowed: Collection[str]) -> None:
        errors = [_unknown_name(name, allowed) for name in given if name not in allowed]
        errors += [
            ErrorItem("repeated", f"{name!r} is given more than once; commas separate several values.", parameter=name)
            for name, values in given.lists()
            if len(values) > 1 and name in allowed
        ]
        errors += [
            ErrorItem("invalid_characters", f"{name!r} has a NUL character.", parameter=name)
            for name, value in given.items()
            if name in allowed and "\x00" in value
        ]
        if errors:
            raise invalid_parameters(errors)
        self._values: Mapping[str, str] = dict(given.items())  # type: ignore[arg-type]

    def text(self, name: str) -> str | None:
        """Return the value, None when the parameter is absent; an empty value is refused."""
        value = self._values.get(name)
        if value == "":
            raise refused(name, "empty", f"{name!r} is empty.")
        return value

    def words(self, name: str) -> list[str]:
        """Return the values between the commas, each once, in their order; none when the parameter is absent."""
        text = self.text(name)
        if text is None:
            return []
        words = list(dict.fromkeys(text.split(",")))
        if "" in words:
            raise refused(name, "empty", f"{name!r} has an empty value between its commas.")
        if len(words) > ITEMS_MAX:
            raise refused(name, "too_many", f"{name!r} has more than {ITEMS_MAX} values.")
        return words

    def choices(self, name: str, allowed: Sequence[str], default: Iterable[str] = ()) -> list[str]:
        """Return words of a closed vocabulary."""
        words = self.words(name)
        if unknown := [word for word in words if word not in allowed]:
            named = ", ".join(repr(word) for word in unknown)
            raise refused(name, "invalid_choice", f"{name!r} doesn't know {named}; allowed are: {', '.join(allowed)}.")
        return words or list(default)

    def fields(self, shape: Iterable[str]) -> list[str]:
        """Return the members of the shape that `fields` names, all by default."""
        return self.choices("fields", list(shape), shape)

    def whole_number(self, name: str, minimum: int, maximum: int, default: int) -> int:
        text = self.text(name)
        if text is None:
            return default
        if not _WHOLE_NUMBER.fullmatch(text) or not minimum <= int(text) <= maximum:
            raise refused(name, "invalid_number", f"{name!r} is a whole number from {minimum} to {maximum}.")
        return int(text)

    def instant(self, name: str) -> datetime.datetime | None:
        text = self.text(name)
        instant = parse_instant(text) if text is not None else None
        if text is not None and instant is None:
            raise refused(name, "invalid_instant", f"{name!r} is not an instant. {EXPECTED}")
        return instant

    def ids(self, name: str) -> list[uuid.UUID]:
        ids = [parse_uuid(word) for word in self.words(name)]
        if None in ids:
            raise refused(name, "invalid_id", f"{name!r} takes UUIDs, separated by commas.")
        return [found for found in ids if found]

    def given(self, names: Iterable[str]) -> list[tuple[str, str]]:
        """Return those of `names` that the request has, in the order of their names."""
        return [(name, self._values[name]) for name in sorted(names) if name in self._values]


def named(slug_or_id: str) -> dict[str, Any]:
    """Return the parameter that finds a row by its id or slug: no slug has the form of an id."""
    as_uuid = parse_uuid(slug_or_id)
    return {"id": as_uuid} if as_uuid else {"slug": slug_or_id}


def refused(name: str, code: str, message: str) -> Problem:
    return invalid_parameters([ErrorItem(code, message, parameter=name)])


def _unknown_name(name: str, allowed: Collection[str]) -> ErrorItem:
    choices = ", ".join(allowed) or "none"
    return ErrorItem(
        "unknown_parameter", f"There is no parameter {name!r} here; allowed are: {choices}.", parameter=name
    )
