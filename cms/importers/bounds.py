"""Bounds of what a reader keeps in memory of a source: a small file can stand for very much.

They count objects and characters of one file, so a file of ordinary objects takes some 200 MB. Many empty values still
take more, and so do several files. `front_matter.py`, `json_stream.py` and `wxr_xml.py` bound single records.
"""

from pathlib import Path
from typing import Any, Final

from cms.importers.sources import SourceUnreadable

KEPT_MAX: Final = 200_000
"""Users, terms and rows about them: each takes up to a kilobyte."""
LINKS_MAX: Final = 1_000_000
"""Links of posts to users and tags in a table of their own: each takes 180 bytes."""
KEPT_CHARACTERS_MAX: Final = 32_000_000
COMMENTS_MAX: Final = 50_000
"""Those of one post are put in order before the first is written, and each takes two kilobytes."""


class Kept:
    """Counts what a reader keeps in memory until the end of a source."""

    def __init__(self, place: Path | str) -> None:
        self._place = place
        self._objects = self._links = self._characters = 0

    def add(self, characters: int) -> None:
        """Count an object of so many characters. Raises SourceUnreadable when it is one too many."""
        self._objects += 1
        self._characters += characters
        if self._objects > KEPT_MAX:
            raise self._refusal(f"more than {KEPT_MAX:,} users, terms and rows about them")
        self._refuse_long()

    def add_text(self, text: str) -> None:
        """Count a text of an object that was counted before."""
        self._characters += len(text)
        self._refuse_long()

    def add_link(self, characters: int) -> None:
        """Count a row that links a post to something else."""
        self._links += 1
        self._characters += characters
        if self._links > LINKS_MAX:
            raise self._refusal(f"more than {LINKS_MAX:,} links of posts to users and tags")
        self._refuse_long()

    def _refuse_long(self) -> None:
        if self._characters > KEPT_CHARACTERS_MAX:
            raise self._refusal(f"users and terms of more than {KEPT_CHARACTERS_MAX:,} characters")

    def _refusal(self, what: str) -> SourceUnreadable:
        return SourceUnreadable(f"{self._place} has {what}. Divide the export.")


def first_comments(found: list[Any]) -> tuple[list[Any], str]:
    """Return as many comments of a post as are imported, and a sentence about the others if there are any."""
    if len(found) <= COMMENTS_MAX:
        return found, ""
    return found[:COMMENTS_MAX], f"At most {COMMENTS_MAX:,} comments of a post are imported; there are {len(found):,}."
