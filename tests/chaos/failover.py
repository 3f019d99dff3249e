"""PostgreSQL's failover: a standby that has all that was committed is started again in the place of the one that died.

The way of an operator's tools (Patroni, a cloud's database), with the address moved to the new server: for a while that
address belongs to a standby, which answers reads and refuses writes.
"""

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import Final

import psycopg

from scripts.staging_local import stores
from scripts.staging_local.ports import HOST
from tests.chaos.world import World
from tests.servers import free_port

STANDBY: Final = "standby"
READY_WITHIN_S: Final = 30.0
"""Below the time limit of statements: PostgreSQL reports a commit as done when its wait for the standby is cancelled."""


def fail_over(world: World, read_only_s: float) -> None:
    """Nothing that was committed is lost: from its start on the standby confirms each commit."""
    stack = world.stack
    old = stack.place / stack.cluster
    new = old.with_name(f"{old.name[:5]}-{time.monotonic_ns()}")
    with world.supervisor.held("postgres"):
        try:
            _copy_to(world, new)
            _confirm_commits_by(world, new)
            _end(world, "postgres", signal.SIGKILL)
        except (psycopg.Error, subprocess.SubprocessError) as error:  # the disk is full, or a session was killed
            world.ledger.accuse(f"the failover could not begin: {error}")
            _give_up(world, new)
            return
        _end(world, STANDBY, signal.SIGINT)
        with (new / "postgresql.auto.conf").open("a") as settings:
            settings.write("primary_conninfo = ''\n")  # or it would follow itself, at its new address
        stack.cluster = str(new.relative_to(stack.place))
        stack.start_postgres()
        _await_standby(world)
        world.hold(read_only_s)
        with world.connect("postgres") as connection:
            connection.execute("SELECT pg_promote(true, 30)")
    shutil.rmtree(old, ignore_errors=True)


def _copy_to(world: World, data: Path) -> None:
    stack = world.stack
    programs = stores.postgres_programs(stack.place, stack.credentials)
    password = {"PGPASSWORD": stack.secrets["POSTGRES_PASSWORD"]}
    copy = [str(programs / "pg_basebackup"), "-D", str(data), "-h", HOST, "-p", str(stack.ports["postgres"])]
    copy += ["-U", stores.USER, "-X", "stream", "-R", "--checkpoint=fast", "--no-sync"]
    environment = {"PATH": os.environ["PATH"], **password}
    subprocess.run(
        copy, check=True, capture_output=True, timeout=60, cwd=stack.place, env=environment, **stack.credentials
    )


def _confirm_commits_by(world: World, data: Path) -> None:
    """Commits wait from before the standby starts. The one made here ends when it has this and all earlier ones."""
    stack, deadline = world.stack, time.monotonic() + READY_WITHIN_S
    with world.connect("postgres") as connection:
        connection.execute("ALTER SYSTEM SET synchronous_standby_names = '*'")
        connection.execute("SELECT pg_reload_conf()")
        command = stores.server_command(stores.postgres_programs(stack.place, stack.credentials), data, free_port())
        plain = {"PATH": os.environ["PATH"]}
        stack.processes.start(STANDBY, command, cwd=stack.place, env=plain, credentials=stack.credentials)
        while connection.execute("SELECT 1 FROM pg_stat_replication WHERE sync_state = 'sync'").fetchone() is None:
            if time.monotonic() > deadline:
                raise psycopg.OperationalError("the standby doesn't confirm commits")
            time.sleep(0.05)
        connection.execute("SELECT pg_logical_emit_message(true, 'chaos', '')")


def _await_standby(world: World) -> None:
    """Until it answers reads."""

    def answers() -> bool:
        try:
            world.connect("postgres").close()
        except psycopg.Error:
            return False
        return True

    world.await_back("the standby", answers)


def _give_up(world: World, data: Path) -> None:
    if world.stack.processes.pid(STANDBY) is not None:
        _end(world, STANDBY, signal.SIGINT)
    shutil.rmtree(data, ignore_errors=True)
    try:
        with world.connect("postgres") as connection:
            connection.execute("ALTER SYSTEM RESET synchronous_standby_names")
            connection.execute("SELECT pg_reload_conf()")
    except psycopg.Error:
        return


def _end(world: World, name: str, how: signal.Signals) -> None:
    """Returns when the process has ended."""
    pid = world.stack.processes.pid(name)
    if pid is None:
        return
    if how == signal.SIGKILL:
        os.killpg(pid, how)
        while world.stack.processes.pid(name) == pid:
            time.sleep(0.02)
    else:
        world.stack.processes.stop(name, how)
