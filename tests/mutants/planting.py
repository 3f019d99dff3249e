"""Faults as data, and how one is put into a file: by exact text, not line numbers, so that the lists outlive other changes."""

import contextlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).parent
LISTS: Final = {"faults": "the whole product", "core_faults": "the canary's core"}


class NowhereToPlant(Exception):
    """The code has changed so that the fault's place is gone: plant it again."""


@dataclass(frozen=True)
class Fault:
    path: str
    old: str
    new: str
    why: str = ""
    """What users would suffer; empty where the change itself says it."""

    def __str__(self) -> str:
        return f"{self.path}: {self.why or f'{self.old}  ->  {self.new}'}"

    def plant(self, source: str) -> str:
        """Return the source with the fault. Raises NowhereToPlant."""
        if (count := source.count(self.old)) != 1:
            raise NowhereToPlant(f"Plant it again: its old text occurs {count} times, not once.  {self}")
        return source.replace(self.old, self.new)

    @contextlib.contextmanager
    def planted(self, tree: Path) -> Iterator[None]:
        """Keep the fault in a copy of the project while the block runs."""
        path = tree / self.path
        sound = path.read_text()
        _write(path, self.plant(sound))
        try:
            yield
        finally:
            _write(path, sound)


def faults(name: str) -> list[Fault]:
    """Return one of LISTS."""
    return [Fault(**row) for row in json.loads((HERE / f"{name}.json").read_text())]


def _write(path: Path, text: str) -> None:
    """Each time a second later than before: bytecode of the same size and second would be taken for the text's."""
    later = path.stat().st_mtime + 2
    path.write_text(text)
    os.utime(path, (later, later))
