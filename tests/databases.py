"""Databases of their own for tests that run the app as a process: a new SQLite file or a new PostgreSQL database."""

import contextlib
import fcntl
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest

from tests.servers import manage
from tests.session import ENGINES, RUN

TEMPLATE = f"template_{RUN}"
NO_POSTGRESQL = "no PostgreSQL was found (REQUIRE_SERVICES=1 makes that a failure)"
SECRET_KEY = "only-for-tests-0123456789-0123456789-0123456789"


@contextlib.contextmanager
def new_database(engine: str, folder: Path) -> Iterator[str]:
    """The URL of an empty database; `engine` is sqlite or postgresql."""
    if engine == "sqlite":
        yield f"sqlite:///{folder / 'db.sqlite3'}"
        return
    if ENGINES.database_url is None:
        pytest.skip(NO_POSTGRESQL)
    name = f"process_{secrets.token_hex(6)}"
    _on_server(f'CREATE DATABASE "{name}"')
    try:
        yield _url_of(name)
    finally:
        _on_server(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


def shared_template(engine: str, folder: Path) -> str:
    """The URL of a database with all tables and no rows: the first of the workers that share this folder makes it."""
    with (folder / f"{engine}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        known = folder / f"{engine}.url"
        if not known.exists():
            if engine == "sqlite":
                url = f"sqlite:///{folder / 'template.sqlite3'}"
            elif ENGINES.database_url is None:
                pytest.skip(NO_POSTGRESQL)
            else:
                _on_server(f'CREATE DATABASE "{TEMPLATE}"')
                url = _url_of(TEMPLATE)
            migrated = manage("migrate", "--no-seed", "-v0", env=process_env(url))
            assert migrated.returncode == 0, migrated.stderr
            known.write_text(url)
        return known.read_text()


def drop_template() -> None:
    if ENGINES.database_url is not None:
        _on_server(f'DROP DATABASE IF EXISTS "{TEMPLATE}"')


def _url_of(name: str) -> str:
    return urlunsplit(urlsplit(ENGINES.database_url or "")._replace(path=f"/{name}"))


def _on_server(*statements: str) -> None:
    with psycopg.connect(ENGINES.database_url or "", autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement)  # type: ignore[call-overload]


@contextlib.contextmanager
def copied_database(template: str, folder: Path) -> Iterator[str]:
    """The URL of a database with all that is in the one at `template`, which nobody may be connected to."""
    engine = "sqlite" if template.startswith("sqlite") else "postgresql"
    with new_database(engine, folder) as url:
        if engine == "sqlite":
            shutil.copy(template.removeprefix("sqlite:///"), url.removeprefix("sqlite:///"))
        else:
            names = [urlsplit(name).path[1:] for name in (url, template)]
            _on_server(f'DROP DATABASE "{names[0]}"', f'CREATE DATABASE "{names[0]}" TEMPLATE "{names[1]}"')
        yield url


def process_env(database_url: str, **more: str) -> dict[str, str]:
    """The environment of a process on this database, with a secret key that makes buckets the same in every run."""
    return {"DATABASE_URL": database_url, "SECRET_KEY": SECRET_KEY, "PYTHONFAULTHANDLER": "1", **more}
