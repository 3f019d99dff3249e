"""Seeded databases for servers that run as real processes."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.databases import new_database, process_env
from tests.servers import manage
from tests.slow import slow


@pytest.fixture(scope="module", params=[slow("sqlite"), "postgresql"])
def env(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The environment of a process on a database with the demo content; the demo accounts can sign in."""
    with new_database(request.param, tmp_path_factory.mktemp("e2e")) as url:
        env = process_env(url)
        migrated = manage("migrate", env=env)
        assert migrated.returncode == 0, migrated.stderr
        given = manage("seed", "--demo-password-stdin", env=env, input="tandem-demo-2026\n")
        assert given.returncode == 0, given.stderr
        yield env


@pytest.fixture(scope="session")
def sqlite_env(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    folder: Path = tmp_path_factory.mktemp("sqlite")
    with new_database("sqlite", folder) as url:
        env = process_env(url)
        migrated = manage("migrate", env=env)
        assert migrated.returncode == 0, migrated.stderr
        yield env
