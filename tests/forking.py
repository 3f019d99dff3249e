"""`manage.py` as real processes that start in a tenth of a second: forked from one that has imported the packages already.

What is imported beforehand are other people's packages alone, without settings: each process reads this project's code and
its own environment anew, ends as any interpreter does, and has its own pid, standard streams and exit code. Run as a
script, this file is the process that forks; imported, it is the tests' side of it.
"""

import contextlib
import functools
import gc
import importlib
import json
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
OWN = ("cms", "canary", "api_v1", "api_v2", "tests")
# What a command has loaded by the time it runs.
LIST_MODULES = (
    "import django, json, sys; django.setup(); import cms.urls, cms.management.commands.migrate;"
    " print(json.dumps([*sys.modules]))"
)
LIST_ENV = {
    "DATABASE_URL": "sqlite:////nonexistent/x.sqlite3",
    "SECRET_KEY": "x" * 50,
    "DJANGO_SETTINGS_MODULE": "cms.settings",
}


def run_forked(
    arguments: Sequence[str], *, env: Mapping[str, str], cwd: Path, input: str | None, timeout: float
) -> subprocess.CompletedProcess[str]:
    """`subprocess.run` of `python manage.py …` with its output captured as text."""
    with contextlib.ExitStack() as stack:
        streams = [stack.enter_context(tempfile.TemporaryFile()) for _ in range(3)]
        streams[0].write((input or "").encode())
        streams[0].seek(0)
        ours, theirs = map(stack.enter_context, socket.socketpair())
        socket.send_fds(_forker()[0], [b"!"], [*(stream.fileno() for stream in streams), theirs.fileno()])
        theirs.close()
        command = ["manage.py", *arguments]
        ours.sendall(json.dumps({"argv": command, "env": dict(env), "cwd": str(cwd)}).encode() + b"\n")
        code = _await_end(ours, command, timeout)
        for stream in streams[1:]:
            stream.seek(0)
        stdout, stderr = (stream.read().decode() for stream in streams[1:])
    return subprocess.CompletedProcess(command, code, stdout, stderr)


def _await_end(ours: socket.socket, command: list[str], timeout: float) -> int:
    ours.settimeout(timeout)
    with ours.makefile("r") as answers:
        pid = int(answers.readline())
        try:
            return int(answers.readline())
        except TimeoutError as error:
            os.kill(pid, signal.SIGKILL)
            raise subprocess.TimeoutExpired(command, timeout) from error


@functools.cache
def _forker() -> tuple[socket.socket, subprocess.Popen[bytes]]:
    """The end of the socket that the forking process listens to, and that process: it ends when the socket is closed."""
    ours, theirs = socket.socketpair()
    # Without settings an import that would need them fails, and isn't done on the wrong ones.
    env = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
    with theirs:
        process = subprocess.Popen(
            [sys.executable, __file__, str(theirs.fileno())],
            cwd=ROOT,
            env=env,
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        )
    return ours, process


# -- the process that forks -------------------------------------------------------------------------------------------


def _import_packages() -> None:
    env = {**os.environ, **LIST_ENV}
    listed = subprocess.run([sys.executable, "-c", LIST_MODULES], cwd=ROOT, env=env, capture_output=True, check=True)
    for name in json.loads(listed.stdout):
        if name.partition(".")[0] not in OWN and not name.startswith("__"):
            # What can't be imported without settings or the registry of apps is imported by each process.
            with contextlib.suppress(Exception):
                importlib.import_module(name)
    assert not [name for name in sys.modules if name.partition(".")[0] in OWN]


def _requests(control: socket.socket) -> Iterator[list[int]]:
    """The file descriptors of each request: three streams, and the socket that tells what to run and hears how it ended."""
    woken, waker = os.pipe()
    for descriptor in (woken, waker):
        os.set_blocking(descriptor, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(waker)
    running: dict[int, socket.socket] = {}
    while True:
        ready, _, _ = select.select([control.fileno(), woken], [], [])
        if woken in ready:
            os.read(woken, 4096)
            _reap(running)
            continue
        data, descriptors, _, _ = socket.recv_fds(control, 1, 4)
        if not data:
            return
        reply = socket.socket(fileno=os.dup(descriptors[3]))
        pid = os.fork()
        if pid == 0:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            for stream in (control, reply, *running.values()):
                stream.close()
            yield descriptors
            return
        reply.sendall(f"{pid}\n".encode())
        running[pid] = reply
        for descriptor in descriptors:
            os.close(descriptor)


def _reap(running: dict[int, socket.socket]) -> None:
    for pid in [*running]:
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            with running.pop(pid) as reply, contextlib.suppress(OSError):  # nobody may be waiting any more
                reply.sendall(f"{os.waitstatus_to_exitcode(status)}\n".encode())


def _become(descriptors: list[int]) -> None:
    """Take over the streams, arguments, environment and folder of the request."""
    for number, descriptor in enumerate(descriptors[:3]):
        os.dup2(descriptor, number)
    with socket.socket(fileno=descriptors[3]) as request, request.makefile("r") as lines:
        wanted: dict[str, Any] = json.loads(lines.readline())
    for descriptor in descriptors[:3]:
        os.close(descriptor)
    os.environ.clear()
    os.environ.update(wanted["env"])
    os.chdir(wanted["cwd"])
    sys.argv = wanted["argv"]
    sys.path[0] = wanted["cwd"]


if __name__ == "__main__":
    sys.path[0] = str(ROOT)
    _import_packages()
    gc.freeze()
    for request in _requests(socket.socket(fileno=int(sys.argv[1]))):
        _become(request)
        runpy.run_path("manage.py", run_name="__main__")
