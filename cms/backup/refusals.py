"""The refusals of backup and restore, and how failures of files, engines and programs become one sentence."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from cms.errors import CmsError


class BackupRefused(CmsError):
    code = "backup_refused"


class NothingToBackUp(BackupRefused):
    """The database has no table: more often than not, DATABASE_URL names another one than was meant."""

    code = "nothing_to_back_up"


class RestoreIncomplete(BackupRefused):
    """The database is that of the backup already, and media files are missing."""

    code = "restore_incomplete"


@contextmanager
def refusals(doing: str) -> Iterator[None]:
    """Turn what the system answers (no space, no permission, no server) into a BackupRefused that says `doing`."""
    try:
        yield
    except OSError as error:
        where = f": {error.filename}" if error.filename else ""
        raise BackupRefused(f"{doing} failed: {error.strerror or error}{where}.") from error
    except (sqlite3.Error, psycopg.Error) as error:
        raise BackupRefused(f"{doing} failed: {one_line(str(error))}.") from error


def one_line(text: str) -> str:
    """Return a message of an engine or a program as part of a sentence."""
    return " ".join(text.split()).rstrip(".?")
