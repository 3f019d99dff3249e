"""What a format's reader gives to the pipeline, and how it says that there is nothing to read."""

from collections.abc import Iterator
from typing import Protocol

from cms.importers.items import Item, Remark

type Entry = Item | Remark


class SourceUnreadable(Exception):
    """The source as a whole can't be read; the text is one sentence for whoever started the import."""


class Source(Protocol):
    """One place that content comes from. Reading it again yields the same entries in the same order."""

    name: str
    """Tells this source from others in the import records: at most 300 characters."""
    total: int
    """How much there is to read, in whatever unit `done` counts: files or bytes."""

    @property
    def done(self) -> int: ...

    def __iter__(self) -> Iterator[Entry]: ...
