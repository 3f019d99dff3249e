"""Writers who post through the entrance without a pause, and an exact account of what they were told."""

import contextlib
import http.client
import itertools
import json
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

import psycopg

from tests.canary.live.people import Person
from tests.canary.live.threads import going_on
from tests.servers import HOST
from tests.stalls import fair_time

PAUSE_S: Final = 0.05
PATH: Final = "/api/posts"


@dataclass(frozen=True)
class Acknowledged:
    """A post that the writer may count on from now on."""

    title: str
    began_at: float
    version: str


@dataclass
class Writers:
    """One thread and one kept connection for each person. Bodies are such as both versions take."""

    ports: Sequence[int]
    people: Sequence[Person]
    acknowledged: list[Acknowledged] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    """Everything but 201, and requests without an answer."""
    _is_over: threading.Event = field(default_factory=threading.Event)

    @contextlib.contextmanager
    def running(self) -> Iterator["Writers"]:
        threads = [
            threading.Thread(target=self._write, args=(self.ports[place % len(self.ports)], place, person))
            for place, person in enumerate(self.people)
        ]
        with going_on(threads, self._is_over):
            yield self

    def versions(self, since: float = 0.0, until: float = float("inf")) -> Counter[str]:
        """Of the posts that began to be written within these instants."""
        return Counter(one.version for one in [*self.acknowledged] if since < one.began_at < until)

    def _write(self, port: int, place: int, person: Person) -> None:
        connection = http.client.HTTPConnection(HOST, port, timeout=60)
        headers = {"Authorization": f"Bearer {person.token}", "Content-Type": "application/json"}
        for number in itertools.count():
            if self._is_over.wait(PAUSE_S):
                break
            title, began_at = f"Written {place}-{number}", fair_time()
            try:
                connection.request("POST", PATH, json.dumps({"title": title, "content": "Kept."}), headers)
                answer = connection.getresponse()
                body = answer.read()
            except (OSError, http.client.HTTPException) as error:
                self.failures.append(f"{title}: {error!r}")
                connection.close()
                continue
            if answer.status == 201:
                self.acknowledged.append(Acknowledged(title, began_at, answer.headers["API-Version"]))
            else:
                self.failures.append(f"{title}: {answer.status} {body[:300]!r}")
        connection.close()


def stored_titles(database_url: str) -> Counter[str]:
    """How often each of these posts stands in the database."""
    with psycopg.connect(database_url) as database:
        rows = database.execute("SELECT title FROM cms_post WHERE title LIKE 'Written %'").fetchall()
    return Counter(row[0] for row in rows)
