"""Sticky users of every kind who ask again and again, each after its former answer, and never want to go back."""

import contextlib
import http.client
import math
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Final

from tests.canary.live.people import Person
from tests.servers import HOST

THREADS: Final = 8
TAIL: Final = 1e-6
"""Each end of a band leaves out so much: of a thousand runs with a dozen bands each, one in forty would meet it."""


@dataclass
class Visitor:
    """Known by a header, by an access token, or by the cookie that its first answer brought."""

    headers: dict[str, str]
    versions: list[str] = field(default_factory=list)
    """Of all answers so far, in their order."""

    @property
    def was_sent_back(self) -> bool:
        return self.versions != sorted(self.versions)

    def ask(self, connection: http.client.HTTPConnection) -> None:
        connection.request("GET", "/api", headers=self.headers)
        answer = connection.getresponse()
        body = answer.read()
        assert answer.status == 200, (answer.status, body)
        if cookie := answer.headers.get("Set-Cookie"):
            self.headers["Cookie"] = cookie.partition(";")[0]
        self.versions.append(answer.headers["API-Version"])


def make_visitors(count: int, people: Sequence[Person]) -> list[Visitor]:
    """These people, and of the rest one half with an id, the other with a browser of its own that keeps cookies."""
    known = [Visitor({"Authorization": f"Bearer {person.token}"}) for person in people]
    half = (count - len(known)) // 2
    programs = [Visitor({"X-Client-Id": f"program-{number}"}) for number in range(half)]
    browsers = [Visitor({"User-Agent": f"browser {number}"}) for number in range(count - len(known) - half)]
    return [*known, *programs, *browsers]


def all_ask(visitors: Sequence[Visitor], ports: Sequence[int]) -> None:
    """Each once, of one server or the other; a few at a time, on kept connections."""
    parts = [visitors[place::THREADS] for place in range(THREADS)]
    with ThreadPoolExecutor(THREADS) as pool:
        for _ in pool.map(lambda part: _ask_in_turn(part, ports), parts):
            pass


def _ask_in_turn(visitors: Iterable[Visitor], ports: Sequence[int]) -> None:
    with contextlib.ExitStack() as stack:
        connections = [
            stack.enter_context(contextlib.closing(http.client.HTTPConnection(HOST, port, timeout=60)))
            for port in ports
        ]
        for visitor in visitors:
            # Not the server that it asked before.
            connection = connections[len(visitor.versions) % len(connections)]
            try:
                visitor.ask(connection)
            except (http.client.RemoteDisconnected, ConnectionResetError):
                # A kept connection that was idle for two seconds is closed by the server, as HTTP clients expect.
                connection.close()
                visitor.ask(connection)


def band(size: int, share: float) -> range:
    """How many of `size` independent visitors may be on v2, by the binomial distribution's own tails."""
    if share in (0.0, 1.0):
        return range(round(size * share), round(size * share) + 1)
    low = _first_beyond_tail(size, share)
    return range(low, size - _first_beyond_tail(size, 1 - share) + 1)


def _first_beyond_tail(size: int, share: float) -> int:
    """The smallest count that at most TAIL of all samples stay below."""
    below, count = 0.0, 0
    while (below := below + _probability(count, size, share)) <= TAIL:
        count += 1
    return count


def _probability(count: int, size: int, share: float) -> float:
    ways = math.lgamma(size + 1) - math.lgamma(count + 1) - math.lgamma(size - count + 1)
    return math.exp(ways + count * math.log(share) + (size - count) * math.log1p(-share))
