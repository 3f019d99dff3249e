"""A v2 whose views never return, on a server of two processes with eight threads each, at 10 %."""

import contextlib
import http.client
import itertools
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from canary.conf import canary_conf
from canary.core.bucketing import bucket
from canary.core.values import Identity
from tests.canary.live.cluster import Cluster, ask, eventually
from tests.canary.live.threads import going_on
from tests.servers import HOST, serve
from tests.stalls import fair_time, let_pass

WEIGHT_BP = 1_000
WORKERS, THREADS = 2, 8
ASKERS = 12
"""Of either version's users: more than the candidate has places."""
PATIENCE_S = 10.0
PAUSE_S = 0.05
LASTS_S = 12.0


@dataclass
class Users:
    """Clients of one version who ask in turn, each on a new connection, and give up after PATIENCE_S."""

    port: int
    clients: Sequence[str]
    answers: list[tuple[float, int, str]] = field(default_factory=list)
    """When each asked, its status (0 for none) and version."""
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
            try:
                with contextlib.closing(http.client.HTTPConnection(HOST, self.port, timeout=PATIENCE_S)) as connection:
                    status, version = ask(connection, client)
            except (OSError, http.client.HTTPException):
                status, version = 0, ""
            self.answers.append((asked_at, status, version))

    def share_answered(self, since: float, until: float = float("inf")) -> float:
        statuses = [status for asked_at, status, _ in [*self.answers] if since <= asked_at < until]
        assert len(statuses) >= 20
        return statuses.count(200) / len(statuses)


@pytest.mark.slow
def test_the_stable_version_keeps_its_threads_and_a_rollback_needs_no_restart(cluster: Cluster, tmp_path: Path) -> None:
    hangs = tmp_path / "hangs"
    env = {
        **cluster.env,
        "DJANGO_SETTINGS_MODULE": "tests.canary.live.hanging_settings",
        "HANGS_WHILE": str(hangs),
        "WEB_THREADS": str(THREADS),
        "CANARY_BULKHEAD": "0",
        "TMPDIR": str(tmp_path),
    }
    cluster.canary("set", str(WEIGHT_BP // 100))
    on_v1, on_v2 = _clients()
    with serve(env, workers=WORKERS, threads=THREADS) as server:
        assert eventually(lambda: cluster.are_at(1, WORKERS))
        hangs.touch()
        try:
            with Users(server.port, on_v1).asking() as stable, Users(server.port, on_v2).asking() as candidate:
                assert eventually(
                    lambda: _metric(server.port, 'canary_in_flight{version="2"}') == WORKERS * THREADS / 2
                )
                full_at = fair_time()
                let_pass(full_at + LASTS_S)
                cluster.canary("rollback")
                back_at = fair_time() + 2
                let_pass(back_at + LASTS_S)
        finally:
            hangs.unlink()
    during = [users.share_answered(full_at, full_at + LASTS_S) for users in (stable, candidate)]
    after = [users.share_answered(back_at) for users in (stable, candidate)]
    print(
        f"answered while v2 hangs: {during}, after the rollback: {after}, of {len(stable.answers)} and {len(candidate.answers)}"
    )
    assert min(during) >= 0.95  # v2's users by v1
    assert min(after) >= 0.99
    assert {version for _, status, version in stable.answers + candidate.answers if status == 200} == {"1"}


def _clients() -> tuple[list[str], list[str]]:
    salt = canary_conf().snapshot.salt
    ids = [f"c{number}" for number in range(2_000)]
    on_v2 = [one for one in ids if bucket(Identity("client", one), salt) < WEIGHT_BP]
    return [one for one in ids if one not in on_v2], on_v2


def _metric(port: int, series: str) -> float:
    with contextlib.closing(http.client.HTTPConnection(HOST, port, timeout=60)) as connection:
        connection.request("GET", "/metrics")
        lines = connection.getresponse().read().decode().splitlines()
    return next((float(line.rpartition(" ")[2]) for line in lines if line.startswith(f"{series} ")), 0.0)
