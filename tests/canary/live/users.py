"""Clients of one version who ask in turn, whatever becomes of the server, and how many of them get a good answer."""

import contextlib
import http.client
import itertools
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from canary.conf import canary_conf
from canary.core.bucketing import bucket
from canary.core.values import Identity
from tests.canary.live.cluster import ask
from tests.canary.live.threads import going_on
from tests.servers import HOST
from tests.stalls import fair_time

ASKERS: Final = 12
"""More than the candidate has places."""
PATIENCE_S: Final = 10.0
PAUSE_S: Final = 0.2
LEAST: Final = 10


class Told(NamedTuple):
    """When a client asked, the status (0 for no answer) and the version."""

    asked_at: float
    status: int
    version: str


@dataclass
class Users:
    """Each asks on a new connection and gives up after PATIENCE_S."""

    port: int
    clients: Sequence[str]
    headers: Mapping[str, str] = field(default_factory=dict)
    answers: list[Told] = field(default_factory=list)
    _is_over: threading.Event = field(default_factory=threading.Event)

    @contextlib.contextmanager
    def asking(self) -> Iterator["Users"]:
        threads = [threading.Thread(target=self._ask, args=(start,)) for start in range(ASKERS)]
        with going_on(threads, self._is_over):
            yield self

    def _ask(self, start: int) -> None:
        for number in itertools.count(start, ASKERS):
            if self._is_over.wait(PAUSE_S):
                break
            client, asked_at = self.clients[number % len(self.clients)], fair_time()
            headers = {**self.headers, "X-Forwarded-For": f"10.0.{number % len(self.clients)}.1"}
            try:
                with contextlib.closing(http.client.HTTPConnection(HOST, self.port, timeout=PATIENCE_S)) as connection:
                    status, version = ask(connection, client, headers)
            except (OSError, http.client.HTTPException):
                status, version = 0, ""
            self.answers.append(Told(asked_at, status, version))

    def told(self, since: float, until: float = float("inf")) -> list[Told]:
        return [one for one in [*self.answers] if since <= one.asked_at < until]

    def share_answered(self, since: float, until: float = float("inf")) -> float:
        told = self.told(since, until)
        assert len(told) >= LEAST
        return sum(one.status == 200 for one in told) / len(told)


def clients_at(weight_bp: int) -> tuple[list[str], list[str]]:
    """Those on v1 and those on v2, with the salt of the processes' own secret key."""
    salt = canary_conf().snapshot.salt
    ids = [f"c{number}" for number in range(2_000)]
    on_v2 = [one for one in ids if bucket(Identity("client", one), salt) < weight_bp]
    return [one for one in ids if one not in on_v2], on_v2
