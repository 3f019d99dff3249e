"""Real servers whose v2 hangs, or kills its process: each request without an answer is recorded, once."""

import contextlib
import http.client
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from canary.core.values import Identity
from canary.recording.tally import digest_of
from canary.shadow.caution import LOOK_EVERY_S
from tests.canary.live.cluster import Cluster, eventually, in_flight
from tests.canary.live.users import Users, clients_at
from tests.servers import HOST, Server, commanding, manage, serve
from tests.slow import slow
from tests.stalls import fair_time, let_pass

HALF_BP = 5_000
HANG_S = 1
PATH, ROUTE = "/api/posts", "GET /posts"
ROUNDS = 2
REPEATED = {"CANARY_SHADOW_PERCENTAGE": "100"}
ROLLED_BACK_WITHIN_S = 600.0
SETTLED_S = 10.0
"""After so long the workers that were killed last have been replaced."""
FLUSHED_S = 4.0
"""After so long everything that was seen is in the database."""


class Site:
    """A rollout at 50 % and its clients on v2, by their number."""

    def __init__(self, cluster: Cluster, folder: Path) -> None:
        self.hangs = folder / "hangs"
        self._cluster = cluster
        self.on_v1, self.on_v2 = clients_at(HALF_BP)
        self._env = cluster.dying(folder, CANARY_HANG_S=str(HANG_S))

    @contextlib.contextmanager
    def serving(self, workers: int, **more: str) -> Iterator[Server]:
        self.hangs.touch()
        with serve(self._env | more, workers=workers) as server:
            try:
                assert eventually(lambda: self._cluster.are_at(1, workers))
                yield server
            finally:
                self.hangs.unlink(missing_ok=True)

    def failed(self) -> list[tuple[Any, ...]]:
        """Requests and failed answers of v2 on the route, and the units that failed."""
        sums = "SELECT sum(requests), sum(status_5xx) FROM canary_metricbucket WHERE api_version = 2 AND route = %s"
        units = "SELECT DISTINCT unit FROM canary_observation WHERE api_version = 2 AND route = %s AND metric = 'error'"
        return [*self._cluster.rows(sums, ROUTE), *sorted(self._cluster.rows(units, ROUTE))]


@pytest.fixture
def site(cluster: Cluster, tmp_path: Path) -> Site:
    cluster.canary("set", "50")
    return Site(cluster, tmp_path)


def ask(server: Server, client: str, deed: str = "", path: str = PATH) -> int:
    """The status of the answer, 0 for none."""
    with contextlib.closing(http.client.HTTPConnection(HOST, server.port, timeout=120)) as connection:
        connection.request("GET", path, headers={"X-Client-Id": client, "X-Do": deed})
        try:
            return connection.getresponse().status
        except (OSError, http.client.HTTPException):
            return 0


@contextlib.contextmanager
def asking(server: Server, client: str, deed: str) -> Iterator[list[int]]:
    """What it was told, once the block has ended."""
    told: list[int] = []
    thread = threading.Thread(target=lambda: told.append(ask(server, client, deed)))
    thread.start()
    try:
        yield told
    finally:
        thread.join()


def units(*clients: str) -> list[tuple[str]]:
    return sorted((digest_of(Identity("client", client)),) for client in clients)


@pytest.mark.slow
def test_a_request_that_hangs_is_a_failure_before_its_answer_and_its_late_answer_is_none(site: Site) -> None:
    client = site.on_v2[0]
    with site.serving(workers=1) as server:
        assert ask(server, client, path="/api/v2/tags") == 200  # loads the views, which may take longer than a hang
        with asking(server, client, "hang") as told:
            assert eventually(lambda: site.failed() == [(1, 1), *units(client)])
            site.hangs.unlink()
        assert told == [200]
        let_pass(fair_time() + FLUSHED_S)
        assert site.failed() == [(1, 1), *units(client)]


@pytest.mark.parametrize(
    ("deed", "workers", "more"),
    [
        ("exit", 1, {}),
        slow("kill", 2, {}),
        slow("segfault", 2, {}),
        slow("exit", 2, {"GUNICORN_CMD_ARGS": "--preload"}),
    ],
)
def test_what_a_worker_has_in_flight_when_v2_ends_it_fails_with_it(
    site: Site, cluster: Cluster, deed: str, workers: int, more: dict[str, str]
) -> None:
    """With one worker the next one tells of it, with two the survivor may."""
    first, last = site.on_v2[:2]
    with site.serving(workers, CANARY_HANG_S="3600", **more) as server:
        with asking(server, first, "hang") as told:
            assert eventually(lambda: in_flight(server) == 1)
            while not told:  # with two workers it may be the other one that dies
                assert ask(server, last, deed) == 0
        assert told == [0]
        assert eventually(lambda: {unit for (unit,) in units(first, last)} <= {row[0] for row in site.failed()[1:]})
        let_pass(fair_time() + FLUSHED_S)
    crashes = cluster.rows("SELECT api_version, requests, death = worker FROM canary_crash ORDER BY id")
    assert {(version, alone) for version, _, alone in crashes} == {(2, True)}
    requests = sum(count for _, count, _ in crashes)
    assert requests == len(crashes) + 1
    assert site.failed() == [(requests, requests), *units(first, last)]
    assert not [*site.hangs.parent.glob("tandem-metrics-*/*/*.flights")]


@pytest.mark.slow
def test_a_v2_that_ends_its_workers_is_rolled_back_by_the_next_turn_of_the_controller(
    site: Site, cluster: Cluster
) -> None:
    with site.serving(workers=2) as server:
        for client in site.on_v2[:3]:
            assert ask(server, client, "kill") == 0
        assert eventually(lambda: len(cluster.rows("SELECT 1 FROM canary_crash")) == 3)
        assert manage("run_canary_controller", "--once", env=cluster.env).returncode == 0
        assert cluster.canary("status")["latched"]
        assert eventually(lambda: ask(server, site.on_v2[0], "kill") == 200)  # by v1


@pytest.mark.slow
def test_repeats_that_end_their_process_are_given_up_after_a_few(site: Site, cluster: Cluster) -> None:
    def ask_v1() -> int:
        return ask(server, "c", "kill", "/api/v1/posts")

    with site.serving(workers=2, **REPEATED) as server:
        assert eventually(lambda: ask_v1() == 200 and "shadow reads have stopped" in server.log)
        let_pass(fair_time() + LOOK_EVERY_S)  # of the other process
        workers = server.workers
        assert [ask_v1() for _ in range(40)] == [200] * 40
        let_pass(fair_time() + LOOK_EVERY_S)
        assert server.workers == workers
    [(deaths,)] = cluster.rows("SELECT count(DISTINCT death) FROM canary_crash WHERE api_version = 2")
    assert deaths in range(3, 6)


@pytest.mark.soak
@pytest.mark.parametrize("kill_every_s", [0.0, 20.0], ids=["each_request", "now_and_then"])
def test_a_v2_that_kills_workers_again_and_again_is_rolled_back_each_time_and_then_harms_nobody(
    site: Site, cluster: Cluster, tmp_path: Path, kill_every_s: float
) -> None:
    controller = commanding("run_canary_controller", env=cluster.env, log=tmp_path / "controller")
    with controller, site.serving(workers=2, **REPEATED) as server, Users(server.port, site.on_v1).asking() as stable:
        for _ in range(ROUNDS):
            began_at = fair_time()
            while not cluster.is_rolled_back():
                assert fair_time() < began_at + ROLLED_BACK_WITHIN_S
                ask(server, site.on_v2[0], "kill")
                let_pass(fair_time() + kill_every_s)
            back_at = fair_time()
            let_pass(back_at + SETTLED_S)
            workers = server.workers
            assert {ask(server, client, "kill") for client in site.on_v2[:20]} == {200}  # by v1
            let_pass(fair_time() + SETTLED_S)
            assert server.workers == workers
            shares = stable.share_answered(began_at, back_at), stable.share_answered(back_at + SETTLED_S)
            print(f"rolled back after {back_at - began_at:.1f} s, good answers {shares}; {cluster.reason()}")
            assert shares[1] >= 0.99
            cluster.canary("ack")
            cluster.canary("set", "50")
