"""The name of a file at its origin: text to be shown and never a path."""

import unicodedata
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Final

from cms import limits

# Controls, invisible formatting (bidirectional overrides turn exe.gpj into jpg.exe), surrogates, private, unassigned.
_UNSEEN_CATEGORIES = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
# Letters and signs that show nothing, and what shows nothing by itself: Unicode's Default_Ignorable_Code_Point.
_BLANKS = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0\U0001d159")
_JOINERS = "\u200c\u200d"  # words of Persian and Indic scripts and many emoji need them
_EXTENSION_MAX = 20
# Extensions that mean the same as a type's own: the type was recognised by them, or any system opens them as it.
_ALIASES: Final[Mapping[str, frozenset[str]]] = {
    ".jpg": frozenset({".jpeg", ".jpe", ".jfif"}),
    ".md": frozenset({".markdown"}),
}


def is_unseen(character: str) -> bool:
    return character in _BLANKS or (character not in _JOINERS and unicodedata.category(character) in _UNSEEN_CATEGORIES)


def clean_name(name: str, extension: str) -> str:
    """Return the last component without invisible characters, at most 255 characters; "file" when nothing is left."""
    last = name.replace("\\", "/").rpartition("/")[2]
    # Cut first: normalising is the costly part, and the rest of a name is not kept.
    composed = unicodedata.normalize("NFC", last[-4 * limits.FILE_NAME_MAX :])
    visible = "".join(c for c in composed if not is_unseen(c))
    shown = visible.strip(f" .{_JOINERS}\u00a0\u3000")
    if not shown:
        return f"file{extension}"
    suffix = PurePosixPath(shown).suffix
    kept = suffix if len(suffix) <= _EXTENSION_MAX else ""
    return shown.removesuffix(kept)[: limits.FILE_NAME_MAX - len(kept)] + kept


def download_name(name: str, stored_as: str) -> str:
    """Return the name that a client saves a file under: it ends as the stored file does, whose extension is its type's.

    A system opens `a.html` as a page, even if its bytes are a text.
    """
    extension = PurePosixPath(stored_as).suffix
    if PurePosixPath(name).suffix.lower() in {extension, *_ALIASES.get(extension, ())}:
        return name
    return name[: limits.FILE_NAME_MAX - len(extension)] + extension
