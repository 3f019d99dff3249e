"""The database that the settings name, as the engine that dumps and restores it."""

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from django.apps import apps
from django.core.files.storage import FileSystemStorage, default_storage
from django.db import connection
from psycopg import pq

from cms.backup.manifest import Dump
from cms.backup.postgresql import PostgresDatabase
from cms.backup.refusals import BackupRefused
from cms.backup.sqlite import SqliteDatabase

Advance = Callable[[int], None]


class Database(Protocol):
    @property
    def engine(self) -> str: ...

    def dump(self, target: Path, advance: Advance) -> Dump: ...

    def verify(self, dump_file: Path, dump: Dump, advance: Advance) -> None: ...

    def rows_of(self, tables: tuple[str, ...]) -> int: ...

    def restore(self, dump_file: Path, dump: Dump, advance: Advance) -> None: ...


def configured_database() -> Database:
    """Return the configured database without opening it: it may be absent."""
    if connection.vendor == "sqlite":
        return SqliteDatabase(Path(connection.settings_dict["NAME"]))
    if connection.vendor != "postgresql":
        raise BackupRefused(f"There is no backup for {connection.vendor}.")
    known = {option.keyword.decode() for option in pq.Conninfo.get_defaults()}
    parameters = {name: value for name, value in connection.get_connection_params().items() if name in known}
    return PostgresDatabase(parameters, ("django_", *(f"{label}_" for label in apps.app_configs)))


def media_root() -> Path | None:
    """Return the folder of the media; None when they are in an object storage."""
    return Path(default_storage.location) if isinstance(default_storage, FileSystemStorage) else None
