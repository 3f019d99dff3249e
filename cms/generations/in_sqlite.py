"""Generations of an SQLite file: the file itself shows whether anybody has committed to it."""

import sqlite3
import threading
from pathlib import Path


class SqliteGenerations:
    """Ask `PRAGMA data_version` on a connection that never writes, so that every commit is another connection's.

    These are commits of this process, of other processes, of `restore` and of a shell. It takes some 10 µs and is never
    late.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._data_version: int | None = None
        self._number = 0

    def current(self) -> int | None:
        with self._lock:
            try:
                (data_version,) = self._connected().execute("PRAGMA data_version").fetchone()
            except sqlite3.Error:
                self.close()
                return None
            if data_version != self._data_version:
                self._data_version = data_version
                self._number += 1
            return self._number

    def current_however_late(self) -> int | None:
        """Return the same: the file is asked either way."""
        return self.current()

    def begin(self) -> None:
        """Do nothing: the commit itself is the sign."""

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _connected(self) -> sqlite3.Connection:
        if self._connection is None:
            uri = f"{Path(self._path).absolute().as_uri()}?mode=rw"  # never makes the file
            self._connection = sqlite3.connect(uri, uri=True, timeout=0, isolation_level=None, check_same_thread=False)
            self._data_version = None  # the numbers of two connections have nothing to do with each other
        return self._connection
