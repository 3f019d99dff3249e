"""The rehearsed site: its database, servers of two workers, the controller, and the command line beside them."""

import contextlib
import json
import time
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import psycopg
from psycopg.rows import dict_row

from tests.rehearsal.faults import Fault
from tests.rehearsal.load import People
from tests.servers import Server, commanding, manage, serve

WORKERS: Final = 2
USERS: Final = 2_200
"""At 10 % a step is safe after 177 users of v2 without an error, and of so many 220 are on v2."""
POSTS: Final = 200
SHADOW: Final = {"CANARY_SHADOW_PERCENTAGE": "5", "CANARY_SHADOW_CPU_PERCENTAGE": "40"}
"""Some seven reads a second, each of a few hundredths of a second: none waits for long."""
TURN_S: Final = "0.5"
SECRET_KEY: Final = "only-for-rehearsals-0123456789-0123456789"
SLEEPING: Final = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'"
PRINT_PEOPLE: Final = "from tests.rehearsal.people import print_people; print_people({})"


class RehearsalError(Exception):
    """Something didn't happen as it should."""


@dataclass
class Site:
    env: dict[str, str]
    fault_path: Path
    people: People
    database: psycopg.Connection[dict[str, Any]]

    @contextlib.contextmanager
    def serving(self, threads: int, **more: str) -> Iterator[Server]:
        with serve(self.env | more, workers=WORKERS, threads=threads) as server:
            yield server

    def plant(self, fault: Fault) -> None:
        # In the place of the old file at once: v2 reads it with each request.
        fresh = self.fault_path.with_suffix(".new")
        fresh.write_text(fault)
        fresh.replace(self.fault_path)

    def canary(self, *words: str) -> dict[str, Any]:
        """What `manage.py canary … --json` prints. Raises RehearsalError when it ends with another code than 0."""
        return json.loads(_manage(self.env, "canary", *words, "--json"))  # type: ignore[no-any-return]

    def lines(self, *words: str) -> list[str]:
        """What it prints for people."""
        return _manage(self.env, "canary", *words).splitlines()

    def events_after(self, version: int) -> list[dict[str, Any]]:
        """Straight from the database: a process for every look would take the time from the server."""
        statement = "SELECT * FROM canary_rolloutevent WHERE version > %s ORDER BY version"
        return self.database.execute(statement, [version]).fetchall()

    def workers(self, pids: Collection[int]) -> list[dict[str, Any]]:
        """What these processes said last: those that were killed stay on the list for a while."""
        rows = self.database.execute("SELECT * FROM canary_worker").fetchall()
        return [row for row in rows if int(row["name"].split(":")[-2]) in pids]

    def slow_statements(self) -> list[int]:
        """The backends in which one of v2's runs now."""
        return [row["pid"] for row in self.database.execute(SLEEPING)]

    def cancel_slow_statements(self) -> None:
        for pid in self.slow_statements():
            self.database.execute("SELECT pg_cancel_backend(%s)", [pid])

    def verdicts_of(self, release: int) -> list[dict[str, Any]]:
        statement = "SELECT * FROM canary_verdict WHERE release = %s ORDER BY id"
        return self.database.execute(statement, [release]).fetchall()


@contextlib.contextmanager
def running_site(database_url: str, redis_url: str, folder: Path) -> Iterator[Site]:
    """On an empty database, or one that has only its tables."""
    fault_path = folder / "fault"
    fault_path.write_text(Fault.NONE)
    env = {
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "SECRET_KEY": SECRET_KEY,
        "DJANGO_SETTINGS_MODULE": "tests.rehearsal.settings",
        "REHEARSAL_FAULT": str(fault_path),
        "MEDIA_ROOT": str(folder / "media"),
        "TMPDIR": str(folder),
        **SHADOW,
        "CANARY_WARM_UP_S": "0",  # a step takes less than the usual warm-up
    }
    _manage(env, "migrate", "--no-seed", "-v0")
    _manage(env, "seed", "--posts", str(POSTS), "--force")
    people = People(**json.loads(_manage(env, "shell", "-v0", "--no-imports", "-c", PRINT_PEOPLE.format(USERS))))
    with contextlib.ExitStack() as stack:
        controller = commanding("run_canary_controller", "--interval", TURN_S, env=env, log=folder / "controller.log")
        stack.enter_context(controller)
        database = psycopg.connect(database_url, autocommit=True, row_factory=dict_row)
        yield Site(env, fault_path, people, stack.enter_context(database))


def wait_for[T](look: Any, within_s: float, what: str) -> Any:
    """The first true answer of `look`."""
    deadline = time.monotonic() + within_s
    while not (found := look()):
        if time.monotonic() > deadline:
            raise RehearsalError(f"{what} didn't come within {within_s:g} s.")
        time.sleep(0.1)
    return found


def _manage(env: dict[str, str], *words: str) -> str:
    done = manage(*words, env=env)
    if done.returncode:
        raise RehearsalError(f"{' '.join(words)} ended with {done.returncode}: {done.stdout}{done.stderr}")
    return done.stdout
