"""The objects of a source that an import has come across, on disk: a small file can stand for millions of them."""

import hashlib
import sqlite3
from typing import Self


class Seen:
    """A set of nouns with their external ids."""

    def __init__(self) -> None:
        # SQLite keeps a database without a name in a temporary file, beside two megabytes in memory.
        self._database = sqlite3.connect("", isolation_level=None)
        self._database.execute("PRAGMA journal_mode = OFF")
        self._database.execute("CREATE TABLE seen (id BLOB PRIMARY KEY) WITHOUT ROWID")

    def add(self, noun: str, external_id: str) -> bool:
        """Return whether the object was not there before."""
        digest = hashlib.sha256(f"{noun} {external_id}".encode("utf-8", "surrogatepass")).digest()
        return self._database.execute("INSERT OR IGNORE INTO seen VALUES (?)", [digest[:16]]).rowcount == 1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._database.close()
