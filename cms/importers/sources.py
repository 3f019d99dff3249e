"""The interface between a format's reader and the pipeline, and the error for a source that can't be read."""

from collections.abc import Iterator
from typing import Protocol

from cms.importers.items import Item, Remark

type Entry = Item | Remark


class SourceUnreadable(Exception):
    """The source as a whole can't be read; the text is one sentence for the person who started the import."""


class Source(Protocol):
    """One place that content comes from. Reading it again yields the same entries in the same order."""

    name: str
    """Identifies this source in the import records: at most 300 characters."""
    total: int
    """How much there is to read, in the unit of `done`: files or bytes."""

    @property
    def done(self) -> int: ...

    def __iter__(self) -> Iterator[Entry]: ...
