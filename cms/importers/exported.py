"""Reading back what `export_content` has written: one JSON document, or a folder with one Markdown file a post.

A document is read twice: first for its users and terms and to find out that it is whole, then post by post.
"""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from cms.importers.bounds import Kept, shortened
from cms.importers.exported_rows import NOUNS, Vocabulary, read_post
from cms.importers.front_matter import split_file
from cms.importers.items import Change, Skipped
from cms.importers.json_stream import JsonFile
from cms.importers.markdown_files import find_files, read_text, refusal_of, shown
from cms.importers.rows import Row
from cms.importers.sources import Entry, Source, SourceUnreadable

SOURCE_NAME: Final = "tandem"  # ids tell objects apart, wherever an export of them lies
DOCUMENT: Final = "tandem.json"
VERSION: Final = 1
HEADER: Final = ("format", "version", "posts")
_HEAD = re.compile(rb'(?:\xef\xbb\xbf)?\s*\{\s*"format"\s*:\s*"tandem"')


def looks_like(path: Path) -> bool:
    document = path / DOCUMENT if path.is_dir() else path
    if not document.is_file():
        return False
    with document.open("rb") as source:
        return _HEAD.match(source.read(200)) is not None


def open_sources(path: Path) -> Sequence[Source]:
    """Return one source. Raises SourceUnreadable if it is not an export of this project, or a damaged one."""
    document = JsonFile(path / DOCUMENT if path.is_dir() else path)
    vocabulary = Vocabulary(document.kept)
    header = _read_document(document, vocabulary)
    if header.get("format") != SOURCE_NAME or header.get("version") != VERSION:
        raise SourceUnreadable(f"{document.path} is not an export that this version of import_content reads.")
    if header.get("posts", []) not in ([], "markdown"):
        raise SourceUnreadable(f"{document.path} is damaged: its posts are no list.")
    if header.get("posts") != "markdown":
        return [DocumentSource(document, vocabulary)]
    if not path.is_dir():
        raise SourceUnreadable(f"{path} is a part of an export; the folder that it lies in is what can be imported.")
    for name in NOUNS:
        table = JsonFile(path / f"{name}.json")
        table.kept = vocabulary.kept
        with table:
            _read_table(table, name, vocabulary)
            table.end()
        vocabulary.add_repairs(table)
    return [FolderSource(path, vocabulary)]


class DocumentSource:
    """Everything in one JSON document; what is done is counted in bytes."""

    name = SOURCE_NAME

    def __init__(self, document: JsonFile, vocabulary: Vocabulary) -> None:
        self._document, self._vocabulary = document, vocabulary
        self.total = document.total

    @property
    def done(self) -> int:
        return self._document.done

    def __iter__(self) -> Iterator[Entry]:
        self._vocabulary.start_over()
        yield from self._vocabulary.entries()
        with self._document as document:
            for name in document.members():
                if name != "posts" or document.peek() != "[":
                    document.value()
                    continue
                for _ in document.elements():
                    yield from self._post()

    def _post(self) -> Iterator[Entry]:
        row = take_row(self._document)
        path = str(self._document.path)
        if isinstance(row, Change):
            yield Skipped(source=path, label="post", change=row)
            return
        content, comments = row.text("content"), row.take("comments")
        yield from read_post(row, content, comments, self._vocabulary, place=(path, ""))


class FolderSource:
    """One Markdown file a post; what is done is counted in files."""

    name = SOURCE_NAME

    def __init__(self, root: Path, vocabulary: Vocabulary) -> None:
        self._root, self._vocabulary = root, vocabulary
        trees = [find_files(root / kind) for kind in ("posts", "pages")]
        self._files = [path for tree in trees for path in tree.files]
        self._refused = [refused for tree in trees for refused in tree.refused]
        self.total, self.done = len(self._files), 0

    def __iter__(self) -> Iterator[Entry]:
        self.done = 0
        self._vocabulary.start_over()
        yield from self._vocabulary.entries()
        for path, reason in self._refused:
            yield self._skipped(path, Change("file", None, None, reason))
        for path in self._files:
            self.done += 1
            try:
                yield from self._post(path)
            except Exception as error:
                yield self._skipped(path, refusal_of(error))

    def _post(self, path: Path) -> Iterator[Entry]:
        text, changes = read_text(path)
        matter, content, _ = split_file(text)
        lines = {found.key: found.line for found in matter.fields}
        row = Row({found.key: found.value for found in matter.fields}, 1, lines)
        row.changes = changes
        for found in matter.fields:
            if found.line != lines[found.key]:
                row.note(found.key, found.value, None, "This key stands twice; the last one counts.")
        label = shown(path.relative_to(self._root))
        try:
            comments = _read_comments(path.with_name(f"{path.stem}.comments.json"), self._vocabulary.kept)
        except (SourceUnreadable, OSError) as error:
            comments = None
            row.note("comments", None, None, f"The comments of this post are not imported: {error}")
        yield from read_post(row, content, comments, self._vocabulary, place=(shown(path), label))

    def _skipped(self, path: Path, change: Change) -> Skipped:
        return Skipped(source=shown(path), label=f"file {shown(path.relative_to(self._root))}", change=change)


def take_row(document: JsonFile) -> Row | Change:
    """Return the next value as a row; if it is not an object, or an empty one, return a change with the reason."""
    document.peek()
    line = document.line
    value = document.value()
    if not isinstance(value, dict):
        return Change("", value, None, "This is not an object.", line)
    if not value:
        return Change("", value, None, "This object has no members.", line)
    row = Row(value, line)
    for name, lost in document.duplicates:
        row.note(name, lost, None, "This member stands twice; the last one counts.")
    if others := document.duplicates.others:
        row.note("", None, None, f"{others:,} more members stand twice; of each name the last one counts.")
    return row


def _read_comments(path: Path, kept: Kept) -> Any:
    if not path.is_file() or path.is_symlink():
        return None
    with JsonFile(path) as document:
        document.kept = kept
        comments = document.value()
        document.end()
    return comments


def _read_document(document: JsonFile, vocabulary: Vocabulary) -> dict[str, Any]:
    header: dict[str, Any] = {}
    with document:
        for name in document.members():
            if name in NOUNS:
                _read_table(document, name, vocabulary)
            elif name == "posts" and document.peek() == "[":
                for _ in document.elements():
                    document.value()
            elif name in HEADER:
                header[name] = shortened(document.value())
            else:
                document.value()
        document.end()
    vocabulary.add_repairs(document)
    return header


def _read_table(document: JsonFile, name: str, vocabulary: Vocabulary) -> None:
    for _ in document.elements():
        row = take_row(document)
        if isinstance(row, Change):
            lost = Skipped(source=str(document.path), label=NOUNS[name], change=row)
            vocabulary.remarks.append(vocabulary.kept.keep(lost))
        else:
            vocabulary.declare(name, row, str(document.path))
