"""Bounds of what a reader keeps in memory of a source: a small file can stand for very much.

They count bytes of memory: a file may have many users, or few with many values. Nothing of a file is kept while other
files are imported. `front_matter.py`, `json_stream.py` and `wxr_xml.py` bound single records.
"""

import dataclasses
import json
import sys
from pathlib import Path
from typing import Any, Final

from cms.importers.items import Change, Item, Remark
from cms.importers.sources import SourceUnreadable

KEPT_BYTES_MAX: Final = 220_000_000
"""A file of 200,000 users with a name each takes as much, or of 300,000 terms, or of a million links to tags."""
MEMORY_BYTES_MAX: Final = 300_000_000
"""The record that is being read has what is kept of its file beside it."""
OBJECT_BYTES: Final = 260
"""A user or a term without its values, and its place in a dictionary."""
PLACE_BYTES: Final = 200
"""Anything else in a dictionary."""
SHOWN_MAX: Final = 300
"""Characters of a value in a remark about an object that is kept."""
TEXT_MAX: Final = 2_000_000
"""Twice the longest content: a longer one is refused, also when it is cut to this."""
COMMENTS_MAX: Final = 50_000
"""Those of one post are put in order before the first is written, and each takes two kilobytes."""
_JSON: Final = json.JSONEncoder(ensure_ascii=False, default=str)


class Kept:
    """Counts what a reader keeps in memory until the end of a source."""

    def __init__(self, place: Path | str) -> None:
        self._place = place
        self._bytes = 0

    @property
    def left(self) -> int:
        """Return how many bytes a record may take beside what is kept."""
        return MEMORY_BYTES_MAX - self._bytes

    def keep[Kind: Item | Remark](self, entry: Kind) -> Kind:
        """Return the entry as it is kept: its remarks show the beginning of long values."""
        if isinstance(entry, Item):
            entry.changes[:] = map(_shortened_change, entry.changes)
            values = (getattr(entry, field.name) for field in dataclasses.fields(entry) if field.name != "source")
            self.count(*values, base=OBJECT_BYTES)
            return entry
        remark = dataclasses.replace(entry, change=_shortened_change(entry.change))
        self.count(remark.label, remark.change)
        return remark

    def count(self, *values: Any, base: int = PLACE_BYTES) -> None:
        """Count what has these values, and takes `base` bytes itself. Raises SourceUnreadable when it is too much."""
        self._bytes += base + sum(map(_size_of, values))
        if self._bytes > KEPT_BYTES_MAX:
            raise SourceUnreadable(
                f"{self._place} has users, terms and rows about them that take more than"
                f" {KEPT_BYTES_MAX // 1_000_000:,} MB of memory: divide the export."
            )


def first_comments(found: list[Any]) -> tuple[list[Any], str]:
    """Return as many comments of a post as are imported, and a sentence about the others if there are any."""
    if len(found) <= COMMENTS_MAX:
        return found, ""
    return found[:COMMENTS_MAX], f"At most {COMMENTS_MAX:,} comments of a post are imported; there are {len(found):,}."


def shortened(value: Any) -> Any:
    """Return the value, or the beginning of its text in JSON if that is long."""
    pieces = iter([value]) if isinstance(value, str) else _JSON.iterencode(value)
    text = ""
    for piece in pieces:
        text += piece[: SHOWN_MAX + 1]
        if len(text) > SHOWN_MAX:
            return f"{text[: SHOWN_MAX - 1]}…"
    return value


def _shortened_change(change: Change) -> Change:
    original, value = shortened(change.original), shortened(change.value)
    return dataclasses.replace(change, field=shortened(change.field), original=original, value=value)


def _size_of(value: Any) -> int:
    """Return the bytes that a value takes, with all that it holds."""
    size = 0 if value is None or value == "" else sys.getsizeof(value)
    if isinstance(value, dict):
        size += sum(_size_of(name) + _size_of(one) for name, one in value.items())
    elif isinstance(value, list | tuple):
        size += sum(map(_size_of, value))
    elif isinstance(value, Change):
        size += _size_of(value.field) + _size_of(value.original) + _size_of(value.value)
    return size
