"""A v2 whose views never return, at 10 %, on a server of two processes with eight threads each and a controller."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.canary.live.cluster import Cluster, eventually, in_flight
from tests.canary.live.users import Users, clients_at
from tests.servers import Server, commanding, serve
from tests.stalls import fair_time, let_pass

WEIGHT_BP = 1_000
WORKERS, THREADS = 2, 8
ON_V2 = 50
GOOD_S = 20.0
"""Long enough for each of v2's users to get a good answer."""
WITHIN_S = 60.0
PROPAGATED_S = 2.0
AFTER_S = 12.0
GOES_ON_S = 90.0
OF_ONE_NETWORK, OF_MANY_NETWORKS = "", "127.0.0.1/32"
"""Proxies that are believed: anonymous users count once a network."""


@dataclass
class Site:
    cluster: Cluster
    server: Server
    hangs: Path
    stable: Users
    candidate: Users

    def start(self) -> float:
        """When 10 % are in force."""
        self.cluster.canary("set", str(WEIGHT_BP // 100))
        let_pass(fair_time() + PROPAGATED_S)
        return fair_time()

    def hang_until_rolled_back(self) -> float:
        """When the controller had rolled back. Meanwhile v1 answers its own users, and v2's beyond those who wait."""
        self.hangs.touch()
        hangs_at = fair_time()
        assert eventually(lambda: in_flight(self.server) == WORKERS * THREADS / 2)
        full_at = fair_time()
        assert eventually(self.cluster.is_rolled_back, hangs_at + WITHIN_S - full_at), self.cluster.canary("status")
        back_at = fair_time()
        during = self.stable.share_answered(hangs_at, back_at), self.candidate.share_answered(full_at, back_at)
        print(f"rolled back after {back_at - hangs_at:.1f} s, good answers: {during}; {self.cluster.reason()}")
        assert min(during) >= 0.95
        return back_at

    def check_all_answered(self, since: float) -> None:
        after = self.stable.share_answered(since), self.candidate.share_answered(since)
        print(f"good answers afterwards: {after}")
        assert min(after) >= 0.99


@contextlib.contextmanager
def asked_site(cluster: Cluster, folder: Path, proxies: str, deed: str = "hang") -> Iterator[Site]:
    """Its users ask all the time; those of v2 are answered by v1 until the start."""
    env, hangs = cluster.dying(folder, TRUSTED_PROXIES=proxies), folder / "hangs"
    on_v1, on_v2 = clients_at(WEIGHT_BP)
    cluster.canary("set", "0")
    with contextlib.ExitStack() as stack:
        stack.enter_context(commanding("run_canary_controller", env=env, log=folder / "controller"))
        server = stack.enter_context(serve(env, workers=WORKERS, threads=THREADS))
        stack.callback(hangs.unlink, missing_ok=True)
        assert eventually(lambda: cluster.are_at(1, WORKERS))
        crowds = (Users(server.port, clients, {"X-Do": deed}) for clients in (on_v1, on_v2[:ON_V2]))
        stable, candidate = (stack.enter_context(crowd.asking()) for crowd in crowds)
        yield Site(cluster, server, hangs, stable, candidate)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("proxies", "good_s"),
    [(OF_ONE_NETWORK, 0.0), (OF_MANY_NETWORKS, GOOD_S)],
    ids=["from_the_start_for_one_network", "after_a_while_for_many"],
)
def test_a_hang_is_rolled_back_by_itself_and_the_stable_version_hardly_notices(
    cluster: Cluster, tmp_path: Path, proxies: str, good_s: float
) -> None:
    with asked_site(cluster, tmp_path, proxies) as site:
        workers = site.server.workers
        let_pass(site.start() + good_s)
        back_at = site.hang_until_rolled_back()
        let_pass(back_at + PROPAGATED_S + AFTER_S)
        assert site.server.workers == workers
    site.check_all_answered(back_at + PROPAGATED_S)


@pytest.mark.slow
def test_threads_of_v2_that_keep_connections_take_none_from_the_stable_version(
    cluster: Cluster, tmp_path: Path
) -> None:
    """They took the whole pool: v1's users got 503, and nothing was recorded that could roll v2 back."""
    with asked_site(cluster, tmp_path, OF_MANY_NETWORKS, "ask_in_threads") as site:
        began_at = site.start()
        assert eventually(cluster.is_rolled_back, WITHIN_S), cluster.canary("status")
        back_at = fair_time()
        answered = site.stable.share_answered(began_at, back_at)
        print(f"rolled back after {back_at - began_at:.1f} s, good answers: {answered}; {cluster.reason()}")
        assert answered >= 0.99
        let_pass(back_at + PROPAGATED_S + AFTER_S)
    site.check_all_answered(back_at + PROPAGATED_S)


@pytest.mark.soak
def test_a_hang_of_minutes_leaves_no_trace(cluster: Cluster, tmp_path: Path) -> None:
    with asked_site(cluster, tmp_path, OF_MANY_NETWORKS) as site:
        workers = site.server.workers
        let_pass(site.start() + GOOD_S)
        back_at = site.hang_until_rolled_back()
        let_pass(back_at + GOES_ON_S)
        assert in_flight(site.server) == WORKERS * THREADS / 2
        site.hangs.unlink()
        assert eventually(lambda: in_flight(site.server) == 0)
        cluster.canary("ack")
        again_at = site.start()
        let_pass(again_at + GOOD_S)
        assert site.server.workers == workers
    site.check_all_answered(back_at + PROPAGATED_S)
    again = [one.version for one in site.candidate.told(again_at)]
    assert again.count("2") > len(again) / 2  # v1 answers what comes when v2's places are taken
