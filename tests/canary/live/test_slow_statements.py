"""A rollback while every thread of every process waits for the database: the rollout has a connection of its own."""

import contextlib
import socket
import time
from collections.abc import Callable, Iterator, Sequence

import psycopg
import pytest

from tests.canary.live.cluster import Cluster, eventually
from tests.servers import HOST, Server
from tests.slow import slow

WITHIN_S = 2.0
THREADS = 8
ASK = b"GET /api/v1/posts HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
WAITING = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
AT_ONCE = 4
TOO_MANY = 400


@pytest.mark.parametrize("processes", [1, slow(2)], ids=["one_server", "two_servers"])
def test_a_rollback_is_adopted_by_all_within_two_seconds_while_every_thread_waits(
    cluster: Cluster, processes: int
) -> None:
    workers = processes * cluster.workers_each
    cluster.canary("set", "50")
    with cluster.serving(processes=processes, threads=THREADS, DATABASE_STATEMENT_TIMEOUT_S="0") as servers:
        assert eventually(lambda: cluster.are_at(1, workers))
        with every_thread_waiting(cluster, servers, workers * THREADS) as are_waiting:
            cluster.canary("rollback")
            assert eventually(lambda: cluster.are_at(2, workers), within_s=WITHIN_S)
            assert are_waiting()


@contextlib.contextmanager
def every_thread_waiting(cluster: Cluster, servers: Sequence[Server], threads: int) -> Iterator[Callable[[], bool]]:
    """Readers wait for a lock while the block runs; then all of them are answered."""
    url = cluster.env["DATABASE_URL"]
    with contextlib.ExitStack() as stack:
        readers: list[socket.socket] = []
        with psycopg.connect(url) as holder, psycopg.connect(url, autocommit=True) as watcher:
            holder.execute("LOCK TABLE cms_post IN ACCESS EXCLUSIVE MODE")

            def are_waiting() -> bool:
                return watcher.execute(WAITING).fetchone() == (threads,)

            while not are_waiting():
                assert len(readers) < TOO_MANY
                for server in servers:
                    readers += [stack.enter_context(_asking(server)) for _ in range(AT_ONCE)]
                time.sleep(0.2)
            yield are_waiting
        assert {reader.recv(12) for reader in readers} == {b"HTTP/1.1 200"}


def _asking(server: Server) -> socket.socket:
    reader = socket.create_connection((HOST, server.port), timeout=120)
    reader.sendall(ASK)
    return reader
