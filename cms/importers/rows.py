"""Objects of a JSON source, read member by member: a wrong type is noted, and nothing is converted by a guess."""

import datetime
import uuid
from enum import StrEnum
from typing import Any

from cms.ids import parse_uuid
from cms.importers.bounds import TEXT_MAX
from cms.importers.dates import UnreadableDate, bounded, parse_instant
from cms.importers.items import Change, Changes

_TRUTHS = {"true": True, "false": False, "1": True, "0": False}
_NOTHING: tuple[Any, ...] = (None, "", [], {})
_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)


class Row:
    """The members that nobody has asked for yet, and `changes`: what could not be used of those that were."""

    def __init__(self, values: dict[str, Any], line: int, lines: dict[str, int] | None = None) -> None:
        self.line = line
        self.lines = lines or {}
        self.changes = Changes()
        self._values = dict(values)

    def take(self, name: str) -> Any:
        return self._values.pop(name, None)

    def note(self, name: str, original: Any, value: Any, reason: str) -> None:
        self.changes.append(Change(name, original, value, reason, self.lines.get(name, self.line)))

    def text(self, name: str) -> str:
        """Return the member's text; a number is the text of its digits. Empty when there is none."""
        value = self.take(name)
        if isinstance(value, str):
            return value[:TEXT_MAX]
        if isinstance(value, int) and not isinstance(value, bool):
            return str(value)
        if value is not None:
            self.note(name, value, None, "This is not text.")
        return ""

    def key(self, name: str) -> str:
        """Return an id, or a reference to one, as text."""
        return self.text(name).strip()

    def texts(self, name: str) -> list[str]:
        value = self.take(name)
        if value is None:
            return []
        if not isinstance(value, list):
            self.note(name, value, None, "This is not a list.")
            return []
        texts = [entry for entry in value if isinstance(entry, str)]
        if len(texts) < len(value):
            self.note(name, [entry for entry in value if not isinstance(entry, str)], None, "These are not text.")
        return texts

    def truth(self, name: str, default: bool) -> bool:
        value = self.take(name)
        if value is None or isinstance(value, bool):
            return default if value is None else value
        truth = _TRUTHS.get(str(value).lower())
        if truth is None:
            self.note(name, value, default, "This is neither true nor false.")
            return default
        return truth

    def choice[Choice: StrEnum](self, name: str, choices: type[Choice], default: Choice) -> Choice:
        value = self.text(name)
        if value in list(choices):
            return choices(value)
        if value:
            self.note(name, value, default, f"This is none of: {', '.join(choices)}.")
        return default

    def number(self, name: str, maximum: int) -> int | None:
        """Return a whole number from 1."""
        text = self.text(name)
        if text.isascii() and text.isdigit() and len(text) < 20 and 1 <= int(text) <= maximum:
            return int(text)
        if text:
            self.note(name, text, None, f"This is not a whole number from 1 to {maximum}.")
        return None

    def instant(self, name: str) -> datetime.datetime | None:
        """Return the instant of a date as text, or of milliseconds since 1970."""
        value = self.take(name)
        if value in _NOTHING:
            return None
        try:
            if isinstance(value, int | float) and not isinstance(value, bool):
                return parse_instant((_EPOCH + datetime.timedelta(milliseconds=value)).isoformat())
            if isinstance(value, str):
                return parse_instant(value)
            self.note(name, value, None, "This is not a date.")
        except (UnreadableDate, OverflowError, ValueError) as error:
            reason = str(error) if isinstance(error, UnreadableDate) else "This is not a date that can be read."
            self.note(name, value, None, reason)
        return None

    def exact_instant(self, name: str) -> datetime.datetime | None:
        """Return an instant as this project writes them."""
        value = self.take(name)
        try:
            return bounded(datetime.datetime.fromisoformat(value)) if value is not None else None
        except (TypeError, ValueError, OverflowError) as error:
            reason = str(error) if isinstance(error, UnreadableDate) else "This is not a date that can be read."
            self.note(name, value, None, reason)
            return None

    def uuid7(self, name: str) -> uuid.UUID | None:
        text = self.key(name)
        found = parse_uuid(text)
        if found is not None and found.version == 7:
            return found
        if text:
            self.note(name, text, None, "This is not a UUIDv7; another id was made.")
        return None

    def note_rest(self, reason: str = "This member is not stored.") -> Changes:
        """Note the members that were not asked for, and return all changes."""
        for name, value in self._values.items():
            if value not in _NOTHING:
                self.note(name, value, None, reason)
        self._values.clear()
        return self.changes

    def members(self) -> dict[str, Any]:
        """Return the members that nobody has asked for yet."""
        return dict(self._values)
