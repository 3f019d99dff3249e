"""Each fault in one place: how it begins, which answers it excuses, how it ends, and when all is well again."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import psycopg
import redis

from scripts.staging_local.errors import StagingError
from scripts.staging_local.ports import HOST
from scripts.staging_local.stack import WEBS, ask
from tests.chaos.clocks import set_clock
from tests.chaos.failover import fail_over
from tests.chaos.schedule import Planned
from tests.chaos.world import World

JUMP_S: Final = 3_600
IDLE: Final = 2_000
NOTHING: Final[frozenset[int]] = frozenset()
# The proxy's own, and 503 while one process has to answer for both.
OF_WEB: Final = frozenset({502, 503, 504})
OF_DATABASE: Final = frozenset({503})


def play(world: World, planned: Planned) -> None:
    FAULTS[planned.fault](world, planned.target, planned.lasts_s)


def kill(world: World, target: str, lasts_s: float) -> None:
    """With SIGKILL: a process with its children, one of its children, or one session of PostgreSQL."""
    name, _, part = target.partition(" ")
    statuses = OF_WEB if name in WEBS else OF_DATABASE if name == "postgres" else NOTHING
    with world.weather.spell(f"kill {target}", statuses):
        before = world.stack.processes.pid(name)
        _kill(world, name, part)
        if part != "child":
            world.await_back(name, lambda: part == "backend" or world.stack.processes.pid(name) not in (None, before))
        if name == "postgres":
            world.await_back(name, world.database_writes)
            world.await_back("the site", world.answers)
        if name in WEBS:
            world.await_back(name, lambda: world.is_ready(name))


def _kill(world: World, name: str, part: str) -> None:
    """What has just ended by itself is left alone."""
    pid = world.stack.processes.pid(name)
    with contextlib.suppress(ProcessLookupError, psycopg.Error):
        if pid is None:
            return
        if part == "child":
            children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
            os.kill(int(children[0]) if children else pid, signal.SIGKILL)
        elif part == "backend":
            with world.connect() as connection:
                os.kill(connection.info.backend_pid, signal.SIGKILL)
        else:
            os.killpg(pid, signal.SIGKILL)


def fill_database_disk(world: World, _: str, lasts_s: float) -> None:
    with world.weather.spell("disk-database", OF_DATABASE):
        with _full(world, "postgres"):
            world.hold(lasts_s)
        world.await_back("postgres", world.database_writes)
        world.await_back("the site", world.answers)


def fill_media_disk(world: World, _: str, lasts_s: float) -> None:
    with world.weather.spell("disk-media", OF_DATABASE, frozenset({"upload"})), _full(world, "media"):
        world.hold(lasts_s)


def fill_backup_disk(world: World, _: str, lasts_s: float) -> None:
    """A backup fails with a sentence and leaves nothing behind; with space again one is made."""
    path = world.stack.folder / "backups/chaos.tar"
    with world.weather.spell("disk-backup", NOTHING):
        with _full(world, "backups"):
            told = _backup(world, path)
            if told is None:
                world.ledger.accuse("a backup was made on a full disk")
            elif "Traceback" in told or not told.strip().splitlines()[-1].startswith("CommandError: "):
                world.ledger.accuse(f"a backup on a full disk ended without a sentence: {told[-500:]}")
            left = [one.name for one in path.parent.iterdir() if one != path]
            if left:
                world.ledger.accuse(f"a backup on a full disk left {', '.join(left)} behind")
        world.await_back("the backup", lambda: _backup(world, path) is None)


def _backup(world: World, path: Path) -> str | None:
    """What it complained of."""
    try:
        world.stack.manage("backup", str(path))
    except StagingError as error:
        return str(error)
    return None


@contextlib.contextmanager
def _full(world: World, name: str) -> Iterator[None]:
    world.disks[name].fill()
    try:
        yield
    finally:
        world.disks[name].free()


def move_database(world: World, _: str, lasts_s: float) -> None:
    """Another server takes over: first as a standby that takes no writes, then for good."""
    with world.weather.spell("failover", OF_DATABASE):
        fail_over(world, lasts_s)
        world.await_back("postgres", world.database_writes)
        world.await_back("the site", world.answers)


def empty_redis(world: World, _: str, lasts_s: float) -> None:
    """Killed, and back without its data. Nobody is refused anything for that."""
    with world.weather.spell("redis-empty", NOTHING):
        with world.supervisor.held("redis"):
            pid = world.stack.processes.pid("redis")
            if pid is not None:
                os.killpg(pid, signal.SIGKILL)
            world.hold(lasts_s)
            shutil.rmtree(world.stack.place / "redis", ignore_errors=True)
        world.await_back("redis", lambda: _redis_answers(world))


def _redis_answers(world: World) -> bool:
    with redis.Redis(host=HOST, port=world.stack.ports["redis"], socket_timeout=2) as client:
        try:
            return bool(client.ping())
        except redis.RedisError:
            return False


def put_clock_ahead(world: World, target: str, lasts_s: float) -> None:
    _jump(world, target, JUMP_S, lasts_s)


def put_clock_back(world: World, target: str, lasts_s: float) -> None:
    _jump(world, target, -JUMP_S, lasts_s)


def _jump(world: World, target: str, by_s: int, lasts_s: float) -> None:
    with world.weather.spell(f"clock {target} {by_s:+d} s", NOTHING):
        set_clock(world.clocks[target], by_s)
        try:
            world.hold(lasts_s)
        finally:
            set_clock(world.clocks[target], 0)
        world.hold(1.5)  # the file is read once a second


def open_idle_connections(world: World, target: str, lasts_s: float) -> None:
    """Connections that send nothing. Those that the other side ends are no fault of the site, if it answers others."""
    before = world.stack.processes.pid(target) if world.is_ready(target) else None
    with world.weather.spell(f"idle {target}", NOTHING), contextlib.ExitStack() as stack:
        opened = 0
        for _ in range(IDLE):
            if world.interrupted.is_set():
                return
            with contextlib.suppress(OSError):
                stack.enter_context(socket.create_connection((HOST, world.stack.ports[target]), timeout=1))
                opened += 1
        world.hold(lasts_s)
        told = ask(world.stack.ports[target], "/livez")
        if (told, opened) != (200, IDLE) and before is not None and world.stack.processes.pid(target) == before:
            world.ledger.accuse(f"{target} took {opened} of {IDLE} idle connections and answers {told} meanwhile")


def stop_process(world: World, target: str, lasts_s: float) -> None:
    """SIGSTOP, and SIGCONT from a process of its own: also when this one is killed meanwhile, nobody stays stopped."""
    pid = world.stack.processes.pid(target)
    if pid is None:
        return
    with world.weather.spell(f"stop {target}", NOTHING):
        script = f"kill -STOP {pid}; sleep {lasts_s}; kill -CONT {pid}"
        guard = subprocess.Popen(["/bin/sh", "-c", script], start_new_session=True)
        try:
            world.hold(lasts_s)
        finally:
            for kill, number, how in ((os.kill, pid, signal.SIGCONT), (os.killpg, guard.pid, signal.SIGTERM)):
                with contextlib.suppress(ProcessLookupError):
                    kill(number, how)
            guard.wait()


FAULTS: Final[dict[str, Callable[[World, str, float], None]]] = {
    "kill": kill,
    "disk-database": fill_database_disk,
    "disk-media": fill_media_disk,
    "disk-backup": fill_backup_disk,
    "failover": move_database,
    "redis-empty": empty_redis,
    "clock-ahead": put_clock_ahead,
    "clock-behind": put_clock_back,
    "idle": open_idle_connections,
    "stop": stop_process,
}
