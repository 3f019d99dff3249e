"""Generations in Redis: one key that holds a token, replaced by every change, read at most 50 times a second."""

import logging
import threading
import time
import uuid
from collections.abc import Callable
from typing import Any, Final

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

logger = logging.getLogger(__name__)

KEY: Final = "tandem:generation"
CONFIRMED_FOR_S: Final = 0.020
"""For how long an answer of Redis holds, from before it was asked: no reader is later than that."""
TIMEOUT_S: Final = 0.2
PATIENCE_S: Final = 2.0
"""How long those wait who can't ask the database instead."""
PAUSE_S: Final = 1.0
"""For how long readers don't ask a Redis that has failed, and then trust it no more than that it is back."""
PAY_EVERY_S: Final = 0.25
"""Shorter than readers' distrust: by its end, what could not be told is told."""


class RedisGenerations:
    """Tokens are random and never come again, so that neither a flush nor a restart with old data can bring one back.

    When an answer fails to come, a change may have gone unnoticed. It has not if the same server, asked on another
    connection, still has the same token; in all other cases a new generation begins here.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._lock = threading.Lock()
        """Held during each question, of which there is one at a time."""
        self._client: Any = None
        self._server: tuple[str, str] | None = None
        self._token: bytes | None = None
        self._number = 0
        self._known: tuple[int | None, float] = (None, 0.0)
        """The generation and until when it is known; replaced whole, and so read without the lock."""
        self._answer: tuple[float, int | None] = (float("-inf"), None)
        """When Redis was last asked, and the generation by what it said."""
        self._is_away = False
        self._given_up_until = float("-inf")
        self._told_from = float("-inf")
        self._owes_token = False
        """Whether a change is still to be told of, since Redis could not be reached."""
        self._payer: threading.Thread | None = None

    def current(self) -> int | None:
        """Return the generation; None when Redis doesn't answer in a moment: then the database is asked."""
        arrived_at = time.monotonic()
        number, known_until = self._known
        if arrived_at < known_until:
            return number
        if not self._lock.acquire(timeout=TIMEOUT_S):
            return None
        try:
            number, known_until = self._known
            # While we waited, another thread has asked, and what it began to ask after we came is news enough for us.
            if self._answer[0] >= arrived_at or time.monotonic() < known_until:
                return number
            self._learn(self._question())
            return self._known[0]
        finally:
            self._lock.release()

    def current_however_late(self) -> int | None:
        """Wait up to PATIENCE_S for Redis, all callers together: they have no database to ask instead."""
        arrived_at = time.monotonic()
        number = self.current()
        if number is not None:
            return number
        if not self._lock.acquire(timeout=PATIENCE_S):
            return None
        try:
            asked_at, number = self._answer
            if asked_at < arrived_at or number is None:
                number = self._ask_patiently()
            return number
        finally:
            self._lock.release()

    def begin(self) -> None:
        changed_at = time.monotonic()
        with self._lock:
            if self._told_from > changed_at:  # while we waited, another thread has told of a change, and so of ours
                return
            self._told_from = time.monotonic()
            self._owes_token = True
            self._learn(self._replace_token)
            if self._owes_token and not (self._payer and self._payer.is_alive()):
                self._payer = threading.Thread(target=self._pay, name="generation", daemon=True)
                self._payer.start()

    def _pay(self) -> None:
        """Tell of the change as soon as Redis is back, whether or not this process is asked anything by then."""
        while self._owes_token:
            time.sleep(PAY_EVERY_S)
            with self._lock:
                self._learn(self._question())

    def _ask_patiently(self) -> int | None:
        if time.monotonic() < self._given_up_until:
            return None
        self._disconnect()
        number = self._learn(self._question(), PATIENCE_S)
        self._disconnect()  # so that nobody else waits as long on this connection
        if number is None:
            self._given_up_until = time.monotonic() + PAUSE_S
        return number

    def _question(self) -> Callable[[Any], bytes]:
        return self._replace_token if self._owes_token else self._read_token

    def _learn(self, ask: Callable[[Any], bytes], timeout_s: float = TIMEOUT_S) -> int | None:
        """The generation by what Redis says; `_known` is what of that may be relied on while there is a database."""
        asked_at = time.monotonic()
        try:
            token = self._token_by(ask, timeout_s)
        except redis.RedisError as error:
            if not self._is_away:
                logger.warning("Nothing is served from the cache: Redis can't be asked (%s)", type(error).__name__)
            self._disconnect()
            self._is_away, self._answer = True, (asked_at, None)
            self._known = (None, time.monotonic() + PAUSE_S)
            return None
        if token != self._token:
            self._token = token
            self._number += 1
        self._answer = (asked_at, self._number)
        if self._is_away:  # others may not have told yet what they could not tell either
            self._is_away = False
            self._known = (None, asked_at + PAUSE_S)
        elif not self._is_distrusted(asked_at):
            self._known = (self._number, asked_at + CONFIRMED_FOR_S)
        return self._number

    def _is_distrusted(self, now: float) -> bool:
        number, until = self._known
        return number is None and now < until

    def _token_by(self, ask: Callable[[Any], bytes], timeout_s: float) -> bytes:
        try:
            return ask(self._connected(timeout_s))
        except redis.ConnectionError:  # closed while it was idle, or by a restart; a timeout is none of these
            self._disconnect()
            return ask(self._connected(timeout_s))

    def _read_token(self, client: Any) -> bytes:
        """By a write: where Redis refuses these, others could not replace the token that it still has."""
        new = uuid.uuid4().bytes
        token: bytes | None = client.set(KEY, new, nx=True, get=True)
        return token or new

    def _replace_token(self, client: Any) -> bytes:
        token = uuid.uuid4().bytes
        client.set(KEY, token)
        self._owes_token = False
        return token

    def _connected(self, timeout_s: float) -> Any:
        if self._client is None:
            # One connection, without retries: a pool would open another one in silence, and that one was lost is news.
            self._client = redis.Redis.from_url(
                self._url,
                single_connection_client=True,
                socket_timeout=timeout_s,
                socket_connect_timeout=timeout_s,
                retry=Retry(NoBackoff(), 0),
                protocol=2,
            )
            server = _server_of(self._client)
            if server is None or server != self._server:
                self._server, self._token = server, None
        return self._client

    def _disconnect(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            client.close()


def _server_of(client: Any) -> tuple[str, str] | None:
    """Return the names of the running process and of its data's history; None where Redis doesn't report them.

    A restart changes both; a failover changes the second too. Some proxies and restricted users don't get them.
    """
    try:
        found = client.info("server") | client.info("replication")
    except redis.ResponseError:
        return None
    names = found.get("run_id"), found.get("master_replid")
    return (str(names[0]), str(names[1])) if all(names) else None
