"""The whole of staging on this machine: what is started in which order, how one process is renewed, how all end."""

import contextlib
import http.client
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from scripts.staging_local import proxy, stores, watching
from scripts.staging_local.errors import StagingError
from scripts.staging_local.own_secrets import load_or_make_secrets
from scripts.staging_local.ports import HOST
from scripts.staging_local.processes import Processes, Spawn, detached
from tests.engines import _unprivileged_credentials
from tests.servers import HEAP, ROOT, Credentials, clean_environment

WEBS: Final = ("web-1", "web-2")
BACKGROUND: Final = {"controller": "run_canary_controller", "worker": "run_worker"}
PASSED_ON: Final = (
    "API_V2_TRAFFIC_PERCENTAGE",
    "USE_LEGACY_API_V1",
    "API_V2_ENABLED",
    "WEB_THREADS",
    "CANARY_BULKHEAD",
)
READY_TIMEOUT_S: Final = 60.0
DRAIN_TIMEOUT_S: Final = 40.0
ADMIN: Final = "staging_admin"


@dataclass
class Stack:
    """`folder` holds all that staging writes, but for `place`, where the servers that don't run as root need theirs."""

    folder: Path
    place: Path
    ports: dict[str, int]
    secrets: dict[str, str]
    more: Mapping[str, str] = field(default_factory=dict)
    """Settings of Tandem on top of those of the compose file."""
    spawn: Spawn = detached
    drained: set[str] = field(default_factory=set)
    code: dict[str, Path] = field(default_factory=dict)
    """The folder of manage.py by process, where it is another than this one."""
    background: Mapping[str, str] = field(default_factory=lambda: BACKGROUND)
    """The command of each process beside the web processes."""
    own_settings: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Variables of one process, by its name."""
    cluster: str = "postgres"
    """The folder of PostgreSQL's data, below `place`."""

    def __post_init__(self) -> None:
        self.processes = Processes(self.folder / "run", self.folder / "logs", self.spawn)
        self.credentials: Credentials = _unprivileged_credentials()

    @property
    def url(self) -> str:
        """Without a slash at its end."""
        return f"http://{HOST}:{self.ports['nginx']}"

    @property
    def _access_log(self) -> Path:
        return self.folder / "logs/nginx-access.log"

    def url_of(self, name: str) -> str:
        return f"http://{HOST}:{self.ports[name]}"

    # -- up and down --------------------------------------------------------------------------------------------------

    def up(self) -> None:
        """Everything answers when this returns; on a failure everything has ended."""
        try:
            with ThreadPoolExecutor() as pool:
                nginx = pool.submit(proxy.find_nginx)  # which may have to be installed
                self._start_stores()
                self.manage("migrate", "--no-seed", "--verbosity", "0")
                admin = pool.submit(self._make_admin)
                for name in (*WEBS, *self.background):
                    self.start(name)
                self._start_prometheus()
                self._start_proxy(nginx.result())
                admin.result()
            for name in WEBS:
                self.await_ready(name)
            self._await_answer("nginx", "/readyz")
            if self.processes.pid("prometheus"):
                self._await_answer("prometheus", "/-/ready")
        except BaseException:
            self.down()
            raise

    def down(self) -> None:
        """Secrets and logs stay: they are the only things that somebody may still want."""
        with ThreadPoolExecutor() as pool:
            # Together what needs nothing of each other; none is ever without what it needs.
            for names in (("prometheus", "nginx"), (*WEBS, *self.background), ("redis", "postgres")):
                list(pool.map(self.processes.stop, names))
        for folder in (self.place, self.folder / "run", self.folder / "media"):
            shutil.rmtree(folder, ignore_errors=True)
        (self.folder / "state.json").unlink(missing_ok=True)

    # -- one process --------------------------------------------------------------------------------------------------

    def start(self, name: str) -> None:
        command = self._web_command(name) if name in WEBS else [sys.executable, "manage.py", self.background[name]]
        self.processes.start(name, command, cwd=self.code.get(name, ROOT), env=self.environment(name))

    def renew(self, name: str) -> None:
        """A web process ends and another takes its place, without a request that notices.

        It says that it isn't ready, the proxy sends it nothing more, what it has in hand is finished, and then it ends.
        """
        self.drain_file(name).touch()
        self.await_not_ready(name)
        self.drain(name)
        self.processes.stop(name)
        self.drain_file(name).unlink(missing_ok=True)
        self.start(name)
        self.await_ready(name)
        self.undrain(name)

    def drain(self, name: str) -> None:
        """Returns when nothing that the proxy sent to it is under way any more."""
        self.drained.add(name)
        self._reload_proxy()

    def undrain(self, name: str) -> None:
        """Returns when the proxy sends to it again."""
        self.drained.discard(name)
        self._reload_proxy()

    def start_store(self, name: str) -> None:
        """Again, with the data it had; it answers when this returns."""
        port, password = self.ports[name], self.secrets["POSTGRES_PASSWORD"]
        if name == "postgres":
            self.start_postgres()
            stores.await_postgres(self.processes, port, password)
        else:
            stores.start_redis(self.processes, self.place, port)
            stores.await_redis(self.processes, port)

    def start_postgres(self) -> None:
        """Start it without waiting for its answer."""
        port, password = self.ports["postgres"], self.secrets["POSTGRES_PASSWORD"]
        stores.start_postgres(self.processes, self.place, port, password, self.credentials, self.cluster)

    def await_ready(self, name: str) -> None:
        self._await_answer(name, "/readyz")

    def await_not_ready(self, name: str) -> None:
        with self.processes.starting(name, READY_TIMEOUT_S) as deadline:
            while ask(self.ports[name], "/readyz") == 200:
                deadline.wait("it still says that it is ready")

    def drain_file(self, name: str) -> Path:
        return self.folder / "run" / f"{name}.draining"

    # -- commands -----------------------------------------------------------------------------------------------------

    def environment(self, name: str = "") -> dict[str, str]:
        """Of a process of Tandem, as in the compose file."""
        own = {
            "DATABASE_URL": stores.database_url(self.secrets["POSTGRES_PASSWORD"], self.ports["postgres"]),
            "REDIS_URL": f"redis://{HOST}:{self.ports['redis']}/0",
            "SECRET_KEY": self.secrets["SECRET_KEY"],
            "METRICS_TOKEN": self.secrets["METRICS_TOKEN"],
            "TRUSTED_PROXIES": proxy.ADDRESS,
            "MEDIA_ROOT": str(self.folder / "media"),
            "PYTHONUNBUFFERED": "1",
            **HEAP,
        }
        if name in WEBS:
            own |= {"DRAIN_FILE": str(self.drain_file(name)), "CANARY_BULKHEAD": "7"}
        own |= self.own_settings.get(name, {})
        passed_on = {key: os.environ[key] for key in PASSED_ON if key in os.environ}
        return clean_environment({**own, **passed_on, **self.more})

    def manage(self, *words: str, stdin: str = "", cwd: Path = ROOT) -> str:
        """What `manage.py` prints; raises StagingError when it refuses."""
        command = [sys.executable, "manage.py", *words]
        done = subprocess.run(
            command, cwd=cwd, env=self.environment(), input=stdin, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise StagingError(f"manage.py {words[0]} failed:\n{done.stdout}{done.stderr}")
        return done.stdout

    def canary(self, *words: str) -> dict[str, Any]:
        """What `manage.py canary` prints as JSON."""
        printed: dict[str, Any] = json.loads(self.manage("canary", *words, "--json"))
        return printed

    # -- parts of the start -------------------------------------------------------------------------------------------

    def _start_stores(self) -> None:
        password, ports = self.secrets["POSTGRES_PASSWORD"], self.ports
        stores.start_redis(self.processes, self.place, ports["redis"])
        self.start_postgres()
        stores.await_redis(self.processes, ports["redis"])
        stores.await_postgres(self.processes, ports["postgres"], password)

    def _make_admin(self) -> None:
        words = ("users", "create", "--username", ADMIN, "--email", f"{ADMIN}@example.org", "--role", "admin")
        self.manage(*words, "--password-stdin", stdin=f"{self.secrets['ADMIN_PASSWORD']}\n")

    def _start_proxy(self, program: str) -> None:
        folder = self.place / "nginx"
        path = proxy.write_configuration(folder, self.credentials)
        proxy.write_site(folder, self.ports, self.drained, self._access_log)
        command = [program, "-p", str(folder), "-e", str(self.processes.log("nginx")), "-c", str(path)]
        self.processes.start("nginx", command, cwd=folder, env=clean_environment({}))

    def _start_prometheus(self) -> None:
        command = watching.prometheus_command(self.place / "prometheus", self.ports, self.secrets["METRICS_TOKEN"])
        if command is not None:
            self.processes.start("prometheus", command, cwd=self.place, env=clean_environment({}))

    def _web_command(self, name: str) -> list[str]:
        """The image's own, on this process's port."""
        [listed] = re.findall(r"^CMD (\[.+\])$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
        words = [word.replace("0.0.0.0:8000", f"{HOST}:{self.ports[name]}") for word in json.loads(listed)]
        memory = words.index("--worker-tmp-dir")
        if not Path(words[memory + 1]).exists():
            words = words[:memory]
        return [sys.executable, "-m", *words]

    def _reload_proxy(self) -> None:
        """Returns when the workers of before have ended, which they do when they have answered all that they had taken in.

        Not waiting would let the next change begin while the one before is not yet in force: with one process in neither.
        """
        master = self.processes.pid("nginx")
        if master is None:
            raise StagingError("nginx doesn't run.")
        before = proxy.workers_of(master)
        if not before:
            raise StagingError("The workers of nginx were not found.")
        proxy.write_site(self.place / "nginx", self.ports, self.drained, self._access_log)
        program, folder = proxy.find_nginx(), self.place / "nginx"
        log = str(self.processes.log("nginx"))
        done = subprocess.run(
            [program, "-p", str(folder), "-e", log, "-c", str(folder / "nginx.conf"), "-s", "reload"],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise StagingError(f"nginx refuses its configuration:\n{done.stderr}")
        deadline = time.monotonic() + DRAIN_TIMEOUT_S
        while before & proxy.workers_of(master) and time.monotonic() < deadline:
            time.sleep(0.05)

    def _await_answer(self, name: str, path: str) -> None:
        with self.processes.starting(name, READY_TIMEOUT_S) as deadline:
            while (told := ask(self.ports[name], path)) != 200:
                deadline.wait(f"{path} tells {told}")


def ask(port: int, path: str) -> int | str:
    """The status, or why there is none."""
    with contextlib.closing(http.client.HTTPConnection(HOST, port, timeout=10)) as connection:
        try:
            connection.request("GET", path)
            return connection.getresponse().status
        except (OSError, http.client.HTTPException) as error:
            return repr(error)


def new_stack(folder: Path, ports: dict[str, int], more: Mapping[str, str] | None = None, **rest: Any) -> Stack:
    """Make its folders and secrets; nothing is started yet."""
    for name in ("run", "logs", "media"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    secrets = load_or_make_secrets(folder / "secrets.env")
    return Stack(folder, _reachable_place(folder), ports, secrets, more or {}, **rest)


def _reachable_place(folder: Path) -> Path:
    """Below `folder`, unless PostgreSQL's user can't get there, as below a home that is closed to others."""
    credentials = _unprivileged_credentials()
    place = folder / "data"
    place.mkdir(exist_ok=True)
    if not credentials:
        return place
    os.chown(place, credentials["user"], credentials["group"])
    tried = subprocess.run(["/bin/sh", "-c", f"cd '{place}'"], cwd="/", capture_output=True, check=False, **credentials)
    if tried.returncode == 0:
        return place
    place.rmdir()
    elsewhere = Path(tempfile.mkdtemp(prefix="tandem-staging-", dir="/var/tmp"))
    os.chown(elsewhere, credentials["user"], credentials["group"])
    return elsewhere
