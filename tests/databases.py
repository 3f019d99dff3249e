"""Databases of their own for tests that run the app as a process: a new SQLite file or a new PostgreSQL database."""

import contextlib
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest

from tests.session import ENGINES

SECRET_KEY = "only-for-tests-0123456789-0123456789-0123456789"


@contextlib.contextmanager
def new_database(engine: str, folder: Path) -> Iterator[str]:
    """The URL of an empty database; `engine` is sqlite or postgresql."""
    if engine == "sqlite":
        yield f"sqlite:///{folder / 'db.sqlite3'}"
        return
    if ENGINES.database_url is None:
        pytest.skip("no PostgreSQL was found (REQUIRE_SERVICES=1 makes that a failure)")
    name = f"process_{secrets.token_hex(6)}"
    with psycopg.connect(ENGINES.database_url, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')  # type: ignore[call-overload]
        try:
            yield urlunsplit(urlsplit(ENGINES.database_url)._replace(path=f"/{name}"))
        finally:
            connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')  # type: ignore[call-overload]


@contextlib.contextmanager
def copied_database(template: str, folder: Path) -> Iterator[str]:
    """The URL of a database with all that is in the one at `template`, which nobody may be connected to."""
    engine = "sqlite" if template.startswith("sqlite") else "postgresql"
    with new_database(engine, folder) as url:
        if engine == "sqlite":
            shutil.copy(template.removeprefix("sqlite:///"), url.removeprefix("sqlite:///"))
        else:
            names = [urlsplit(name).path[1:] for name in (url, template)]
            with psycopg.connect(ENGINES.database_url or "", autocommit=True) as connection:
                connection.execute(f'DROP DATABASE "{names[0]}"')  # type: ignore[call-overload]
                connection.execute(f'CREATE DATABASE "{names[0]}" TEMPLATE "{names[1]}"')  # type: ignore[call-overload]
        yield url


def process_env(database_url: str, **more: str) -> dict[str, str]:
    """The environment of a process on this database, with a secret key that makes buckets the same in every run."""
    return {"DATABASE_URL": database_url, "SECRET_KEY": SECRET_KEY, **more}
