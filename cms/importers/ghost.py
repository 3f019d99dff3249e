"""Reading Ghost's JSON export, of Ghost 1 to 5 and of 0.x: users, tags, posts and pages.

The tables of an export refer to one another in any order, so a file is read for everything but the posts, and then post
by post. A first reading finds out whether it is whole. Nothing of that is kept while other files are imported.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from cms.importers.exported import take_row
from cms.importers.ghost_posts import read_post
from cms.importers.ghost_tables import Tables
from cms.importers.items import Change, Remark, Skipped
from cms.importers.json_stream import JsonFile
from cms.importers.keys import fit_source_name
from cms.importers.sources import Entry, Source, SourceUnreadable

OWN_TABLES: Final = {"posts", "tags", "users"}
_OPENING = re.compile(rb"(?:\xef\xbb\xbf|\xff\xfe|\xfe\xff)?[\s\x00]*\{")


def looks_like(path: Path) -> bool:
    if path.is_dir():
        return any(path.glob("*.json"))
    with path.open("rb") as source:
        return _OPENING.match(source.read(200)) is not None


def open_sources(path: Path) -> Sequence[Source]:
    """Return one source a file. Raises SourceUnreadable for a file or a folder without a readable export."""
    if path.is_file():
        return [GhostSource(path)]
    sources: list[GhostSource] = []
    broken: list[Skipped] = []
    for part in sorted(path.glob("*.json")):
        try:
            sources.append(GhostSource(part))
        except SourceUnreadable as error:
            change = Change("file", None, None, str(error))
            broken.append(Skipped(source=str(part), label=f"file {part.name}", change=change))
    if not sources:
        raise SourceUnreadable(broken[0].change.reason if broken else f"{path} holds no Ghost export.")
    sources[0].broken_parts = broken
    return sources


@dataclass
class _Walk:
    """A file from its beginning to its end, table by table."""

    document: JsonFile
    tables_seen: set[str] = field(default_factory=set)

    def tables(self) -> Iterator[str]:
        """Stop before each table, whose rows must then be taken; pass over everything else in the file.

        `{"db": [{"meta": …, "data": {TABLE: [ROW, …], …}}]}`, or the content of the list alone.
        """
        yield from self._members(is_outermost=True)
        self.document.end()

    def _members(self, *, is_outermost: bool) -> Iterator[str]:
        for name in self.document.members():
            opening = self.document.peek()
            if name == "db" and opening == "[" and is_outermost:
                for _ in self.document.elements():
                    if self.document.peek() == "{":
                        yield from self._members(is_outermost=False)
                    else:
                        self.document.value()
            elif name == "data" and opening == "{":
                yield from self._data()
            else:
                self.document.value()

    def _data(self) -> Iterator[str]:
        for name in self.document.members():
            if self.document.peek() == "[":
                self.tables_seen |= {name} & OWN_TABLES
                yield name
            else:
                self.document.value()


class GhostSource:
    """Named by what Ghost gives a site for itself, so that later exports are the same source; else by the path."""

    def __init__(self, path: Path) -> None:
        self._document = JsonFile(path)
        self._path = str(path)
        self.total = self._document.total
        self.broken_parts: list[Skipped] = []
        self.name = fit_source_name(f"ghost:{self._read_tables().site_key or path.resolve()}")
        self._document.repairs.clear()  # the second reading makes them again

    @property
    def done(self) -> int:
        return self._document.done

    def __iter__(self) -> Iterator[Entry]:
        yield from self.broken_parts
        tables = self._read_tables()
        for repair in list(self._document.repairs):
            yield Remark(source=self._path, label="file", change=repair)
        yield from tables.entries()
        with self._document as document:
            for name in _Walk(document).tables():
                for _ in document.elements():
                    if name == "posts":
                        yield from self._post(tables)
                    else:
                        document.value()
        self._document.repairs.clear()

    def _post(self, tables: Tables) -> Iterator[Entry]:
        row = take_row(self._document)
        if isinstance(row, Change):
            yield Skipped(source=self._path, label="post", change=row)
        else:
            yield from read_post(row, self._path, tables)

    def _read_tables(self) -> Tables:
        tables = Tables(self._path)
        self._document.kept = tables.kept
        walk = _Walk(self._document)
        with self._document as document:
            if document.peek() != "{":
                raise SourceUnreadable(f"{self._path} is not a Ghost export: it is not a JSON object.")
            for name in walk.tables():
                for _ in document.elements():
                    self._take(name, tables)
        if not walk.tables_seen:
            raise SourceUnreadable(f"{self._path} is JSON but no Ghost export: it has no posts, tags or users.")
        tables.settle_roles()
        return tables

    def _take(self, name: str, tables: Tables) -> None:
        if name == "posts":
            self._document.value()
            return
        row: Any = take_row(self._document)
        if isinstance(row, Change):
            tables.note_lost(name, row)
        else:
            tables.take(name, row)
