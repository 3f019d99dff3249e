"""Cursors as text: opaque, signed with a key of their own, and valid only for the list they were made for.

They do not take the form of `django.core.signing`: clients hold them, and walk on through an upgrade.
"""

import base64
import binascii
import datetime
import hashlib
import hmac
import uuid
from dataclasses import dataclass
from typing import Any, Final, Literal, cast

import orjson
from django.db.models import DateTimeField, Field, TextField, UUIDField

from api_v2.errors import ErrorItem, Problem
from cms.db.compiled import Param
from cms.tokens.keys import key_for, keys_for

type SortValue = str | datetime.datetime | uuid.UUID | None
_FIELDS: Final[dict[type, "Field[Any, Any]"]] = {
    str: TextField(),
    datetime.datetime: DateTimeField(),
    uuid.UUID: UUIDField(),
}
type Direction = Literal["after", "from", "before", "until"]
"""Which rows a cursor asks for: those beyond its place, `from` and `until` with the place itself."""

_PURPOSE: Final = b"tandem-cursors"
_SIGNATURE_SIZE: Final = 16
_DIRECTIONS: Final[tuple[Direction, ...]] = ("after", "from", "before", "until")


@dataclass(frozen=True)
class Cursor:
    direction: Direction
    values: tuple[SortValue, ...]
    """The sort tuple of one row, its id last."""

    @property
    def is_backward(self) -> bool:
        return self.direction in ("before", "until")

    @property
    def is_inclusive(self) -> bool:
        return self.direction in ("from", "until")

    def turned(self) -> "Cursor":
        """Return a cursor for all the rows that this one doesn't ask for."""
        others: dict[Direction, Direction] = {"after": "until", "from": "before", "before": "from", "until": "after"}
        return Cursor(others[self.direction], self.values)

    def with_params(self) -> "Cursor":
        """Return the same place with the parameters of a compiled query for its values; NULLs stay what they are."""
        places = [
            None if value is None else Param(_name_of(place), _FIELDS[type(value)])
            for place, value in enumerate(self.values)
        ]
        return Cursor(self.direction, cast("tuple[SortValue, ...]", tuple(places)))

    def param_values(self) -> dict[str, SortValue]:
        """Return the values of these parameters."""
        return {_name_of(place): value for place, value in enumerate(self.values)}


def _name_of(place: int) -> str:
    return f"cursor_{place}"


def encode_cursor(cursor: Cursor, binding: str) -> str:
    """Return a cursor. `binding` is path, filter and sort of the list as one text; reading it needs the same text."""
    values = [_plain(value) for value in cursor.values]
    payload = orjson.dumps([_DIRECTIONS.index(cursor.direction), *values])
    return _as_text(_signature(payload, binding, key_for(_PURPOSE)) + payload)


def decode_cursor(text: str, binding: str) -> Cursor:
    """Return the cursor of a text. Raises the problem `invalid_cursor` if it was changed or made for another list."""
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise _invalid() from error
    if _as_text(raw) != text:  # of several spellings of the same bytes one is ours
        raise _invalid()
    signature, payload = raw[:_SIGNATURE_SIZE], raw[_SIGNATURE_SIZE:]
    if not any(hmac.compare_digest(signature, _signature(payload, binding, key)) for key in keys_for(_PURPOSE)):
        raise _invalid()
    direction, *values = orjson.loads(payload)
    return Cursor(_DIRECTIONS[direction], tuple(_rich(value) for value in values))


def _as_text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _signature(payload: bytes, binding: str, key: bytes) -> bytes:
    return hashlib.blake2b(payload + b"\0" + binding.encode(), digest_size=_SIGNATURE_SIZE, key=key).digest()


def _plain(value: SortValue) -> str | list[str] | None:
    """Return texts as they are, other types in a list that names the type."""
    match value:
        case datetime.datetime():
            return ["t", value.isoformat()]
        case uuid.UUID():
            return ["u", value.hex]
        case _:
            return value


def _rich(value: str | list[str] | None) -> SortValue:
    match value:
        case ["t", text]:
            return datetime.datetime.fromisoformat(text)
        case ["u", text]:
            return uuid.UUID(text)
        case _:
            return value  # type: ignore[return-value]


def _invalid() -> Problem:
    message = "The cursor is not valid for this path, filter and sort; begin again without one."
    return Problem("invalid_cursor", message, [ErrorItem("invalid_cursor", message, parameter="cursor")])
