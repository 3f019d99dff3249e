"""Finding and reading Markdown files: which files of a folder there are to import, and their bytes as text."""

import os
import stat
from dataclasses import dataclass, field
from pathlib import Path

from cms.importers.front_matter import BrokenFrontMatter
from cms.importers.items import Change, Changes
from cms.importers.sources import SourceUnreadable

SUFFIXES = (".md", ".markdown", ".mdx")
FILE_BYTES_MAX = 16_000_000  # four times the longest content in bytes, so that a stray dump isn't read into memory
CONTROL_SHARE = 100  # one in so many bytes; a picture or an archive has one in nine
_CONTROLS = bytes({*range(32), 127} - {*b"\t\n\f\r"})
_FOREIGN_FOLDERS = frozenset({"node_modules"})


class NotAPost(Exception):
    """The file can't be imported; the text says why."""


@dataclass
class Tree:
    """The content of a folder: files to import, and files that only look importable, with the reason."""

    files: list[Path] = field(default_factory=list)
    refused: list[tuple[Path, str]] = field(default_factory=list)


def is_markdown(path: Path) -> bool:
    return path.suffix.lower() in SUFFIXES


def find_files(root: Path) -> Tree:
    """Return every Markdown file below `root`, in the order of names. Links and hidden folders are not followed."""
    tree = Tree()
    for folder, folder_names, file_names in os.walk(root):
        folder_names[:] = sorted(n for n in folder_names if not n.startswith(".") and n not in _FOREIGN_FOLDERS)
        for name in folder_names:
            if (path := Path(folder, name)).is_symlink():
                tree.refused.append((path, "It is a link to a folder; links are not followed."))
        for path in sorted(Path(folder, name) for name in file_names):
            if is_markdown(path):
                _sort_in(tree, path, root)
    return tree


def _sort_in(tree: Tree, path: Path, root: Path) -> None:
    if path.is_symlink():
        is_inside = path.resolve().is_relative_to(root.resolve())
        reason = "of this folder" if is_inside else "that leads out of the folder"
        tree.refused.append((path, f"It is a link {reason}; links are not followed."))
    elif not stat.S_ISREG(path.stat().st_mode):
        tree.refused.append((path, "It is not a regular file."))
    else:
        tree.files.append(path)


def shown(path: Path) -> str:
    """Return the path as text that any database and any report can hold, for a name of any bytes."""
    return os.fsencode(path.as_posix()).decode("utf-8", "backslashreplace")


def read_text(path: Path) -> tuple[str, Changes]:
    """Return the file as text, line ends as they are, and the changes that it needed. Raises NotAPost."""
    try:
        if path.stat().st_size > FILE_BYTES_MAX:
            raise NotAPost(f"The file is larger than {FILE_BYTES_MAX // 1_000_000} MB.")
        raw = path.read_bytes()
    except OSError as error:
        raise NotAPost(f"The file can't be read: {error.strerror or error}.") from error
    text, changes = _decoded(raw)
    if "\x00" in text:
        line = text.count("\n", 0, text.index("\x00")) + 1
        reason = f"{text.count('\x00')} NUL characters can't be stored."
        changes.append(Change("text", "\\x00", "", reason, line))
        text = text.replace("\x00", "")
    return text, changes


def refusal_of(error: Exception) -> Change:
    """Return why a file is skipped. A fault that no reader foresaw costs only its file too; its type names it."""
    if isinstance(error, BrokenFrontMatter):
        return Change("file", None, None, str(error), error.line)
    reason = (
        str(error)
        if isinstance(error, NotAPost | SourceUnreadable)
        else f"The file can't be read: {type(error).__name__}."
    )
    return Change("file", None, None, reason)


def _decoded(raw: bytes) -> tuple[str, Changes]:
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        try:
            return raw.decode("utf-16"), Changes(
                [Change("encoding", "UTF-16", "UTF-8", "Content is stored as UTF-8.", 1)]
            )
        except UnicodeDecodeError as error:
            raise NotAPost("The file begins like UTF-16 and is something else.") from error
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        return _as_windows_1252(raw, error)
    if text.startswith("\ufeff"):
        return text[1:], Changes([Change("encoding", "\\ufeff", "", "The byte order mark is not part of the text.", 1)])
    return text, Changes()


def _as_windows_1252(raw: bytes, error: UnicodeDecodeError) -> tuple[str, Changes]:
    if len(raw) - len(raw.translate(None, _CONTROLS)) > len(raw) // CONTROL_SHARE:
        raise NotAPost("The file is not text: it is not UTF-8, and more than one byte in 100 is a control character.")
    line = raw.count(b"\n", 0, error.start) + 1
    text = raw.decode("cp1252", errors="replace")  # one character a byte
    original = f"\\x{raw[error.start]:02x}"
    reason = "The file is not UTF-8; it was read as Windows-1252."
    return text, Changes([Change("encoding", original, text[error.start], reason, line)])
