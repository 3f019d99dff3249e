"""Read bodies strictly: each member has a type, unknown members are refused, and every fault has its JSON pointer."""

import datetime
from collections.abc import Callable, Collection, Mapping
from itertools import islice
from typing import Any, Final, NamedTuple

from django.db.models import Model, QuerySet

from api_v2.errors import ErrorItem, invalid_body
from api_v2.instants import EXPECTED, parse_instant
from api_v2.json_schema import TEXT, Schema
from api_v2.serializers.shapes import Viewer
from cms.costs.bodies import FAULTS_MAX
from cms.errors import SHOWN_MAX, shown

# No array of the contract is longer: one query looks up its items, and databases limit the parameters of a query.
ITEMS_MAX: Final = 100


class Body:
    """A JSON object that is read member by member; the faults are gathered, and `read_body` raises them together."""

    viewer: Viewer
    """Who sends it, for members that name what its sender may see."""

    def __init__(self, value: Any, members: "Members", pointer: str = "") -> None:
        self.errors: list[ErrorItem] = []
        self._allowed, self._pointer = members, pointer
        self._members: dict[str, Any] = value if isinstance(value, dict) else {}
        if not isinstance(value, dict):
            self.refuse("invalid_type", "A JSON object is expected.")
        choices = ", ".join(members) or "none"
        for name in islice((name for name in self._members if name not in members), FAULTS_MAX):
            sentence = f"There is no member {shown(name)} here; allowed are: {choices}."
            self.refuse("unknown_member", sentence, name[:SHOWN_MAX])

    def read(self, required: Collection[str] = ()) -> dict[str, Any]:
        """Return the values of the members that are there."""
        values = {}
        for name, member in self._allowed.items():
            if name in self._members:
                values[name] = member.read(self, name)
            elif name in required:
                self.refuse("required", f"The member {name!r} is required.", name)
        return values

    def text(self, name: str) -> str | None:
        """Return the text, None when it is wrong."""
        value = self._members[name]
        return value if self._is_text((name,), value) else None

    def text_or_empty(self, name: str) -> str | None:
        """Return the text as `text` does, but null stands for an empty one, as a merge patch removes a value."""
        return "" if self.is_null(name) else self.text(name)

    def is_null(self, name: str) -> bool:
        return self._members[name] is None

    def boolean(self, name: str) -> bool | None:
        """Return the boolean, None when it is wrong."""
        value = self._members[name]
        if isinstance(value, bool):
            return value
        self.refuse("invalid_type", "true or false is expected.", name)
        return None

    def fraction(self, name: str) -> float | None:
        """Return a number from 0 to 1, None when it is wrong."""
        value = self._members[name]
        if isinstance(value, bool) or not isinstance(value, int | float):
            self.refuse("invalid_type", "A number is expected.", name)
        elif not 0 <= value <= 1:
            self.refuse("out_of_range", "A number from 0 to 1 is expected.", name)
        else:
            return float(value)
        return None

    def instant_or_null(self, name: str) -> datetime.datetime | None:
        value = self._members[name]
        if value is None:
            return None
        instant = parse_instant(value) if isinstance(value, str) else None
        if instant is None:
            self.refuse("invalid_instant", f"{EXPECTED} null stands for none.", name)
        return instant

    def texts(self, name: str) -> list[str]:
        return list(self.texts_by_place(name).values())

    def texts_by_place(self, name: str) -> dict[int, str]:
        """Return the texts of an array by their places."""
        value = self._members[name]
        if not isinstance(value, list):
            self.refuse("invalid_type", "An array of texts is expected.", name)
            return {}
        if len(value) > ITEMS_MAX:
            self.refuse("too_many", f"At most {ITEMS_MAX} items are allowed.", name)
            return {}
        return {place: item for place, item in enumerate(value) if self._is_text((name, str(place)), item)}

    def found[M: Model](self, name: str, noun: str, find: Callable[[str], QuerySet[M]]) -> M | None:
        """Return the object that the text names, None for null and when it is wrong."""
        text = None if self.is_null(name) else self.text(name)
        found = None if text is None else find(text).order_by().first()
        if text is not None and found is None:
            self.refuse("unknown", f"There is no {noun} {shown(text)}.", name)
        return found

    def inner(self, name: str, members: "Members", required: Collection[str] = ()) -> dict[str, Any]:
        """Return what `read` does of the object in the member `name`."""
        inner = Body(self._members[name], members, f"{self._pointer}/{name}")
        values = inner.read(required)
        self.errors += inner.errors
        return values

    def refuse(self, code: str, message: str, *path: str) -> None:
        """Note a fault at this place, by the names of members and the numbers of items."""
        steps = "".join(f"/{_escaped(step)}" for step in path)
        self.errors.append(ErrorItem(code, message, pointer=f"{self._pointer}{steps}"))

    def _is_text(self, path: tuple[str, ...], value: Any) -> bool:
        if not isinstance(value, str):
            self.refuse("invalid_type", "A text is expected.", *path)
            return False
        if "\x00" in value:
            self.refuse("invalid_characters", "NUL characters are not allowed.", *path)
            return False
        return True


class Member(NamedTuple):
    """A member of a body: its schema in the document of the API, and how it is read."""

    schema: Schema = TEXT
    read: Callable[[Body, str], Any] = Body.text


type Members = Mapping[str, Member]


def read_body(
    value: Any, members: Members, required: Collection[str] = (), *, viewer: Viewer | None = None
) -> dict[str, Any]:
    """Return the values of the members that the body has. Raises the problem `invalid_input` with all of its faults."""
    body = Body(value, members)
    if viewer:
        body.viewer = viewer
    values = body.read(required)
    if body.errors:
        raise invalid_body(body.errors)
    return values


def read_texts(value: Any, *names: str) -> list[str]:
    """Return the members of a body of required texts and nothing else."""
    return list(read_body(value, dict.fromkeys(names, Member()), names).values())


def _escaped(step: str) -> str:
    """Escape a name for a JSON pointer (RFC 6901 section 3)."""
    return step.replace("~", "~0").replace("/", "~1")
