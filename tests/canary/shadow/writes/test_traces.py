"""A played write leaves no trace: everything is compared before and after."""

import contextlib
import socket
from collections.abc import Callable
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest
from django.core import mail
from django.core.cache import cache
from django.db import connection

from tests.canary.shadow.writes import site
from tests.canary.shadow.writes.site import THING

RESULTS = ("canary_shadowtotal", "canary_shadowdifference")
"""The tables in which the outcomes stand."""


def everything(folder: Path) -> dict[str, Any]:
    """Every row of every table, every number that is drawn next, mail, the cache, files, and locks."""
    with connection.cursor() as cursor:
        tables = {table: _all(cursor, f'SELECT * FROM "{table}"') for table in connection.introspection.table_names()}
        return {
            **{table: sorted(map(repr, rows)) for table, rows in tables.items() if table not in RESULTS},
            "(numbers)": [one for one in _numbers(cursor) if "canary_shadow" not in str(one)],
            "(objects)": _objects(cursor),
            "(mail)": [*mail.outbox],
            "(cache)": [cache.get(key) for key in ("shadow", "before")],
            "(files)": sorted(path.name for path in folder.rglob("*")),
            "(sent)": _received(),
            "(after commits)": [*site.DONE],
        }


def _received() -> bytes:
    """What came over the connection that was open before; the executor has ended its work by then, too."""
    site.POOL.submit(int).result()
    with contextlib.suppress(BlockingIOError):
        return bytes(site.PEER.recv(10))
    return b""


def _all(cursor: Any, sql: str) -> list[Any]:
    cursor.execute(sql)
    return [*cursor.fetchall()]


def _numbers(cursor: Any) -> list[Any]:
    if connection.vendor == "sqlite":
        return _all(cursor, "SELECT * FROM sqlite_sequence ORDER BY name")
    return _all(cursor, "SELECT sequencename, last_value FROM pg_sequences ORDER BY 1")


def _objects(cursor: Any) -> list[Any]:
    """All tables and indexes, temporary ones too, and locks that a transaction does not end."""
    if connection.vendor == "sqlite":
        return _all(cursor, "SELECT name FROM sqlite_master UNION ALL SELECT name FROM sqlite_temp_master")
    advisory = _all(cursor, "SELECT objid FROM pg_locks WHERE locktype = 'advisory'")
    return [*_all(cursor, "SELECT oid, relname FROM pg_class WHERE relkind <> 't' ORDER BY 1"), *advisory]


FAULTS = (
    *("", "lost", "order", "row", "rows", "status", "refusal", "unnamed"),
    *(
        "mail",
        "thread",
        "socket",
        "open",
        "executor",
        "file",
        "locked",
        "lock",
        "advisory",
        "commit",
        "hidden",
        "script",
    ),
)


@pytest.mark.parametrize(("version", "result"), [("fault", "different"), ("v1", "failed")])
def test_a_client_that_others_share_can_go_on(
    version: str, result: str, played: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        client = HTTPConnection(*server.getsockname())
        monkeypatch.setattr(site, "HTTP", client)
        client.connect()
        line, _ = server.accept()
        with line, contextlib.closing(client):
            assert [one["result"] for one in played({"body": {**THING, version: "http"}})] == [result]
            client.request("POST", "/charges", "real")
            line.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")
            assert client.getresponse().status == 204
            assert line.recv(10_000).count(b"/charges") == 1


@pytest.mark.parametrize("version", ["fault", "v1"])
def test_whatever_a_handler_does_nothing_is_left(
    version: str, writing: Callable[..., None], played: Callable[..., Any], tmp_path: Path
) -> None:
    cache.set("before", 1)
    before = everything(tmp_path)
    results = {one["result"] for one in played(*({"body": {**THING, version: fault}} for fault in FAULTS))}
    assert {"equal", "different"} <= results
    change = {"method": "PUT", "path": "/api/v1/things/old", "body": {"text": "new"}}
    assert [one["result"] for one in played(change)] == ["equal"]
    writing(TIMEOUT_S=0.5)
    [late] = played({"body": {**THING, version: "late"}})
    assert late["result"] in ("timed_out", "abandoned")
    assert everything(tmp_path) == before
