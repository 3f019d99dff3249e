"""What-if: the very identities that move when the change is made, and nobody else."""

import datetime
import json
import time
from collections.abc import Callable, Iterable
from typing import Any

import pytest
from django.test import Client

from canary.core.lifecycle import Life
from canary.core.values import Identity, Snapshot
from canary.models import SeenIdentity
from canary.reporting.whatif import moves_between
from canary.services import acknowledge, add_to_list, roll_back, set_weight
from canary.state.store import refresh
from cms.models import User
from cms.policy import SYSTEM
from cms.services.users import update_user

pytestmark = pytest.mark.django_db
Whatif = Callable[[str], dict[str, Any]]
CHANGE: dict[str, Any] = {"actor": "test", "reason": "for the test"}


@pytest.fixture
def whatif(run_canary: Callable[..., str]) -> Whatif:
    return lambda percent: json.loads(run_canary("whatif", percent, "--json"))


@pytest.fixture
def seen(now: datetime.datetime) -> Callable[[Iterable[str]], None]:
    def make(names: Iterable[str]) -> None:
        SeenIdentity.objects.bulk_create(
            SeenIdentity(kind="client", identifier=name, last_seen_at=now) for name in names
        )

    return make


def answered(names: Iterable[str]) -> dict[str, str]:
    refresh()
    return {f"client:{n}": Client().get("/api", headers={"x-client-id": n}).headers["API-Version"] for n in names}


def moved(before: dict[str, str], after: dict[str, str], to: str) -> set[str]:
    return {name for name in before if before[name] != after[name] == to}


@pytest.mark.parametrize(("first_bp", "then"), [(0, "50"), (5_000, "62.5"), (9_000, "20"), (3_000, "30")])
def test_the_predicted_set_is_the_one_that_is_observed(
    whatif: Whatif, seen: Any, now: datetime.datetime, first_bp: int, then: str
) -> None:
    names = [f"c{number}" for number in range(40)]
    seen(names)
    for name, listed in (("c1", "allow"), ("c2", "exclude"), ("c3", "allow"), ("c4", "exclude")):
        identity = Identity("client", name)
        add_to_list(list=listed, identity=identity, expected_version=None, now=now, **CHANGE)
    set_weight(weight_bp=first_bp, expected_version=None, now=now, **CHANGE)
    before, predicted = answered(names), whatif(then)["moves"]
    set_weight(weight_bp=round(float(then) * 100), expected_version=None, now=now, **CHANGE)
    after = answered(names)
    assert set(predicted["to_v2"]["ids"]) == moved(before, after, "2")
    assert set(predicted["to_v1"]["ids"]) == moved(before, after, "1")
    assert [move["count"] for move in predicted.values()] == [len(move["ids"]) for move in predicted.values()]


def test_users_keys_and_clients_are_known_each_once(
    whatif: Whatif, make_user: Callable[..., User], make_key: Callable[..., tuple[str, str]], now: datetime.datetime
) -> None:
    user, gone = make_user("author"), make_user("author")
    update_user(actor=SYSTEM, user=gone, changes={"is_active": False}, now=now)
    prefix, _ = make_key(user, "posts:read")
    long_ago = now - datetime.timedelta(minutes=6)
    for kind, name, at in (("user", str(user.pk), now), ("client", "new", now), ("client", "old", long_ago)):
        SeenIdentity.objects.create(kind=kind, identifier=name, last_seen_at=at)
    assert sorted(whatif("100")["moves"]["to_v2"]["ids"]) == sorted([f"user:{user.pk}", f"key:{prefix}", "client:new"])


def test_while_the_rollback_is_latched_nobody_would_move(whatif: Whatif, seen: Any, now: datetime.datetime) -> None:
    seen(["c1", "c2"])
    roll_back(now=now, **CHANGE)
    told = whatif("100")
    assert (told["latched"], told["moves"]["to_v2"]["count"]) == (True, 0)
    acknowledge(expected_version=None, now=now, **CHANGE)
    assert whatif("100")["moves"]["to_v2"]["count"] == 2


@pytest.mark.parametrize(
    "state",
    [{"is_candidate_enabled": False}, {"is_stable_enabled": False}, {"life": Life("sunset", 1, 2, sunset_done_at=3)}],
)
def test_where_one_version_answers_all_nobody_moves(state: dict[str, Any]) -> None:
    before, after = (Snapshot(1, weight, "salt", **state) for weight in (0, 10_000))
    moves = moves_between(before, after, [Identity("client", str(n)) for n in range(50)], 10.0)
    assert (moves.to_v2, moves.to_v1, moves.looked_at) == ([], [], 50)


def test_people_read_counts_and_a_few_names(run_canary: Callable[..., str], seen: Any) -> None:
    seen(f"c{number:02}" for number in range(30))
    told = run_canary("whatif", "100")
    assert "30 identities would move to v2." in told
    assert "and 10 more" in told
    assert "0 identities would move to v1." in told


def test_a_hundred_thousand_identities_take_seconds_at_most() -> None:
    """The bound is several times what it takes, for machines that are several times as slow."""
    identities = (Identity("user", str(number)) for number in range(100_000))
    started = time.process_time()
    moves = moves_between(Snapshot(1, 0, "salt"), Snapshot(1, 5_000, "salt"), identities, 0.0)
    assert time.process_time() - started < 10
    assert 49_000 < len(moves.to_v2) < 51_000
