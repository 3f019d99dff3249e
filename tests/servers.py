"""Runs programs as real processes that never outlive the tests: the app under gunicorn, `manage.py`, and any server."""

import contextlib
import ctypes
import http.client
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypedDict

from tests.forking import run_forked

ROOT = Path(__file__).resolve().parent.parent
HOST = "127.0.0.1"
PORTS = range(20_000, 32_768)  # below Linux's ephemeral ports, which any client of another test may hold
READY_PATH = "/livez"  # the canary doesn't count it
# None of these is a promise: they bound what hangs, on machines that are several times as slow and busy.
READY_TIMEOUT_S = 120
STOP_TIMEOUT_S = 60
END_TIMEOUT_S = 120
MANAGE_TIMEOUT_S = 600
PR_SET_PDEATHSIG = 1  # linux/prctl.h
_claims: list[socket.socket] = []
"""One for each port that was given out: between the drawing of a port and a server's start on it lies up to a second."""
# The one signal that PostgreSQL, Redis, Valkey and gunicorn all take as: end now, however many clients there are.
END_NOW = signal.SIGINT
HEAP: Final = {"GLIBC_TUNABLES": "glibc.malloc.arena_max=1:glibc.malloc.mmap_threshold=1048576:glibc.malloc.hugetlb=1"}
"""How glibc allocates in every process of the image, as the Dockerfile says it."""
# A list of what passes, not of what doesn't: a setting of the developer's shell must not change a black-box test.
INHERITED = (
    *("PATH", "HOME", "USER", "LANG", "LC_ALL", "LC_CTYPE", "TMPDIR", "LD_LIBRARY_PATH", "VIRTUAL_ENV"),
    *("PYTHONPATH", "PYTHONDONTWRITEBYTECODE", "COVERAGE_PROCESS_START", "COVERAGE_PROCESS_CONFIG"),
)


class ServerError(Exception):
    """A server ended before it answered, or didn't answer in time; the text holds its output."""


class Credentials(TypedDict, total=False):
    """Whom a program runs as, in the words of `subprocess`; empty means as ourselves."""

    user: int
    group: int
    extra_groups: list[int]


@dataclass
class Server:
    """A running gunicorn."""

    process: subprocess.Popen[bytes]
    port: int
    log_path: Path

    @property
    def base_url(self) -> str:
        """Without a slash at its end."""
        return f"http://{HOST}:{self.port}"

    @property
    def log(self) -> str:
        """All that the server has written so far, on stdout and stderr."""
        return self.log_path.read_text(errors="replace")

    @property
    def workers(self) -> list[int]:
        """The ids of the processes that answer now."""
        pid = self.process.pid
        return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]

    def stop(self) -> None:
        """End it in order (running requests finish), or by force after a minute; harmless when repeated."""
        stop_process(self.process, signal.SIGTERM)


@contextlib.contextmanager
def serve(
    env: Mapping[str, str],
    *,
    workers: int = 1,
    threads: int = 4,
    port: int | None = None,
    cwd: Path = ROOT,
    app: str = "cms.wsgi",
) -> Iterator[Server]:
    """Run a WSGI app under gunicorn until the block ends; one worker has answered (any status) when it begins.

    The app sees `env` and the few variables of INHERITED. Call it from the main thread: on Linux the server gets
    END_NOW when the calling thread ends, also by kill -9. Raises ServerError with the server's output.
    """
    port = port or free_port()
    command = [sys.executable, "-m", "gunicorn", app, "--bind", f"{HOST}:{port}", "--no-control-socket"]
    command += ["--limit-request-line", "8190"]  # as scripts/run
    # Not two seconds: a connection that is closed for having been idle just as a request is sent on it gives no answer.
    command += ["--keep-alive", "120"]
    command += ["--worker-class", "gthread", "--threads", str(threads), "--workers", str(workers)]
    with tempfile.TemporaryDirectory(prefix="tandem-server-") as folder:
        log = Path(folder) / "log"
        # Tests ask one version alone with all threads, and count on its answers.
        own_env = clean_environment({"WEB_THREADS": str(threads), "CANARY_BULKHEAD": "1000", **env})
        server = Server(spawn(command, log=log, cwd=cwd, env=own_env), port, log)
        try:
            await_answer(server)
            yield server
        finally:
            server.stop()


def manage(
    *args: str,
    env: Mapping[str, str],
    cwd: Path = ROOT,
    input: str | None = None,
    timeout: float = MANAGE_TIMEOUT_S,
) -> subprocess.CompletedProcess[str]:
    """Run `manage.py` with `env` and the few variables of INHERITED; any exit code is the caller's to judge."""
    # Coverage measures only a process that starts anew.
    if not os.environ.keys() & {"COVERAGE_PROCESS_START", "COVERAGE_PROCESS_CONFIG"}:
        return run_forked(args, env=clean_environment(env), cwd=cwd, input=input, timeout=timeout)
    return subprocess.run(
        [sys.executable, "manage.py", *args],
        cwd=cwd,
        env=clean_environment(env),
        input=input,
        stdin=subprocess.DEVNULL if input is None else None,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )


@contextlib.contextmanager
def commanding(*args: str, env: Mapping[str, str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run a command of `manage.py` that goes on for as long as the block does."""
    process = spawn([sys.executable, "manage.py", *args], log=log, cwd=ROOT, env=clean_environment(env))
    try:
        yield process
    finally:
        stop_process(process)


def clean_environment(env: Mapping[str, str]) -> dict[str, str]:
    """`env` on top of those variables of ours that a program needs to run at all."""
    return {name: os.environ[name] for name in INHERITED if name in os.environ} | dict(env)


def free_port() -> int:
    """A TCP port that nobody listens on, and that nobody else who asks here is given while this process lives."""
    # Not of the generator that each test begins anew with the same seed: its hundred would soon be all given out.
    for port in random.SystemRandom().sample(PORTS, min(100, len(PORTS))):
        claim = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        with socket.socket() as probe, contextlib.suppress(OSError):
            claim.bind((HOST, port))  # of UDP, where no server of ours listens
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as gunicorn does
            probe.bind((HOST, port))
            _claims.append(claim)
            return port
        claim.close()
    raise ServerError("Of up to 100 ports that were tried none is free.")


def spawn(
    command: list[str],
    *,
    log: Path,
    cwd: Path,
    env: Mapping[str, str] | None = None,
    credentials: Credentials | None = None,
) -> subprocess.Popen[bytes]:
    """Start a server with its output in `log`; on Linux it gets END_NOW when the calling thread ends.

    It has a session of its own: Ctrl-C in the terminal reaches the tests alone, which then stop it in order.
    """
    # Popen changes the user before it calls preexec_fn, as it must: a change of user clears PR_SET_PDEATHSIG.
    with log.open("ab") as output:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=cwd,
            env=env,
            start_new_session=True,
            preexec_fn=_die_with_parent(),  # noqa: PLW1509 - it makes two system calls, takes no lock
            **(credentials or {}),
        )


def stop_process(process: subprocess.Popen[bytes], how: signal.Signals = END_NOW) -> None:
    """Send the signal `how`, and kill the whole group if the process hasn't ended within a minute."""
    process.send_signal(how)
    try:
        process.wait(STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def end_in_order(process: subprocess.Popen[bytes], log: Path, how: signal.Signals = signal.SIGTERM) -> int:
    """The exit code of a command that is told to stop; raises ServerError with what it wrote if it doesn't.

    With `PYTHONFAULTHANDLER=1` in its environment (as `process_env` gives it) that tells where each of its threads was.
    """
    process.send_signal(how)
    try:
        return process.wait(END_TIMEOUT_S)
    except subprocess.TimeoutExpired as error:
        stop_process(process, signal.SIGABRT)
        raise ServerError(f"It goes on {END_TIMEOUT_S} s after {how.name}:\n{log.read_text()}") from error


def _die_with_parent() -> Callable[[], None] | None:
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None).prctl  # loaded here: between fork and exec only ready-made calls are safe
    parent = os.getpid()

    def ask_the_kernel() -> None:
        prctl(PR_SET_PDEATHSIG, int(END_NOW))
        if os.getppid() != parent:  # it died between fork and prctl
            os._exit(1)

    return ask_the_kernel


def await_answer(server: Server) -> None:
    deadline = time.monotonic() + READY_TIMEOUT_S
    while not _answers(server.port):
        code = server.process.poll()
        if code is not None:
            raise ServerError(f"The server ended with code {code} before it answered:\n{server.log}")
        if time.monotonic() > deadline:
            raise ServerError(f"The server didn't answer within {READY_TIMEOUT_S} s:\n{server.log}")
        time.sleep(0.02)


def _answers(port: int) -> bool:
    connection = http.client.HTTPConnection(HOST, port, timeout=5)
    try:
        connection.request("GET", READY_PATH)
        connection.getresponse().read()
    except (OSError, http.client.HTTPException):
        return False
    else:
        return True
    finally:
        connection.close()
