"""Two servers of two workers, readers and writers: how soon all of them serve a change, and that a rollback stays one."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest

from canary.conf import canary_conf
from canary.core.bucketing import bucket
from canary.core.values import Identity
from tests.canary.live.cluster import Answer, Cluster, Load, ask_once, eventually
from tests.canary.live.people import Person, make_people
from tests.canary.live.writers import Writers, stored_titles
from tests.servers import manage
from tests.stalls import fair_time, let_pass

WITHIN_S = 2.0
HALF_BP = 5_000
WRITERS_EACH = 2
"""On either side of the half."""
SEEN = 50
"""A quarter of all clients."""


@dataclass
class Crowd:
    load: Load
    writers: Writers

    @property
    def failures(self) -> list[str]:
        return self.load.failures + self.writers.failures

    def wait_for(self, *versions: str, since: float) -> None:
        """Until enough have asked after that, and the writers were told of each of these versions."""
        assert eventually(
            lambda: (
                len({answer.client for answer in self.load.later_than(since)}) >= SEEN
                and self.writers.versions(since=since).keys() >= {*versions}
            )
        )


@pytest.mark.slow
def test_a_change_is_served_by_every_worker_within_two_seconds_and_a_rollback_lasts(cluster: Cluster) -> None:
    _set_and_rolled_back_under_load(cluster)
    _stays_at_nothing(cluster)


@pytest.mark.slow
def test_the_same_by_the_database_alone_once_redis_is_killed_under_load(
    cluster: Cluster, kill_redis: Callable[[], None]
) -> None:
    _set_and_rolled_back_under_load(cluster, before=kill_redis)
    _stays_at_nothing(cluster)


def _set_and_rolled_back_under_load(cluster: Cluster, before: Callable[[], None] = lambda: None) -> None:
    with _crowd(cluster) as crowd:
        before()
        set_at = _change(cluster, 1, "set", "50")
        crowd.wait_for("1", "2", since=set_at + WITHIN_S)
        after_set = crowd.load.later_than(set_at + WITHIN_S)
        assert crowd.writers.versions(since=set_at + WITHIN_S).keys() == {"1", "2"}
        assert crowd.load.sent_back() == []
        cluster.canary("start", "--plan", "50,90", "--min-minutes", "0.01")
        back_at = _change(cluster, 3, "rollback")
        crowd.wait_for("1", since=back_at + WITHIN_S)
        after_rollback = crowd.load.later_than(back_at + WITHIN_S)
        assert crowd.writers.versions(since=back_at + WITHIN_S).keys() == {"1"}
    _follow_their_buckets(after_set)
    assert {answer.version for answer in after_rollback} == {"1"}
    assert crowd.failures == []
    assert {answer.status for answer in crowd.load.answers} == {200}
    _every_worker_answered_by_both(cluster)
    _no_write_is_lost(cluster, crowd.writers)


@contextmanager
def _crowd(cluster: Cluster) -> Iterator[Crowd]:
    """Readers, and writers of whom half are on v2 at 50 %; on servers that all know of nothing stored yet."""
    people = _on_both_sides(make_people(cluster.env, "author", 30))
    with cluster.serving() as servers:
        ports = [server.port for server in servers]
        with Load(ports).running() as load, Writers(ports, people).running() as writers:
            assert eventually(lambda: cluster.are_at(0))
            yield Crowd(load, writers)


def _on_both_sides(people: list[Person]) -> list[Person]:
    salt = canary_conf().snapshot.salt
    lower = [person for person in people if bucket(Identity("user", person.id), salt) < HALF_BP]
    upper = [person for person in people if person not in lower]
    return lower[:WRITERS_EACH] + upper[:WRITERS_EACH]


def _change(cluster: Cluster, version: int, *words: str) -> float:
    """When the command had returned. Afterwards its promise has come true in all workers, and a second more is over."""
    cluster.canary(*words)
    changed_at = fair_time()
    assert eventually(lambda: cluster.are_at(version), within_s=WITHIN_S), words
    let_pass(changed_at + WITHIN_S + 1)
    return changed_at


def _follow_their_buckets(answers: list[Answer]) -> None:
    """At 50 % with the salt of the processes' own secret key, which the first change has stored."""
    versions: dict[str, set[str]] = {}
    for answer in answers:
        versions.setdefault(answer.client, set()).add(answer.version)
    assert len(versions) >= SEEN
    salt = canary_conf().snapshot.salt
    expected = {c: {"2" if bucket(Identity("client", c), salt) < HALF_BP else "1"} for c in versions}
    assert versions == expected


def _every_worker_answered_by_both(cluster: Cluster) -> None:
    """As the workers recorded it themselves."""
    statement = "SELECT DISTINCT worker, api_version FROM canary_metricbucket WHERE weight_bp = %s"
    rows = cluster.rows(statement, HALF_BP)
    assert len(rows) == 2 * 2 * cluster.workers_each, rows


def _no_write_is_lost(cluster: Cluster, writers: Writers) -> None:
    stored = stored_titles(cluster.env["DATABASE_URL"])
    assert stored == {one.title: 1 for one in writers.acknowledged}
    print(f"{stored.total()} posts written meanwhile, {writers.versions()} by version, each of them stored once")


def _stays_at_nothing(cluster: Cluster) -> None:
    for words in (("set", "50"), ("start", "--plan", "10,50"), ("promote",), ("resume",)):
        assert cluster.canary(*words, code=1)["current"]["latched"]
    with cluster.serving(API_V2_TRAFFIC_PERCENTAGE="100") as servers:
        turned = manage("run_canary_controller", "--once", env=cluster.env)
        assert turned.returncode == 0, turned.stderr
        assert {ask_once(servers[i % 2], f"c{i}") for i in range(8)} == {(200, "1")}
        assert cluster.canary("status")["weight_bp"] == 0
        cluster.canary("ack")
        let_pass(fair_time() + WITHIN_S)
        assert {ask_once(servers[i % 2], f"c{i}") for i in range(8)} == {(200, "1")}
        cluster.canary("set", "100")
        let_pass(fair_time() + WITHIN_S)
        assert {ask_once(servers[i % 2], f"c{i}") for i in range(8)} == {(200, "2")}
