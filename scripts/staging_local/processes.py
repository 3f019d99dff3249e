"""Processes that outlive the command that starts them: each with a pid file and a log, found again by the next command."""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol

from scripts.staging_local.errors import StagingError
from tests.servers import Credentials

STOP_TIMEOUT_S: Final = 40.0
POLL_S: Final = 0.05
LOG_TAIL: Final = 3_000


class Spawn(Protocol):
    def __call__(
        self, command: list[str], *, log: Path, cwd: Path, env: Mapping[str, str], credentials: Credentials
    ) -> subprocess.Popen[bytes]: ...


def detached(
    command: list[str], *, log: Path, cwd: Path, env: Mapping[str, str], credentials: Credentials
) -> subprocess.Popen[bytes]:
    """In a session of its own: neither Ctrl-C nor the end of the terminal reaches it."""
    with log.open("ab") as output:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=cwd,
            env=env,
            start_new_session=True,
            **credentials,
        )


@dataclass
class Processes:
    """Of one staging, by name."""

    runs: Path
    logs: Path
    spawn: Spawn = detached
    _children: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def start(
        self,
        name: str,
        command: list[str],
        *,
        cwd: Path,
        env: Mapping[str, str],
        credentials: Credentials | None = None,
    ) -> None:
        process = self.spawn(command, log=self.log(name), cwd=cwd, env=env, credentials=credentials or {})
        self._children[name] = process
        self._pid_file(name).write_text(f"{process.pid} {_birth(process.pid)}\n")

    def names(self) -> list[str]:
        """All that were started and not stopped, whether they still run or not."""
        return sorted(path.stem for path in self.runs.glob("*.pid"))

    def pid(self, name: str) -> int | None:
        """None when it doesn't run. A number that by now belongs to another process is not taken for it."""
        if name in self._children:
            self._children[name].poll()  # or it stays a zombie, which looks alive
        with contextlib.suppress(OSError, ValueError):
            pid, birth = self._pid_file(name).read_text().split()
            if birth and _birth(int(pid)) == birth:
                return int(pid)
        return None

    def log(self, name: str) -> Path:
        return self.logs / f"{name}.log"

    def tail(self, name: str) -> str:
        return self.log(name).read_text(errors="replace")[-LOG_TAIL:] if self.log(name).exists() else ""

    def stop(self, name: str, how: signal.Signals = signal.SIGTERM) -> None:
        """In order, or by force when it takes longer than STOP_TIMEOUT_S; harmless for one that doesn't run."""
        pid = self.pid(name)
        if pid is not None:
            os.kill(pid, how)
            deadline = time.monotonic() + STOP_TIMEOUT_S
            while self.pid(name) == pid and time.monotonic() < deadline:
                time.sleep(POLL_S)
        self.kill(name)
        self._pid_file(name).unlink(missing_ok=True)

    def signal(self, name: str, how: signal.Signals = signal.SIGTERM) -> None:
        """Without waiting for what it does about it."""
        pid = self.pid(name)
        if pid is not None:
            os.kill(pid, how)

    def kill(self, name: str) -> None:
        """With all of its children, as when the power fails; also children that outlived it."""
        with contextlib.suppress(OSError, ValueError):
            number, birth = self._pid_file(name).read_text().split()
            is_known = self.pid(name) is not None or name in self._children
            # Children that outlive it keep its number from others; one without any may be somebody else's by now.
            if is_known and _birth(int(number)) in ("", birth):
                os.killpg(int(number), signal.SIGKILL)
        if name in self._children:
            self._children[name].wait()

    @contextlib.contextmanager
    def starting(self, name: str, within_s: float) -> Iterator["Deadline"]:
        """For a loop that asks until `name` answers; says what it wrote when it doesn't."""
        yield Deadline(self, name, time.monotonic() + within_s)

    def _pid_file(self, name: str) -> Path:
        return self.runs / f"{name}.pid"


@dataclass(frozen=True)
class Deadline:
    processes: Processes
    name: str
    at: float

    def wait(self, why: object) -> None:
        """A moment; raises StagingError when the process has ended or the time is over."""
        if self.processes.pid(self.name) is None:
            raise StagingError(f"{self.name} has ended ({why}).\n{self.processes.tail(self.name)}")
        if time.monotonic() > self.at:
            raise StagingError(f"{self.name} doesn't answer in time ({why}).\n{self.processes.tail(self.name)}")
        time.sleep(POLL_S)


def _birth(pid: int) -> str:
    """When the process began, in words that no later process of the same number has; empty when there is none."""
    try:
        # After the name in brackets, which may hold anything: the state is the first field, the start the twentieth.
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        if Path("/proc/self").exists():
            return ""
        told = subprocess.run(["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)
        return told.stdout.strip().replace(" ", "_")
    return "" if fields[0] in "ZX" else fields[19]
