"""Generations in Redis: one key that holds a token, replaced by every change and asked for 50 times a second at most."""

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
PAUSE_S: Final = 1.0
"""For how long readers don't ask a Redis that has failed."""


class RedisGenerations:
    """Tokens are random and never come again, so that neither a flush nor a restart with old data can bring one back.

    Whenever an answer fails to come, whatever happened meanwhile went unnoticed: a new generation begins here.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._lock = threading.Lock()
        """Held during each question, of which there is one at a time."""
        self._client: Any = None
        self._token: bytes | None = None
        self._number = 0
        self._known: tuple[int | None, float] = (None, 0.0)
        """The generation and until when it is known; replaced whole, and so read without the lock."""
        self._told_from = float("-inf")
        self._owes_token = False
        """Whether a change is still to be told of, since Redis could not be reached."""
        self._payer: threading.Thread | None = None

    def current(self) -> int | None:
        number, known_until = self._known
        if time.monotonic() < known_until:
            return number
        with self._lock:
            number, known_until = self._known
            asked_at = time.monotonic()
            if asked_at < known_until:  # while we waited, another thread has asked
                return number
            return self._learn(asked_at, self._replace_token if self._owes_token else self._read_token)

    def begin(self) -> None:
        changed_at = time.monotonic()
        with self._lock:
            if self._told_from > changed_at:  # while we waited, another thread has told of a change, and so of ours
                return
            self._told_from = time.monotonic()
            self._owes_token = True
            self._learn(self._told_from, self._replace_token)
            if self._owes_token and not (self._payer and self._payer.is_alive()):
                self._payer = threading.Thread(target=self._pay, name="generation", daemon=True)
                self._payer.start()

    def _pay(self) -> None:
        """Tell of the change as soon as Redis is back, whether or not this process is asked anything by then."""
        while self._owes_token:
            time.sleep(PAUSE_S)
            self.current()

    def _learn(self, asked_at: float, ask: Callable[[Any], bytes]) -> int | None:
        try:
            token = self._answer_to(ask)
        except redis.RedisError as error:
            if self._token is not None:
                logger.warning("Nothing is served from the cache: Redis can't be asked (%s)", type(error).__name__)
            self._disconnect()
            self._known = (None, time.monotonic() + PAUSE_S)
            return None
        if token != self._token:
            self._token = token
            self._number += 1
        self._known = (self._number, asked_at + CONFIRMED_FOR_S)
        return self._number

    def _answer_to(self, ask: Callable[[Any], bytes]) -> bytes:
        try:
            return ask(self._connected())
        except redis.ConnectionError:  # closed while it was idle, or by a restart; a timeout is none of these
            self._disconnect()
            return ask(self._connected())

    def _read_token(self, client: Any) -> bytes:
        token: bytes | None = client.get(KEY)
        return token or self._replace_token(client)

    def _replace_token(self, client: Any) -> bytes:
        token = uuid.uuid4().bytes
        client.set(KEY, token)
        self._owes_token = False
        return token

    def _connected(self) -> Any:
        if self._client is None:
            # One connection, without retries: a pool would open another one in silence, and that one was lost is news.
            self._client = redis.Redis.from_url(
                self._url,
                single_connection_client=True,
                socket_timeout=TIMEOUT_S,
                socket_connect_timeout=TIMEOUT_S,
                retry=Retry(NoBackoff(), 0),
                protocol=2,
            )
        return self._client

    def _disconnect(self) -> None:
        client, self._client, self._token = self._client, None, None
        if client is not None:
            client.close()
