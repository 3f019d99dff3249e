"""The report of an import: counts of objects, and one item for every value that was changed or not stored."""

import json
import math
import tempfile
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Any, Final, Self

from cms.importers.items import Change
from cms.importers.sources import SourceUnreadable

NESTED_TOO_DEEP: Final = "(values that stand in each other too deep to be shown)"


class Outcome(StrEnum):
    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    SKIPPED = "skipped"
    FAILED = "failed"


class Report:
    """Counts in memory, items in a temporary file, which closing removes: a large import has too many to be kept."""

    def __init__(self, bytes_max: float = math.inf) -> None:
        """With more bytes of items than `bytes_max`, one last item counts the others."""
        self.counts = {str(outcome): 0 for outcome in Outcome}
        self.item_count = 0
        self._bytes_max = self._bytes_left = bytes_max
        self._others = 0
        self._spool = tempfile.TemporaryFile()  # noqa: SIM115 - it lives as long as the report

    def count(self, outcome: Outcome) -> None:
        self.counts[outcome] += 1

    def add(self, *, source: str, line: int, label: str, change: Change) -> None:
        item = _item(source, line, label, change)
        self.item_count += 1
        if self._others:
            self._others += 1
            return
        written = _json(item) + b"\n"
        self._bytes_left -= len(written)
        if self._bytes_left >= 0:
            self._spool.write(written)
        else:
            self._others = 1

    def items(self) -> Iterator[dict[str, Any]]:
        yield from map(json.loads, self._lines())

    def _lines(self) -> Iterator[bytes]:
        self._spool.seek(0)
        yield from self._spool
        if self._others:
            reason = (
                f"{self._others:,} more values were changed or left out. A report has at most {self._bytes_max:,} bytes"
            )
            change = Change("", None, None, f"{reason} here; `manage.py import_content` writes them all.")
            yield _json(_item("", 1, "report", change)) + b"\n"

    def write(self, path: Path) -> None:
        try:
            with path.open("wb") as target:
                path.chmod(0o600)  # it quotes what was imported, addresses of people too
                target.write(b'{"counts": ' + _json(self.counts) + b', "items": [')
                for number, line in enumerate(self._lines()):
                    target.write((b",\n" if number else b"\n") + line.rstrip(b"\n"))
                target.write(b"\n]}\n")
        except OSError as error:
            raise unwritable(path, error) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._spool.close()


def refuse_unwritable(path: Path) -> None:
    """Find out before an import of an hour, not after it."""
    try:
        with path.open("ab"):
            pass
    except OSError as error:
        raise unwritable(path, error) from error


def unwritable(path: Path, error: OSError) -> SourceUnreadable:
    return SourceUnreadable(f"The report can't be written to {path}: {error.strerror or error}.")


def _item(source: str, line: int, label: str, change: Change) -> dict[str, Any]:
    return {
        "source": source,
        "line": line,
        "object": label,
        "field": change.field,
        "original": change.original,
        "value": change.value,
        "reason": change.reason,
    }


def _json(value: Any) -> bytes:
    try:
        text = json.dumps(value, ensure_ascii=False, default=str)
    except RecursionError:  # lists in lists in lists, thousands of levels deep
        text = json.dumps({**value, "original": NESTED_TOO_DEEP}, ensure_ascii=False, default=str)
    # A lone surrogate, which UTF-8 can't hold, becomes JSON's own escape of it.
    return text.encode("utf-8", "backslashreplace")
