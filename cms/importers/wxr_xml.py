"""Reading the XML of a WordPress export piece by piece: one record (an author, a term, an item) in memory at a time.

Exports come from old servers: control characters and bytes of other encodings are mended and remarked on. Document type
declarations are refused, and with them every entity that could grow or reach out.
"""

import codecs
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Final
from xml.parsers import expat

from cms.importers.bounds import TEXT_MAX, Kept
from cms.importers.items import Change
from cms.importers.sources import SourceUnreadable

CHUNK_CHARACTERS: Final = 64 * 1024
DEPTH_MAX: Final = 50
# A record: a post with 20,000 comments has as many.
ELEMENTS_MAX: Final = 300_000
# With what is made of it.
ELEMENT_BYTES: Final = 500
RECORD_CHARACTERS_MAX: Final = 16_000_000
# A tag is in memory until its end, and each name of elements and attributes until the end of the file.
TAG_BYTES_MAX: Final = 1_000_000
NAMES_MAX: Final = 10_000
REPAIRS_MAX: Final = 1_000
_MENDED: Final = "XML can't hold this character or byte; it was replaced."
_ENCODING = re.compile(rb"<\?xml[^>]*?encoding\s*=\s*[\"']([A-Za-z0-9._-]+)")
_BOMS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
# Their decoders take a time that grows with the length of a file. Those of `utf-7`, `unicode_escape` and their like
# begin again with each piece.
_ENCODINGS: Final = frozenset(
    {
        *("ascii", "utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be"),
        *(f"iso8859-{part}" for part in (*range(1, 12), *range(13, 17))),
        *(f"cp{page}" for page in (437, 850, 852, 855, 858, 866, 874, 932, 949, 950, *range(1250, 1259))),
        *("koi8-r", "koi8-u", "mac-roman", "mac-cyrillic", "tis-620", "big5", "big5hkscs", "gb2312", "gbk", "gb18030"),
        *("shift_jis", "euc_jp", "euc_kr", "iso2022_jp"),
    }
)
_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_PREFIXES = (
    (re.compile(r"https?://wordpress\.org/export/[^/]*/excerpt/?"), "excerpt"),
    (re.compile(r"https?://wordpress\.org/export/[^/]*/?"), "wp"),
    (re.compile(r"https?://purl\.org/rss/1\.0/modules/content/?"), "content"),
    (re.compile(r"https?://purl\.org/dc/elements/1\.1/?"), "dc"),
)


@dataclass(slots=True)
class Node:
    """An element. Its name has the prefix that exports usually give it, even where this file uses another one."""

    name: str
    attributes: dict[str, str]
    line: int
    pieces: list[str] = field(default_factory=list)
    size: int = 0
    """Characters; of a record those of all elements in it."""
    children: list["Node"] = field(default_factory=list)

    @property
    def text(self) -> str:
        return "".join(self.pieces)

    def child(self, name: str) -> "Node | None":
        return next((child for child in self.children if child.name == name), None)

    def text_of(self, name: str) -> str:
        """Return the text of the first child of that name without blanks around it, empty when there is none."""
        child = self.child(name)
        return child.text.strip() if child else ""


class WxrFile:
    """A file that is read from its beginning each time; `done` is the number of bytes read so far."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.total, self.done = path.stat().st_size, 0
        self.repairs: list[Change] = []
        self.kept = Kept(path)
        """The caller counts here. It leaves less for a record."""
        self._encoding = _sniff_encoding(path)

    def records(self) -> Iterator[Node]:
        """Yield the children of the channel in their order. Raises SourceUnreadable where the XML breaks off."""
        self.done = 0
        self.repairs.clear()
        parser = _Parser(self.path, self.kept)
        try:
            with self.path.open("rb") as raw, self._as_text(raw) as source:
                line = 1
                while chunk := source.read(CHUNK_CHARACTERS):
                    self.done = raw.tell()
                    yield from parser.feed(self._mended(chunk, line))
                    line += chunk.count("\n")
            yield from parser.feed("", is_final=True)
        except expat.ExpatError as error:
            reason = expat.ErrorString(error.code)
            raise SourceUnreadable(f"{self.path} is not well-formed XML: line {error.lineno}: {reason}.") from error
        except (UnicodeError, LookupError) as error:
            raise SourceUnreadable(f"{self.path} is not in the encoding {self._encoding} that it declares.") from error

    def _as_text(self, raw: BinaryIO) -> io.TextIOWrapper:
        if codecs.lookup(self._encoding).name not in _ENCODINGS:
            raise SourceUnreadable(
                f"{self.path} has the encoding {self._encoding}, which is not read. Save it as UTF-8."
            )
        # Bytes that are wrong in this encoding come out as surrogates, which nothing else gives.
        return io.TextIOWrapper(raw, encoding=self._encoding, errors="surrogateescape", newline="")

    def _mended(self, chunk: str, line: int) -> str:
        """Return `chunk` with U+FFFD for each character that XML can't hold; note one remark for each such line."""
        if not _NOT_XML.search(chunk):
            return chunk
        for number, text in enumerate(chunk.split("\n"), start=line):
            match = _NOT_XML.search(text)
            if match and len(self.repairs) < REPAIRS_MAX:
                code = ord(match.group())
                original = f"\\x{code - 0xDC00:02x}" if 0xDC80 <= code <= 0xDCFF else f"\\u{code:04x}"
                self.repairs.append(Change("text", original, "\ufffd", _MENDED, number))
            elif match:
                self.repairs[-1] = Change("text", None, "\ufffd", f"{_MENDED} There are more in later lines.", number)
        return _NOT_XML.sub("\ufffd", chunk)


def _sniff_encoding(path: Path) -> str:
    with path.open("rb") as source:
        head = source.read(1024)
    for bom, encoding in _BOMS:
        if head.startswith(bom):
            return encoding
    match = _ENCODING.match(head.lstrip())
    return match[1].decode("ascii") if match else "utf-8"


class _Parser:
    """Collects the records of the chunk that was fed last."""

    def __init__(self, path: Path, kept: Kept) -> None:
        self._path, self._kept = path, kept
        self._elements_max = ELEMENTS_MAX
        self._stack: list[Node] = []
        self._ready: list[Node] = []
        self._prefixes: dict[str, str] = {}
        self._elements = self._characters = self._fed = 0
        self._names: dict[str, str] = {}
        self._expat = expat.ParserCreate("utf-8", None, self._names)
        self._expat.buffer_text = True
        self._expat.StartElementHandler = self._start
        self._expat.EndElementHandler = self._end
        self._expat.CharacterDataHandler = self._data
        self._expat.StartDoctypeDeclHandler = self._refuse_doctype

    def feed(self, text: str, is_final: bool = False) -> list[Node]:
        self._ready = []
        data = text.encode()
        self._fed += len(data)
        self._expat.Parse(data, is_final)
        if self._fed - self._expat.CurrentByteIndex > TAG_BYTES_MAX and not is_final:
            raise self._refusal(f"a tag or a comment of more than {TAG_BYTES_MAX:,} bytes")
        if len(self._names) > NAMES_MAX:
            raise self._refusal(f"elements and attributes of more than {NAMES_MAX:,} names")
        return self._ready

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        if len(self._stack) >= DEPTH_MAX:
            raise SourceUnreadable(f"{self._path} is nested deeper than {DEPTH_MAX} levels.")
        for attribute, uri in attributes.items():
            if attribute.startswith("xmlns:"):
                self._learn_prefix(attribute.removeprefix("xmlns:"), uri)
        prefix, colon, local = name.partition(":")
        canonical = f"{self._prefixes.get(prefix, prefix)}:{local}" if colon else name
        if not self._stack and canonical != "rss":
            raise SourceUnreadable(f"{self._path} is XML but no WordPress export: it begins with <{name[:100]}>.")
        node = Node(canonical, attributes, self._expat.CurrentLineNumber)
        # Records are handed out, so only what is inside of one hangs on its parent.
        if len(self._stack) > 2:
            self._stack[-1].children.append(node)
        elif len(self._stack) == 2:
            self._elements = self._characters = 0
            self._elements_max = min(ELEMENTS_MAX, self._kept.left // ELEMENT_BYTES)
        self._stack.append(node)
        if len(self._stack) > 2:
            self._count(1 + len(attributes), sum(map(len, attributes.values())))

    def _end(self, name: str) -> None:
        node = self._stack.pop()
        if len(self._stack) == 2:
            node.size = self._characters
            self._ready.append(node)

    def _data(self, text: str) -> None:
        node = self._stack[-1]
        if len(self._stack) <= 2 or node.size >= TEXT_MAX:
            return
        node.pieces.append(text)
        node.size += len(text)
        self._count(0, len(text))

    def _count(self, elements: int, characters: int) -> None:
        self._elements += elements
        self._characters += characters
        if self._elements > self._elements_max:
            raise self._refusal(f"a record of more than {self._elements_max:,} elements and attributes")
        if self._characters > RECORD_CHARACTERS_MAX:
            raise self._refusal(f"a record of more than {RECORD_CHARACTERS_MAX:,} characters")

    def _learn_prefix(self, prefix: str, uri: str) -> None:
        for pattern, canonical in _PREFIXES:
            if pattern.fullmatch(uri):
                self._prefixes[prefix] = canonical
                return

    def _refusal(self, what: str) -> SourceUnreadable:
        return SourceUnreadable(f"{self._path} has {what}, in line {self._expat.CurrentLineNumber}: divide it.")

    def _refuse_doctype(self, *_: object) -> None:
        raise SourceUnreadable(f"{self._path} has a document type declaration, which no WordPress export has.")
