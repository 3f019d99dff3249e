"""Two server processes with two workers each: how soon a change is served, and that a rollback stays one."""

import time

from canary.conf import canary_conf
from canary.core.bucketing import bucket
from canary.core.values import Identity
from tests.canary.live.cluster import Answer, Cluster, Load, ask_once, eventually

WITHIN_S = 2.0


def test_a_change_is_served_by_every_worker_within_two_seconds_and_a_rollback_lasts(cluster: Cluster) -> None:
    with cluster.serving() as servers, Load([server.port for server in servers]).running() as load:
        assert eventually(lambda: cluster.are_at(0))
        cluster.canary("set", "50")
        set_at = time.monotonic()
        _let_pass(set_at + WITHIN_S + 1)
        after_set = load.later_than(set_at + WITHIN_S)
        assert cluster.versions_of_workers() == [1, 1, 1, 1]
        assert load.sent_back() == []
        cluster.canary("rollback")
        back_at = time.monotonic()
        _let_pass(back_at + WITHIN_S + 1)
        after_rollback = load.later_than(back_at + WITHIN_S)
    _follow_their_buckets(after_set)
    assert {answer.version for answer in after_rollback} == {"1"}
    assert load.failures == []
    assert {answer.status for answer in load.answers} == {200}
    _stays_at_nothing(cluster)


def _follow_their_buckets(answers: list[Answer]) -> None:
    """At 50 % with the salt of the processes' own secret key, which the first change has stored."""
    versions: dict[str, set[str]] = {}
    for answer in answers:
        versions.setdefault(answer.client, set()).add(answer.version)
    assert len(versions) > 20
    salt = canary_conf().snapshot.salt
    expected = {c: {"2" if bucket(Identity("client", c), salt) < 5_000 else "1"} for c in versions}
    assert versions == expected


def _stays_at_nothing(cluster: Cluster) -> None:
    for words in (("set", "50"), ("start", "--plan", "10,50"), ("promote",), ("resume",)):
        assert cluster.canary(*words, code=1)["current"]["latched"]
    with cluster.serving(API_V2_TRAFFIC_PERCENTAGE="100") as servers:
        assert {ask_once(servers[i % 2], f"c{i}") for i in range(8)} == {(200, "1")}
        assert cluster.canary("status")["weight_bp"] == 0
        cluster.canary("ack")
        _let_pass(time.monotonic() + WITHIN_S)
        assert {ask_once(servers[i % 2], f"c{i}") for i in range(8)} == {(200, "1")}
        cluster.canary("set", "100")
        _let_pass(time.monotonic() + WITHIN_S)
        assert {ask_once(servers[i % 2], f"c{i}") for i in range(8)} == {(200, "2")}


def _let_pass(moment: float) -> None:
    """The promise is about time, so the test has to let it pass."""
    time.sleep(max(0.0, moment - time.monotonic()))
