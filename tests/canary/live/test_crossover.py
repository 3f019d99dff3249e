"""Real servers in a crossover: every answer is that of the schedule, and its end is judged."""

import contextlib
import http.client
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from canary.core.crossover import Crossover, crossover_from, is_on_candidate
from canary.core.crossover_verdict import judge_crossover
from canary.core.statistics.crossovers import Answered
from tests.canary.live.cluster import Cluster, ask, eventually
from tests.canary.live.threads import going_on
from tests.servers import HOST, Server, commanding

CLIENTS = [f"partner-{number}" for number in range(4)]
PERIOD_S = 3.0
PAIRS = 4
PAUSE_S = 0.05
APART_S = 0.1
"""Around the beginning of a period an answer may be of either one: it was decided between question and answer."""


@dataclass
class Partners:
    """Each asks one of the servers again and again, on one connection."""

    servers: list[Server]
    answers: list[tuple[str, float, float, str]] = field(default_factory=list)
    """Client, when it asked and was answered in unix seconds, and the version."""
    _is_over: threading.Event = field(default_factory=threading.Event)

    @contextlib.contextmanager
    def calling(self) -> Iterator[None]:
        threads = [
            threading.Thread(target=self._call, args=(client, self.servers[place % len(self.servers)]))
            for place, client in enumerate(CLIENTS)
        ]
        with going_on(threads, self._is_over):
            yield

    def _call(self, client: str, server: Server) -> None:
        with contextlib.closing(http.client.HTTPConnection(HOST, server.port, timeout=60)) as connection:
            while not self._is_over.wait(PAUSE_S):
                asked_at = time.time()
                status, version = ask(connection, client)
                assert status == 200
                self.answers.append((client, asked_at, time.time(), version))


@pytest.mark.slow
def test_each_partner_changes_between_the_versions_as_it_was_drawn(cluster: Cluster, tmp_path: Path) -> None:
    command = commanding("run_canary_controller", env=cluster.env, log=tmp_path / "controller.log")
    with cluster.serving(processes=2) as servers, command:
        partners = Partners(servers)
        with partners.calling():
            assert eventually(lambda: cluster.rows("SELECT count(*) FROM canary_seenidentity") == [(len(CLIENTS),)])
            names = ",".join(f"client:{client}" for client in CLIENTS)
            cluster.canary(
                "crossover", "start", "--consumers", names, "--period-minutes", "0.05", "--pairs", str(PAIRS)
            )
            [(stored, salt)] = cluster.rows("SELECT crossover, salt FROM canary_rollout")
            assert eventually(lambda: verdict_of(cluster) is not None)
        crossover = crossover_from(stored)
        assert crossover is not None
        during = [one for one in partners.answers if crossover.started_at <= one[1] < crossover.ends_at]
        assert {(client, version) for client, _, _, version in during} == {
            (client, version) for client in CLIENTS for version in ("1", "2")
        }
        assert [one for one in partners.answers if not is_as_drawn(crossover, salt, *one)] == []
        told = cluster.canary("explain", f"client:{CLIENTS[0]}", "--at", at_of(during[0][1]))
        assert told["reason"] == "crossover"
    rows = cluster.rows("SELECT place, period, api_version, requests, failures FROM canary_crossovercount")
    assert len(during) / 2 < sum(row[3] for row in rows) <= len(during)
    seen = {(place, period): Answered(version == 2, *counts) for place, period, version, *counts in rows}
    verdict = judge_crossover(crossover, seen, PAIRS)
    assert (verdict.kind, verdict.against, verdict.others) == (verdict_of(cluster), 0, 0)


def verdict_of(cluster: Cluster) -> str | None:
    [(verdict,)] = cluster.rows("SELECT crossover ->> 'verdict' FROM canary_rollout")
    return None if verdict is None else str(verdict)


def is_as_drawn(
    crossover: Crossover, salt: str, client: str, asked_at: float, answered_at: float, version: str
) -> bool:
    """Whether the schedule has this version at some instant between question and answer."""
    name, instants = f"client:{client}", (asked_at - APART_S, answered_at + APART_S)
    return (version == "2") in {bool(is_on_candidate(crossover, name, at, salt)) for at in instants}


def at_of(unix_s: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(unix_s + 1))
