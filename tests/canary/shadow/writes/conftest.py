"""A site with writes, and a database whose rows other connections see."""

import contextlib
import json
import socket
import sqlite3
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import connections
from django.utils import timezone

from canary import server
from canary.shadow.offering import READER
from canary.shadow.writes.replaying import replay_writes
from canary.shadow.writes.sampling import SAMPLER, WriteSampler
from cms.models import Tag
from tests.canary.shadow.writes import site

SITE = "tests.canary.shadow.writes"


@pytest.fixture
def writing(
    rollout: Callable[..., None], transactional_db: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., None]]:
    """`writing(ROWS_MAX=3)`: a rollout between two versions that write, with these settings."""

    def configure(*, cpu_bp: int = 10_000, **changes: Any) -> None:
        arms = {1: f"{SITE}.urls_v1", 2: f"{SITE}.urls_v2"}
        rollout(
            SHADOW_CPU_BP=cpu_bp,
            ARMS=arms,
            SUCCESSORS=f"{SITE}.site",
            SHADOW_WRITES={"ROWS": f"{SITE}.site.rows", "TIMEOUT_S": 10, **changes},
        )

    monkeypatch.setattr(site, "FOLDER", tmp_path)
    line, peer = socket.socketpair()
    peer.setblocking(False)
    monkeypatch.setattr(site, "LINE", line)
    monkeypatch.setattr(site, "PEER", peer)
    site.DONE.clear()
    configure()
    known = {*server.tasks}
    Group.objects.create(name="known")
    Tag.objects.create(name="old", name_key="old", slug="old", description="as it was", usage_count=1)
    with line, peer:
        yield configure
    for name in server.tasks.keys() - known:
        del server.tasks[name]


@pytest.fixture
def played(writing: Callable[..., None]) -> Callable[..., list[dict[str, Any]]]:
    """`played({…}, {…})`: what becomes of these writes."""

    def play(*writes: dict[str, Any]) -> list[dict[str, Any]]:
        lines = [json.dumps({"method": "POST", "path": "/api/v1/things", **one}) for one in writes]
        found: list[dict[str, Any]] = replay_writes(lines, timezone.now())["writes"]
        return found

    return play


@pytest.fixture
def in_a_file(writing: Callable[..., None], tmp_path: Path) -> Iterator[None]:
    """The tests' SQLite is in memory, where a reader holds up writers; here all threads have a copy of it in a file."""
    original: Any = connections["default"]
    if original.vendor != "sqlite":
        yield
        return
    path = tmp_path / "db" / "site.sqlite3"
    path.parent.mkdir()
    with contextlib.closing(sqlite3.connect(path)) as copy:
        original.connection.backup(copy)
        copy.execute("PRAGMA journal_mode = WAL")
    declared = connections.settings["default"]
    connections.settings["default"] = {**declared, "NAME": str(path)}
    connections["default"] = original.__class__(connections.settings["default"], "default")
    yield
    connections["default"].close()
    connections.settings["default"], connections["default"] = declared, original


@pytest.fixture
def live(writing: Callable[..., None], in_a_file: None) -> Iterator[WriteSampler]:
    """As in a server process: each write is sampled, and a thread waits for it."""
    writing(SHARE_BP=10_000)
    SAMPLER.forget()
    is_over = threading.Event()

    def turns() -> None:
        while not is_over.is_set():
            SAMPLER.take_turn()
            is_over.wait(0.02)  # without its rests, so that tests need not wait

    thread = threading.Thread(target=turns)
    thread.start()
    yield SAMPLER
    is_over.set()
    thread.join()
    SAMPLER.watchdog.rest()
    READER.tally.flush()
