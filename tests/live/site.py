"""A running site as its clients know it: one keep-alive connection a role, and a look into its database."""

import contextlib
import itertools
import os
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Final, LiteralString

import httpx
import psycopg
from psycopg.rows import dict_row

from tests.databases import copied_database, process_env
from tests.servers import Server, manage, serve
from tests.session import ENGINES

PASSWORD: Final = "a long enough pass-phrase"
ROLES: Final = ("subscriber", "author", "editor", "admin")
BASE: Final = "/api/v2"
TOKENS_GOOD_FOR_S: Final = 600.0
_numbers = itertools.count(1)


@dataclass
class Site:
    server: Server
    database: psycopg.Connection[dict[str, Any]]
    stack: contextlib.ExitStack
    people: dict[str, httpx.Client] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    signed_in_at: float = 0.0

    @cached_property
    def anonymous(self) -> httpx.Client:
        return self.client()

    def client(self, token: str | None = None) -> httpx.Client:
        """Paths are below the base of v2."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        client = httpx.Client(base_url=self.server.base_url + BASE, headers=headers, timeout=30)
        return self.stack.enter_context(client)

    def sign_in(self, username: str, role: str) -> httpx.Client:
        answer = self.anonymous.post("/auth/token", json={"email": f"{username}@example.org", "password": PASSWORD})
        assert answer.status_code == 200, answer.text
        self.names[role], self.signed_in_at = username, time.monotonic()
        self.tokens[role] = answer.json()["access_token"]
        self.people[role] = self.client(self.tokens[role])
        return self.people[role]

    def keep_signed_in(self) -> None:
        """Access tokens are good for 15 minutes, and a session of tests may take longer."""
        if self.names and time.monotonic() - self.signed_in_at > TOKENS_GOOD_FOR_S:
            for role, username in [*self.names.items()]:
                self.sign_in(username, role)

    def register(self, username: str | None = None, **more: str) -> dict[str, Any]:
        username = username or unique("user")
        body = {"username": username, "email": f"{username}@example.org", "password": PASSWORD, **more}
        answer = self.anonymous.post("/users", json=body)
        assert answer.status_code == 201, answer.text
        user: dict[str, Any] = answer.json()
        return user

    def rows(self, statement: LiteralString, *values: object) -> list[dict[str, Any]]:
        return self.database.execute(statement, values).fetchall()

    def row(self, statement: LiteralString, *values: object) -> dict[str, Any]:
        [found] = self.rows(statement, *values)
        return found


def unique(word: str) -> str:
    """A name that no other test has."""
    return f"{word}_{next(_numbers)}"


@contextlib.contextmanager
def running_site(template: str, folder: Path, *limits: str) -> Iterator[Site]:
    """A site on a copy of the database at `template`; `limits` are the settings RATE_LIMIT_… that are off in it."""
    redis_url = ENGINES.redis_url_for(os.environ.get("PYTEST_XDIST_WORKER", "master")) or ""
    with copied_database(template, folder) as url:
        env = process_env(url, REDIS_URL=redis_url, MEDIA_ROOT=str(folder / "media"), **dict.fromkeys(limits, "0"))
        with serve(env, threads=8) as server, open_site(server, env) as site:
            yield site


@contextlib.contextmanager
def open_site(server: Server, env: Mapping[str, str]) -> Iterator[Site]:
    """Sign in as the first admin, who came from the shell, and give everybody else their role as an admin does."""
    account = ("--username", "the_admin", "--email", "the_admin@example.org", "--role", "admin", "--password-stdin")
    created = manage("users", "create", *account, env=env, input=PASSWORD)
    assert created.returncode == 0, created.stderr
    with contextlib.ExitStack() as stack:
        database = stack.enter_context(psycopg.connect(env["DATABASE_URL"], autocommit=True, row_factory=dict_row))
        site = Site(server, database, stack)
        admin = site.sign_in("the_admin", "admin")
        for role in ROLES[:-1]:
            user = site.register(f"the_{role}")
            given = admin.post(f"/users/{user['id']}/actions/set-role", json={"role": role})
            assert given.status_code == 200, given.text
            site.sign_in(f"the_{role}", role)
        yield site
