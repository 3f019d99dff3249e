"""The staging that is tormented: disks that can be full, a clock for each process, two workers, and who watches it all."""

import contextlib
import shutil
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import psycopg

from scripts.staging_local import stores
from scripts.staging_local.ports import HOST, USUAL
from scripts.staging_local.stack import BACKGROUND, Stack, ask, new_stack
from tests.chaos.clocks import clock_settings, find_faketime
from tests.chaos.disks import Disk
from tests.chaos.ledger import Ledger
from tests.chaos.people import People, make_people
from tests.chaos.schedule import CLOCKS
from tests.chaos.supervisor import Starter, Supervisor
from tests.chaos.weather import Weather
from tests.receivers import Receiver, receiving
from tests.servers import free_port
from tests.staging.site import Staging

MIB: Final = 1024 * 1024
DISKS: Final = {"postgres": 400 * MIB, "media": 64 * MIB, "backups": 64 * MIB}
# No fault of these is noticed by time: nobody is refused for the slowness of the machine.
PATIENCE: Final = "?connect_timeout=20"
# Leases are short, so that what a killed worker had in hand is soon free again, and a stopped one loses its own.
SETTINGS: Final = {
    # Counted, and three times as much as the load asks for on a quick machine.
    **dict.fromkeys(("RATE_LIMIT_ANONYMOUS", "RATE_LIMIT_CREDENTIAL"), "20000"),
    # A mail counts even when an outage undoes its registration: the sixth attempt of a newcomer would get none.
    **dict.fromkeys(("RATE_LIMIT_LOGIN", "RATE_LIMIT_REGISTER", "RATE_LIMIT_MAIL"), "0"),
    "DATABASE_STATEMENT_TIMEOUT_S": "40",
    # More than there are threads, for one network: how v2 sheds load is not the question here.
    "CANARY_BULKHEAD": "1000",
    "WEBHOOKS_ALLOW_PRIVATE": "true",
    "JOB_LEASE_S": "5",
    "WEBHOOK_TIMEOUT_S": "3",
    # Failed attempts are not to be waited for, and the time between them grows fourfold.
    "WEBHOOK_MAX_ATTEMPTS": "50",
}
BACK_WITHIN_S: Final = 90.0


@dataclass
class World:
    stack: Stack
    site: Staging
    disks: dict[str, Disk]
    clocks: dict[str, Path]
    supervisor: Supervisor
    receiver: Receiver
    people: People
    ledger: Ledger = field(default_factory=Ledger)
    weather: Weather = field(default_factory=Weather)
    interrupted: threading.Event = field(default_factory=threading.Event)
    _locks: dict[str, threading.Lock] = field(default_factory=lambda: defaultdict(threading.Lock))

    @contextlib.contextmanager
    def alone_with(self, part: str) -> Iterator[None]:
        """Two faults never have the same part of the site in hand, however late they are."""
        with self._locks[part]:
            yield

    def hold(self, seconds: float) -> None:
        """Let the fault last so long, or until somebody interrupts the run."""
        self.interrupted.wait(seconds)

    def await_back(self, what: str, is_back: Callable[[], bool]) -> None:
        """Until it is; a part that doesn't come back by itself is wrong."""
        deadline = time.monotonic() + BACK_WITHIN_S
        while not is_back():
            if self.interrupted.is_set():
                return
            if time.monotonic() > deadline:
                self.ledger.accuse(f"{what} did not come back within {BACK_WITHIN_S:.0f} s")
                return
            time.sleep(0.1)

    def is_ready(self, name: str) -> bool:
        return self.stack.processes.pid(name) is not None and ask(self.stack.ports[name], "/readyz") == 200

    def answers(self) -> bool:
        """Whether the proxy has a web process that is ready."""
        return ask(self.stack.ports["nginx"], "/readyz") == 200

    def connect(self, database: str = stores.DATABASE) -> psycopg.Connection[Any]:
        return psycopg.connect(
            host=HOST,
            port=self.stack.ports["postgres"],
            user=stores.USER,
            password=self.stack.secrets["POSTGRES_PASSWORD"],
            dbname=database,
            autocommit=True,
            connect_timeout=5,
        )

    def database_writes(self) -> bool:
        """Whether PostgreSQL lets us in and is no standby."""
        try:
            with self.connect() as connection:
                row = connection.execute("SELECT pg_is_in_recovery()").fetchone()
                return row is not None and not row[0]
        except psycopg.Error:
            return False


@contextlib.contextmanager
def running_world(folder: Path, kinds: Collection[str]) -> Iterator[World]:
    """Everything runs and is supervised while the block does; disks and clocks are made for the `kinds` that need them."""
    with contextlib.ExitStack() as stack:
        receiver = stack.enter_context(receiving())
        starter = Starter()
        stack.callback(starter.close)
        shutil.rmtree(folder / "logs", ignore_errors=True)  # the checks read them
        ports = {name: free_port() for name in USUAL}
        staging = new_stack(folder, ports, spawn=starter, background={**BACKGROUND, "worker-2": "run_worker"})
        url = stores.database_url(staging.secrets["POSTGRES_PASSWORD"], ports["postgres"])
        staging.more = {**SETTINGS, "DATABASE_URL": f"{url}{PATIENCE}"}
        stack.callback(shutil.rmtree, staging.place, ignore_errors=True)
        disks = _mount(staging) if any(kind.startswith("disk-") for kind in kinds) else {}
        for disk in disks.values():
            stack.callback(disk.unmount)
        clocks = _set_up_clocks(staging) if any(kind.startswith("clock-") for kind in kinds) else {}
        staging.up()
        stack.callback(staging.down)
        site = Staging(staging)
        stack.callback(site.close)
        people = make_people(site, receiver.url)
        world = World(staging, site, disks, clocks, Supervisor(staging), receiver, people)
        _keep_wal_small(world)
        site.canary("set", percent=50)
        stack.enter_context(world.supervisor.supervising())
        yield world


def _mount(stack: Stack) -> dict[str, Disk]:
    places = {"postgres": stack.place / "disk", "media": stack.folder / "media", "backups": stack.folder / "backups"}
    disks = {}
    for name, place in places.items():
        disks[name] = Disk(place, DISKS[name], stack.credentials if name == "postgres" else {})
        disks[name].mount()
    stack.cluster = "disk/first"
    return disks


def _set_up_clocks(stack: Stack) -> dict[str, Path]:
    library = find_faketime()
    clocks = {name: stack.folder / "run" / f"{name}.clock" for name in CLOCKS}
    stack.own_settings = {name: clock_settings(library, file) for name, file in clocks.items()}
    return clocks


def _keep_wal_small(world: World) -> None:
    """As small as the disk; a gigabyte is usual."""
    with world.connect() as connection:
        for setting in ("min_wal_size = '32MB'", "max_wal_size = '64MB'"):
            connection.execute(f"ALTER SYSTEM SET {setting}")  # type: ignore[call-overload]
        connection.execute("SELECT pg_reload_conf()")
