"""A connection that lies in a pool between its uses, and what can be known of it without asking the database."""

import contextlib
import os
import select
import socket
import time

import psycopg
from psycopg.pq import ExecStatus, TransactionStatus


class PooledConnection(psycopg.Connection):
    opened_at = 0.0
    returned_at = 0.0
    sightings = 0
    """How often in a row it was seen to wait for the database; the watch counts."""

    @property
    def is_waiting(self) -> bool:
        """Whether a statement was sent whose answer isn't complete. A look into memory, safe from any thread."""
        return self.pgconn.transaction_status == TransactionStatus.ACTIVE

    def was_left_alone(self) -> bool:
        """Whether nothing came from the server since the last use; for what comes unasked is its farewell. One system call."""
        try:
            poll = select.poll()
            poll.register(self.pgconn.socket, select.POLLIN)
            return not poll.poll(0)
        except (psycopg.Error, OSError, ValueError):
            return False

    def answers_within(self, timeout_s: float) -> bool:
        """Whether the server still answers, which costs a round trip."""
        deadline = time.monotonic() + timeout_s
        try:
            self.pgconn.send_query(b"")
            self.pgconn.flush()  # an empty query fits into any socket's buffer
            poll = select.poll()
            poll.register(self.pgconn.socket, select.POLLIN)
            while self.pgconn.is_busy():
                if not poll.poll(max(0.0, deadline - time.monotonic()) * 1_000):
                    return False
                self.pgconn.consume_input()
            result = self.pgconn.get_result()
            return result is not None and result.status == ExecStatus.EMPTY_QUERY and self.pgconn.get_result() is None
        except (psycopg.Error, OSError, ValueError):
            return False

    def cut(self) -> None:
        """End it under the thread that waits for it, which then fails with an OperationalError."""
        with contextlib.suppress(psycopg.Error, OSError), socket.socket(fileno=os.dup(self.pgconn.socket)) as line:
            line.shutdown(socket.SHUT_RDWR)
