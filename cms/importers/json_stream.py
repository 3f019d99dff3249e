"""Reading JSON piece by piece: one value of a long list in memory at a time, in a file of any length.

Numbers that no column holds stay text, and so do `NaN` and its like: a caller that asks for a number finds none.
"""

import codecs
import json
import math
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, Final

from cms.importers.bounds import Kept
from cms.importers.items import CHANGES_MAX, Change
from cms.importers.sources import SourceUnreadable

CHUNK_BYTES: Final = 1024 * 1024
# Four times the longest content in each of its four forms: what is longer is refused anyway.
VALUE_CHARACTERS_MAX: Final = 16_000_000
MARKS_MAX: Final = 600_000
"""Commas and opening brackets of one value. 40,000 comments have as many."""
MARK_BYTES: Final = 250
"""Each of them stands for as many bytes at most."""
NUMBER_DIGITS_MAX: Final = 30  # more than any column holds, less than Python refuses to read (4,300)
REPAIRS_MAX: Final = 1_000
_BLANKS: Final = frozenset(("", " ", "\t", "\r", "\n"))
_BLANK = re.compile(r"[ \t\r\n]*")
_BOMS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_MARK = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"?|[\[{,\]}]', re.DOTALL)
_WRONG_BYTE = re.compile("[\udc80-\udcff]")


class Duplicates(list[tuple[str, Any]]):
    """Members that an object had twice: the name, and the value that did not count. `others` are not listed."""

    others = 0

    def clear(self) -> None:
        super().clear()
        self.others = 0

    def as_object(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        """Return the members as a dictionary. The last of equal names counts, as in every other reader."""
        members: dict[str, Any] = {}
        for name, value in pairs:
            if name in members and len(self) < CHANGES_MAX:
                self.append((name, members[name]))
            elif name in members:
                self.others += 1
            members[name] = value
        return members


def is_crowded(text: str, at: int = 0, most: int = MARKS_MAX) -> bool:
    """Return whether the value that begins here has too many parts: before the reader makes objects of them."""
    depth = found = 0
    for mark in _MARK.finditer(text, at):
        kind = mark[0][0]
        depth += (kind in "[{") - (kind in "]}")
        found += kind in "[{,"
        if depth <= 0 or found > most:
            break
    return found > most


def make_decoder(duplicates: Duplicates) -> json.JSONDecoder:
    return json.JSONDecoder(
        object_pairs_hook=duplicates.as_object,
        parse_int=_whole_number,
        parse_float=_number,
        parse_constant=str,
        strict=False,
    )


class JsonFile:
    """A file that is read from its beginning each time; `done` is the number of bytes read so far.

    The caller walks the structure: `members()` and `elements()` stop before each value, which must then be taken by
    `value()` or by walking into it. Every method raises SourceUnreadable where the text is not JSON.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.total, self.done = path.stat().st_size, 0
        if not path.is_file():  # a pipe would be waited for
            raise SourceUnreadable(f"{path} is not a regular file.")
        self.duplicates = Duplicates()
        self.repairs: list[Change] = []
        self.kept = Kept(path)
        """The caller counts here. It leaves less for a value."""
        self._decoder = make_decoder(self.duplicates)
        self._file: BinaryIO | None = None

    def open(self) -> "JsonFile":
        self.close()
        self._file = self.path.open("rb")
        head = self._file.read(4)
        self._file.seek(0)
        encoding = next((name for bom, name in _BOMS if head.startswith(bom)), "utf-8")
        # Bytes that are wrong in this encoding come out as surrogates, which nothing else gives.
        self._bytes_decoder = codecs.getincrementaldecoder(encoding)("surrogateescape")
        self._text, self._at, self._is_ended = "", 0, False
        self.line, self.done = 1, 0
        self.repairs.clear()
        return self

    def close(self) -> None:
        """Close the file, and keep nothing of it but the repairs: there may be thousands of files."""
        if self._file is not None:
            self._file.close()
            self._file = None
        self.duplicates.clear()
        self._text = ""

    def __enter__(self) -> "JsonFile":
        return self.open()

    def __exit__(self, *_: object) -> None:
        self.close()

    def peek(self) -> str:
        """Return the next character that is not blank; empty at the end."""
        if self._text[self._at : self._at + 1] not in _BLANKS:
            return self._text[self._at]
        while True:
            match = _BLANK.match(self._text, self._at)
            self._go_to(match.end() if match else self._at)
            if self._at < len(self._text) or not self._read_more():
                return self._text[self._at : self._at + 1]

    def value(self) -> Any:
        """Return the next value, whole. Members that it held twice are in `duplicates`."""
        self.peek()
        marks_max = min(MARKS_MAX, self.kept.left // MARK_BYTES)
        while True:
            self.duplicates.clear()
            if len(self._text) - self._at > 2 * CHUNK_BYTES and is_crowded(self._text, self._at, marks_max):
                raise self._broken(f"A value has more than {marks_max:,} commas and opening brackets: divide it")
            try:
                value, end = self._decoder.raw_decode(self._text, self._at)
            except ValueError as error:
                reason = error.msg if isinstance(error, json.JSONDecodeError) else str(error)
                if not self._read_more():
                    raise self._broken(reason) from error
            except RecursionError as error:
                raise self._broken("Values stand in each other too deep") from error
            else:
                # A number may go on in what was not read yet.
                if end < len(self._text) or not self._read_more():
                    self._go_to(end)
                    return value

    def members(self) -> Iterator[str]:
        """Yield the names of an object's members."""
        self._take("{")
        if self.peek() == "}":
            self._take("}")
            return
        while True:
            name = self.value() if self.peek() == '"' else None
            if name is None:
                raise self._broken("Expecting a name in double quotes")
            self._take(":")
            yield name
            if self._take(",", "}") == "}":
                return

    def elements(self) -> Iterator[None]:
        self._take("[")
        if self.peek() == "]":
            self._take("]")
            return
        while True:
            yield
            if self._take(",", "]") == "]":
                return

    def end(self) -> None:
        if self.peek():
            raise self._broken("Something stands behind the document")

    def _take(self, *expected: str) -> str:
        found = self.peek()
        if found not in expected or not found:
            raise self._broken(f"Expecting {' or '.join(map(repr, expected))}")
        self._go_to(self._at + 1)
        return found

    def _go_to(self, position: int) -> None:
        self.line += self._text.count("\n", self._at, position)
        self._at = position

    def _read_more(self) -> bool:
        """Read as much as is in memory already, so that a long value is tried few times; False at the end."""
        waiting = len(self._text) - self._at
        if self._is_ended or self._file is None:
            return False
        if waiting > VALUE_CHARACTERS_MAX:
            raise self._broken(f"A value has more than {VALUE_CHARACTERS_MAX:,} characters: divide it")
        if 2 * sys.getsizeof(self._text) > self.kept.left:
            raise self._broken(
                f"A value is longer than the {self.kept.left // 2:,} bytes left for it: divide the export"
            )
        chunk = self._file.read(max(CHUNK_BYTES, min(waiting, VALUE_CHARACTERS_MAX + 1 - waiting)))
        self._is_ended = not chunk
        try:
            text = self._bytes_decoder.decode(chunk, final=self._is_ended)
        except UnicodeError as error:
            raise self._broken("It is not in the encoding that its first bytes declare") from error
        self._text, self._at = self._text[self._at :], 0
        self._text += self._mended(text, self.line + self._text.count("\n"))
        self.done += len(chunk)
        return True

    def _mended(self, text: str, line: int) -> str:
        """Return `text` with U+FFFD for wrong bytes; note one remark for each line with such bytes."""
        if not _WRONG_BYTE.search(text):
            return text
        for number, part in enumerate(text.split("\n"), start=line):
            match = _WRONG_BYTE.search(part)
            if match and len(self.repairs) < REPAIRS_MAX:
                original = f"\\x{ord(match.group()) - 0xDC00:02x}"
                self.repairs.append(Change("text", original, "\ufffd", "This is not UTF-8; it was replaced.", number))
        return _WRONG_BYTE.sub("\ufffd", text)

    def _broken(self, reason: str) -> SourceUnreadable:
        return SourceUnreadable(f"{self.path} can't be read as JSON: line {self.line}: {reason}.")


def _whole_number(digits: str) -> int | str:
    return int(digits) if len(digits) <= NUMBER_DIGITS_MAX else digits


def _number(text: str) -> float | str:
    number = float(text)
    return number if math.isfinite(number) else text
