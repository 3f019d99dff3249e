"""`canary explain`: the decision about any identity, with where it stands and what it was before."""

import datetime
import json
from collections.abc import Callable
from typing import Any

import pytest
from django.core.management import CommandError
from django.utils import timezone

from canary.core.values import Identity, parse_identity
from canary.models import SeenIdentity
from canary.reporting.explaining import still_in_force
from canary.services import acknowledge, add_to_list, remove_from_list, roll_back, set_weight
from canary.state.store import ALL_HAVE_READ_AFTER_S, current_snapshot, read
from tests.servers import manage

ENV = {"SECRET_KEY": "only-for-tests-0123456789-0123456789-0123456789", "DATABASE_URL": "sqlite:////nonexistent/x.db"}
Explain = Callable[..., dict[str, Any]]


@pytest.fixture
def explain(run_canary: Callable[..., str]) -> Explain:
    return lambda identity, *more: json.loads(run_canary("explain", identity, "--json", *more))


def test_without_a_database_it_says_so_and_what_the_environment_says() -> None:
    done = manage(
        *("canary", "explain", "user:42", "--salt", "api-v2:2026-12", "--json"),
        env={**ENV, "API_V2_TRAFFIC_PERCENTAGE": "13.25"},
    )
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "can't be reached" in done.stderr
    told = json.loads(done.stdout)
    assert told.pop("error") in done.stderr
    expected = {"identity": "user:42", "bucket": 1324, "weight_bp": 1325, "api_version": 2, "reason": "bucket"}
    assert told == {**expected, "current": None}


@pytest.mark.parametrize("arguments", [["nobody"], ["user:1", "--salt", "x" * 65], ["user:1", "--salt", ""], []])
def test_wrong_usage_exits_with_2(arguments: list[str]) -> None:
    done = manage("canary", "explain", *arguments, env=ENV)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


def test_bytes_that_are_no_text_are_an_id_too(db: None, explain: Explain) -> None:
    assert explain("key:\udcff")["identity"] == "key:\udcff"


@pytest.mark.django_db
def test_the_shape_is_fixed_and_the_stored_rollout_decides(explain: Explain, now: datetime.datetime) -> None:
    before = now - datetime.timedelta(seconds=ALL_HAVE_READ_AFTER_S)
    set_weight(weight_bp=10_000, actor="test", reason="all", expected_version=0, now=before)
    told = explain("user:42", "--salt", "api-v2:2026-12")
    assert told == {"identity": "user:42", "bucket": 1324, "weight_bp": 10_000, "api_version": 2, "reason": "bucket"}


@pytest.mark.django_db
def test_a_list_entry_is_shown_with_who_and_why(explain: Explain, now: datetime.datetime) -> None:
    who = parse_identity("client:a:b")
    add_to_list(list="allow", identity=who, actor="user:3 alice", reason="asked", expected_version=0, now=now)
    told = explain("client:a:b")
    assert (told["api_version"], told["reason"]) == (2, "allow")
    assert told["list"] == {"name": "allow", "reason": "asked", "actor": "user:3 alice", "actor_name": "alice"}
    assert "list" not in explain("client:a")


@pytest.mark.django_db
def test_the_move_of_an_identity_is_shown_from_both_ends(
    explain: Explain, run_canary: Callable[..., str], now: datetime.datetime
) -> None:
    SeenIdentity.objects.create(
        kind="user", identifier="42", last_seen_at=now, before_kind="client", before_identifier="c1"
    )
    before, after = explain("client:c1"), explain("user:42")
    assert after["moved_from"] == {name: before[name] for name in ("identity", "bucket", "api_version", "reason")}
    assert [one["identity"] for one in before["moved_to"]] == ["user:42"]
    assert "Before it was authenticated it was client:c1" in run_canary("explain", "user:42")


@pytest.mark.django_db
def test_it_agrees_with_what_the_entrance_answers(explain: Explain, client: Any, now: datetime.datetime) -> None:
    set_weight(weight_bp=5_000, actor="test", reason="half", expected_version=0, now=now)
    assert current_snapshot().weight_bp == 0  # nothing is read before the transaction ends
    for name in ("c1", "c2", "c3", "c4", "c5", "c6"):
        told = explain(str(Identity("client", name)))  # reads the store
        assert client.get("/api", headers={"x-client-id": name}).headers["API-Version"] == str(told["api_version"])


@pytest.mark.django_db
def test_blanks_around_a_client_id_are_taken_off_as_servers_do(explain: Explain) -> None:
    assert explain("client: c1\t") == explain("client:c1")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("name", "why"),
    [
        *((name, "take this X-Client-Id for none") for name in ("-", "0", "NULL", " ", " undefined")),
        *((name, "1 to 128 printable ASCII characters") for name in ("x" * 129, "caf\u00e9", "\udcff", "a\x07b")),
    ],
)
def test_a_client_id_that_no_server_takes_is_nobody_s(run_canary: Callable[..., str], name: str, why: str) -> None:
    """The command named a bucket for it, and v2 as its version."""
    with pytest.raises(CommandError, match=f"No request has the identity .*{why}"):
        run_canary("explain", f"client:{name}")


def still(identity: str, at: datetime.datetime) -> dict[str, Any]:
    """What `explain` says at a moment of what the servers answer by."""
    return still_in_force(parse_identity(identity), read()[1], at)


@pytest.mark.django_db
def test_until_all_servers_have_read_a_change_it_tells_what_they_answer_by(
    explain: Explain, run_canary: Callable[..., str]
) -> None:
    now = timezone.now() + datetime.timedelta(minutes=10)  # it must not come into force while we ask
    set_weight(weight_bp=10_000, actor="test", reason="all", expected_version=0, now=now)
    told = explain("user:42")
    assert (told["api_version"], told["weight_bp"]) == (2, 10_000)
    assert told["in_force"] == {"version": 0, "weight_bp": 0, "api_version": 1, "reason": "bucket"}
    comes_at = datetime.datetime.fromisoformat(told["comes_into_force_at"])
    assert abs((comes_at - now).total_seconds() - ALL_HAVE_READ_AFTER_S) < 0.001
    assert "Until then v1 answers: reason bucket, weight 0 basis points." in run_canary("explain", "user:42")
    assert still("user:42", comes_at + datetime.timedelta(milliseconds=1)) == {}


@pytest.mark.django_db
def test_what_leads_back_to_v1_is_told_as_in_force_at_once(now: datetime.datetime) -> None:
    earlier, soon = now - datetime.timedelta(seconds=60), now + datetime.timedelta(seconds=1)
    set_weight(weight_bp=5_000, actor="test", reason="half", expected_version=0, now=earlier)
    set_weight(weight_bp=9_000, actor="test", reason="more", expected_version=1, now=now)
    assert still("user:42", soon)["in_force"]["weight_bp"] == 5_000
    roll_back(reason="harm", actor="test", now=soon)
    assert still("user:42", soon) == {}
    acknowledge(actor="test", reason="seen", expected_version=3, now=soon)
    assert still("user:42", soon) == {}


@pytest.mark.django_db
def test_each_of_several_changes_comes_into_force_at_its_own_instant(now: datetime.datetime) -> None:
    for version, seconds in enumerate((0.0, 1.0)):
        at = now + datetime.timedelta(seconds=seconds)
        set_weight(weight_bp=1_000 + version, actor="test", reason="more", expected_version=version, now=at)
    weights = []
    for seconds in (1.4, 1.6, 2.4, 2.6):
        told = still("user:42", now + datetime.timedelta(seconds=seconds))
        weights.append(told["in_force"]["weight_bp"] if told else None)
    assert weights == [0, 1_000, 1_000, None]


@pytest.mark.django_db
def test_a_new_place_on_a_list_is_told_with_the_one_before(now: datetime.datetime) -> None:
    who, other = parse_identity("client:a"), parse_identity("client:b")
    words: dict[str, Any] = {"actor": "test", "reason": "asked"}
    earlier = now - datetime.timedelta(seconds=60)
    add_to_list(list="exclude", identity=who, expected_version=0, now=earlier, **words)
    add_to_list(list="exclude", identity=other, expected_version=1, now=earlier, **words)
    add_to_list(list="allow", identity=who, expected_version=2, now=now, **words)
    assert still("client:a", now)["in_force"] == {"version": 2, "weight_bp": 0, "api_version": 1, "reason": "exclude"}
    remove_from_list(list="exclude", identity=other, expected_version=3, now=now, **words)
    assert still("client:b", now)["in_force"]["reason"] == "exclude"
    assert still("client:c", now) == {}  # whom nothing changes for
    add_to_list(list="exclude", identity=who, expected_version=4, now=now, **words)
    assert still("client:a", now) == {}
