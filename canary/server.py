"""The threads of a server process beside its requests: they read the rollout every second and take the parts' turns.

Only `cms/wsgi.py` starts it: commands and tests have no threads. A process that forks (gunicorn with --preload) stops
its threads before, and each child starts its own.
"""

import atexit
import contextlib
import os
import signal
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connections

from canary.conf import canary_conf
from canary.metrics.node import own_node
from canary.models import Worker
from canary.requests.black_box import BlackBox
from canary.requests.faults import faults
from canary.requests.in_flight import flights
from canary.services import apply_build, apply_environment
from canary.state import store
from canary.state.own_connection import OwnConnection, brief

REFRESH_S = 1.0
HEARTBEAT_S = 10.0
FIRST_ANSWER_WAITS_S = 2.0
STOP_S = 5.0
ROLLOUT = "rollout"
IDLE_S = 0.5  # how soon a part that registers late gets its first turn
FORGET_WORKERS_AFTER_S = 24 * 3600

pending = False
"""Whether the first answer still has to wait; read by the middleware for every request."""


@dataclass(frozen=True)
class Task:
    seconds: float
    function: Callable[[], object]
    name: str
    own_thread: bool
    is_awaited: bool = False
    """Whether the first answer of the process waits for the first turn."""


class Background:
    """The threads of one process, from its start to its end."""

    def __init__(self) -> None:
        self.is_ready = threading.Event()
        self._awaited = {ROLLOUT, *(task.name for task in tasks.values() if task.is_awaited)}
        self.deadline = time.monotonic() + FIRST_ANSWER_WAITS_S
        self._is_stopping = threading.Event()
        self._threads: dict[str, threading.Thread] = {}

    @property
    def is_stopped(self) -> bool:
        return self._is_stopping.is_set() or not self._threads

    def start(self) -> None:
        rollout = Task(REFRESH_S, presence.turn, ROLLOUT, own_thread=True)
        self._run(rollout.name, lambda: [rollout])
        self._run("turns", lambda: [task for task in tasks.values() if not task.own_thread])
        for task in [*tasks.values()]:
            self.add(task)

    def add(self, task: Task) -> None:
        if task.own_thread and task.name not in self._threads:
            self._run(task.name, lambda: [task])

    def note_turn(self, name: str) -> None:
        """Let the first answer wait no longer for this."""
        self._awaited.discard(name)
        if not self._awaited:
            self.is_ready.set()

    def stop(self) -> None:
        """Stop all, and return when they have ended, or after STOP_S."""
        self._is_stopping.set()
        deadline = time.monotonic() + STOP_S
        for thread in self._threads.values():
            thread.join(max(0.0, deadline - time.monotonic()))

    def _run(self, name: str, listed: Callable[[], list[Task]]) -> None:
        # Daemons: the interpreter would wait for any other thread before it lets `atexit` stop them.
        thread = threading.Thread(target=self._loop, args=(listed,), name=f"canary-{name}", daemon=True)
        self._threads[name] = thread
        thread.start()

    def _loop(self, listed: Callable[[], list[Task]]) -> None:
        due: dict[str, float] = {}
        while not self._is_stopping.is_set():
            for task in listed():
                if due.get(task.name, 0.0) <= time.monotonic():
                    begun_at = time.monotonic()
                    again_in_s = take_turn(task)
                    if task.is_awaited:
                        self.note_turn(task.name)
                    if isinstance(again_in_s, float):
                        due[task.name] = min(begun_at + task.seconds, time.monotonic() + again_in_s)
                    else:
                        due[task.name] = begun_at + task.seconds
            wait_s = min([at - time.monotonic() for at in due.values()], default=IDLE_S)
            self._is_stopping.wait(min(max(wait_s, 0.0), IDLE_S))


class Presence:
    """This process as others see it in `canary status`, and whether it has told of the environment's percentage.

    It is on the list with its build before it puts the build in force: a build of which no process is heard is over.
    """

    def __init__(self) -> None:
        self.name = f"{socket.gethostname()[:80]}:{os.getpid()}:{int(time.time())}"
        self._has_applied = False
        self._version: int | None = None
        self._beat_at = float("-inf")
        self._connection = OwnConnection()

    def turn(self) -> float | None:
        """Apply the environment once, read the rollout, tell which version is served now.

        Gives the seconds until another one is served, when that is known.
        """
        with self._connection.used():
            return self._turn()

    def _turn(self) -> float | None:
        now = canary_conf().now()
        if not self._has_applied:
            self._apply(now)
        with brief():
            store.refresh()
        version = store.current_snapshot().version
        background.note_turn(ROLLOUT)
        if version != self._version or time.monotonic() - self._beat_at >= HEARTBEAT_S:
            build = canary_conf().build()
            told = {"version": version, "build": build, "names": " ".join(canary_conf().names), "seen_at": now}
            with brief():
                Worker.objects.update_or_create(name=self.name, defaults=told)
            self._version, self._beat_at = version, time.monotonic()
            if store.current_snapshot().build != build:
                with brief():
                    apply_build(build, now)
        return store.comes_in_s()

    def _apply(self, now: datetime) -> None:
        """Apply the environment. After a failure the next turn tries again; the last readable state is served."""
        try:
            with brief():
                apply_environment(canary_conf().environment_weight_bp, now)
            self._has_applied = True
        except Exception as error:
            faults.record(error)

    def leave(self) -> None:
        """Take this process off the list, and those that had no time to do it themselves."""
        self._connection.close()
        long_ago = canary_conf().now() - timedelta(seconds=FORGET_WORKERS_AFTER_S)
        Worker.objects.filter(name=self.name).delete()
        Worker.objects.filter(seen_at__lt=long_ago).delete()


tasks: dict[str, Task] = {}
background = Background()
presence = Presence()
_is_serving = False


def every(
    seconds: float, function: Callable[[], object], name: str, *, own_thread: bool = False, is_awaited: bool = False
) -> None:
    """Have `function` called so often in every server process, and once more at its end.

    All tasks without `own_thread` share one thread, which queries no database. Exceptions are recorded. The task's
    database connection is given back after each turn. If it returns a float, that is the longest time to its next turn,
    in seconds. The first response of a process waits for the first turn of the tasks that are `is_awaited`.
    """
    tasks[name] = Task(seconds, function, name, own_thread, is_awaited)
    if _is_serving:
        background.add(tasks[name])


def serve() -> None:
    """Make this a server process; harmless when repeated."""
    global _is_serving  # noqa: PLW0603  a process becomes one once
    if _is_serving:
        return
    _is_serving = True
    canary_conf().build()  # reads the files now, while they are those that this process runs
    store.wait_for_others()
    os.register_at_fork(before=_stop_for_fork, after_in_child=_start)
    atexit.register(_end)
    _start()


def wait_until_ready() -> None:
    """Let the first answer wait for the first reading, at most FIRST_ANSWER_WAITS_S from the start of the process."""
    global pending  # noqa: PLW0603  one flag, so that a request asks nothing else
    if background.is_stopped:
        _start()  # this process has forked and serves nonetheless
    background.is_ready.wait(max(0.0, background.deadline - time.monotonic()))
    pending = False


def take_turn(task: Task) -> object:
    try:
        return task.function()
    except Exception as error:
        faults.record(error)
        return None
    finally:
        connections.close_all()


def _start() -> None:
    global background, presence, pending
    background, presence, pending = Background(), Presence(), True
    _open_box()
    background.start()


def _open_box() -> None:
    """Open the box before the first request, which may be the one that ends the process."""
    try:
        flights.box = BlackBox(own_node().box(), presence.name, time.time())
    except OSError as error:
        faults.record(error)


def _put_box_away() -> None:
    box, flights.box = flights.box, None
    if box is not None:
        box.put_away()


def _stop_for_fork() -> None:
    """Stop before a fork, so that no thread of ours is in the middle of work and no child shares a connection."""
    global pending  # noqa: PLW0603  as in wait_until_ready
    if background.is_stopped:
        return
    background.stop()
    take_turn(Task(0, presence.leave, "leave", own_thread=False))
    _put_box_away()
    _close_pools()
    pending = True


def _close_pools() -> None:
    """Close pools: one that is open while the process forks would give the same connection to both."""
    for connection in connections.all(initialized_only=True):
        if hasattr(connection, "close_pool"):
            connection.close_pool()


def _end() -> None:
    """Write down all that is left."""
    _ignore_signals()
    background.stop()
    for task in tasks.values():
        take_turn(task)
    take_turn(Task(0, presence.leave, "leave", own_thread=False))
    _put_box_away()


def _ignore_signals() -> None:
    """Ignore the second signal of Ctrl-C to a process that ends already: it must not cut that short. SIGKILL can."""
    while True:
        with contextlib.suppress(SystemExit, KeyboardInterrupt):  # one that arrives right now
            for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGTERM):
                signal.signal(number, signal.SIG_IGN)
            return
