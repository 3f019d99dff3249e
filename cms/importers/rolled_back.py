"""An import that leaves nothing behind: it happens, so that its report is that of the real one, and is rolled back."""

import contextlib
import sqlite3
import tempfile
from collections.abc import Iterator
from pathlib import Path

from django.db import DEFAULT_DB_ALIAS, connection, connections, transaction

from cms.importers.private_tables import private_tables


@contextlib.contextmanager
def rolled_back() -> Iterator[None]:
    """Keep everything in this thread's connection, and roll all of it back. No other writer waits for it."""
    with _private_copy(), transaction.atomic():
        with private_tables() if connection.vendor == "postgresql" else contextlib.nullcontext():
            yield
        transaction.set_rollback(True)


@contextlib.contextmanager
def _private_copy() -> Iterator[None]:
    """Work on a copy of the file on SQLite: a long transaction there would keep every other writer waiting."""
    original = connections[DEFAULT_DB_ALIAS]
    name = str(original.settings_dict["NAME"])
    if original.vendor != "sqlite" or original.in_atomic_block or not Path(name).exists():
        yield
        return
    with tempfile.TemporaryDirectory(prefix="tandem-dry-run-") as folder:
        file = Path(folder) / "copy.sqlite3"
        original.ensure_connection()
        with contextlib.closing(sqlite3.connect(file)) as target:
            original.connection.backup(target)
        copy = type(original)({**original.settings_dict, "NAME": str(file)}, DEFAULT_DB_ALIAS)
        connections[DEFAULT_DB_ALIAS] = copy  # of this thread alone
        try:
            yield
        finally:
            copy.close()
            connections[DEFAULT_DB_ALIAS] = original
