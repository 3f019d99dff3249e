"""The migration board: each consumer of v1, what differs for it, since when it is where, and who to write to."""

import datetime
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from canary import services
from canary.core.lifecycle import DAY_S, HOUR_S, OwnWindow, iso
from canary.core.values import Identity, parse_identity
from canary.models import AcceptedDifference, ConsumerUsage, Observation, ShadowDifference
from canary.recording.tally import digest_of
from canary.reporting.board import A_PAGE, migration_board
from canary.services import life
from canary.state import store

NOW = datetime.datetime(2026, 12, 1, 12, tzinfo=datetime.UTC)
END = int(NOW.timestamp()) + 90 * DAY_S
IOS, ANNA, APP = "key:ios1", "user:42", "client:app"
OWNERS = {IOS: {"user": "7", "name": "mia", "address": "mia@example.test"}}


def contacts_of(consumers: list[str], viewer: Any) -> dict[str, dict[str, str]]:
    return {name: OWNERS[name] for name in consumers if name in OWNERS}


def change(service: Callable[..., Any], days: float = 0, **arguments: Any) -> Any:
    now = NOW + datetime.timedelta(days=days)
    return service(actor="user:1", reason="r", expected_version=None, now=now, **arguments)


def use_v1(consumer: str, route: str = "GET /things", calls: int = 1, **fields: Any) -> None:
    kind, _, identifier = consumer.partition(":")
    values = {"agent": "curl", "last_seen_at": NOW, "calls": calls, **fields}
    ConsumerUsage.objects.create(day=NOW.date(), kind=kind, identifier=identifier, route=route, **values)


def differ(route: str, path: str, count: int = 1, release: int = 1) -> None:
    seen = {"first_seen_at": NOW, "last_seen_at": NOW, "example": {}, "kind": "value", "count": count}
    ShadowDifference.objects.create(release=release, route=route, path=path, **seen)


def vote(metric: str, unit: str, api_version: int = 2, release: int = 1) -> None:
    row = {"stage": 1, "weight_bp": 5_000, "route": "GET /items", "is_authenticated": True, "network": "n", "at": NOW}
    Observation.objects.create(metric=metric, unit=unit, api_version=api_version, release=release, **row)


def shown(**arguments: Any) -> dict[str, Any]:
    return {one["consumer"]: one for one in migration_board(NOW, is_addressed=True, **arguments)["consumers"]}


@pytest.fixture(autouse=True)
def _site(rollout: Callable[..., None], db: None) -> None:
    rollout(NOTIFY_CONSUMERS="tests.canary.consumers.notify_consumers", CONTACTS=f"{__name__}.contacts_of")


def test_the_busiest_come_first_with_their_top_routes() -> None:
    for number in range(5):
        use_v1(IOS, f"GET /{number}", calls=number + 1, refused=1)
    use_v1(ANNA, calls=40)
    use_v1("anon", calls=3)
    board = migration_board(NOW)
    assert [one["consumer"] for one in board["consumers"]] == [ANNA, IOS, "anon"]
    ios = board["consumers"][1]
    assert (ios["calls"], ios["refused"], ios["agent"], ios["routes_more"]) == (15, 5, "curl", 2)
    assert ios["routes"] == [{"route": f"GET /{number}", "calls": number + 1} for number in (4, 3, 2)]
    anonymous = board["consumers"][2]
    assert (anonymous["version"], anonymous["told"], anonymous["contact"], anonymous["routes"]) == (
        None,
        None,
        None,
        [],
    )


def test_a_board_turns_its_pages_and_one_that_is_not_there_is_the_first() -> None:
    for number in range(A_PAGE + 2):
        use_v1(f"user:{number}", calls=100 - number)
    first, second, beyond = (migration_board(NOW, page=page) for page in (1, 2, 9))
    assert [one["consumer"] for one in second["consumers"]] == ["user:25", "user:26"]
    assert (first["pages"], second["page"], second["count"]) == (2, 2, A_PAGE + 2)
    assert beyond == first


def test_its_differences_are_those_of_its_routes_that_nobody_has_accepted() -> None:
    use_v1(IOS)
    use_v1(ANNA, "GET /other")
    for number in range(5):
        differ("GET /things", f"items[].{number}", count=number + 1)
    differ("GET /things", "title", count=99)
    differ("GET /things", "old", count=99, release=2)
    AcceptedDifference.objects.create(
        route="GET /things", path="title", kind="value", reason="r", actor="a", accepted_at=NOW
    )
    found = shown()[IOS]["differences"]
    assert [(one["path"], one["count"]) for one in found["places"]] == [
        ("items[].4", 5),
        ("items[].3", 4),
        ("items[].2", 3),
    ]
    assert found["places_more"] == 2
    assert shown()[ANNA]["differences"] == {"places": [], "places_more": 0}


def test_its_own_pairs_are_those_of_its_unit_and_a_keys_those_of_its_owner() -> None:
    for consumer in (IOS, ANNA, APP, "key:unknown"):
        use_v1(consumer)
    owner, anna, app = (digest_of(Identity(*one)) for one in (("user", "7"), ("user", "42"), ("client", "app")))
    vote("pair_error", owner)
    vote("pair_refusal", owner)
    vote("pair_refusal", owner)
    vote("pair_refusal", owner, api_version=1)  # v1 refuses it too
    vote("pair_time", anna)
    vote("pair_error", anna, release=2)
    vote("pair_error", app)
    pairs = {name: one["pairs"] for name, one in shown().items()}
    assert pairs == {
        IOS: {"failed": 1, "refused": 2},
        ANNA: None,
        APP: {"failed": 1, "refused": 0},
        "key:unknown": None,
    }


def test_its_version_is_known_with_the_change_that_brought_it_there() -> None:
    use_v1(ANNA)
    place = _place(ANNA)
    change(services.set_weight, -9, weight_bp=place)
    change(services.set_weight, -6, weight_bp=place + 1)
    change(services.set_weight, -3, weight_bp=10_000)
    store.refresh()
    version = shown()[ANNA]["version"]
    assert (version["api_version"], version["reason"], version["bucket"]) == (2, "bucket", place)
    assert version["since"] == "2026-11-25T12:00:00+00:00"
    change(services.add_to_list, -1, list="exclude", identity=parse_identity(ANNA))
    version = shown()[ANNA]["version"]
    assert (version["api_version"], version["reason"], version["since"]) == (1, "exclude", "2026-11-30T12:00:00+00:00")


def test_a_fresh_cohort_and_a_missing_log_leave_no_older_date() -> None:
    use_v1(ANNA)
    assert shown()[ANNA]["version"]["since"] is None
    change(services.set_weight, -9, weight_bp=10_000)
    change(services.start_plan, -2, steps_bp=[10_000], min_s=60, is_fresh_cohort=True)
    assert shown()[ANNA]["version"]["since"] == "2026-11-29T12:00:00+00:00"


def test_when_and_how_it_was_told_and_its_own_end() -> None:
    for consumer in (IOS, ANNA):
        use_v1(consumer)
    change(life.deprecate, -5, sunset_at=END, is_override=True)
    change(life.notify, -4)
    change(life.extend, -3, consumer=IOS, until=END + DAY_S)
    window = OwnWindow(ANNA, END - DAY_S, END - DAY_S + HOUR_S)
    change(life.add_own_brownout, -3, own=window, is_override=True)
    board = shown()
    assert board[IOS]["told"] == {"at": "2026-11-27T12:00:00+00:00", "how": "mailed"}
    assert board[ANNA]["told"]["how"] == "no_address"
    assert (board[IOS]["extension"], board[ANNA]["extension"]) == ({"until": iso(END + DAY_S)}, None)
    assert board[ANNA]["brownouts"] == [{"from": iso(window.start), "to": iso(window.end)}]
    assert (board[IOS]["contact"], board[ANNA]["contact"]) == (OWNERS[IOS], None)
    change(life.sunset, -2, is_override=True)
    gone = shown()[ANNA]["version"]
    assert (gone["reason"], gone["since"]) == ("lifecycle_v1_gone", "2026-11-29T12:00:00+00:00")
    assert shown()[IOS]["version"]["reason"] == "extension"


def test_nobodys_address_is_asked_for_unless_it_is_wanted() -> None:
    use_v1(IOS)
    assert migration_board(NOW)["consumers"][0]["contact"] is None


def test_the_number_of_statements_does_not_grow_with_the_consumers() -> None:
    change(services.set_weight, -9, weight_bp=5_000)
    counts = []
    for some in (range(1), range(1, 30)):
        for number in some:
            use_v1(f"user:{number}", f"GET /{number}", calls=5)
            differ(f"GET /{number}", "title")
        with CaptureQueriesContext(connection) as sent:
            migration_board(NOW, is_addressed=True)
        counts.append(len(sent))
    assert counts[0] == counts[1] <= 16


def _place(consumer: str) -> int:
    place: int = shown()[consumer]["version"]["bucket"]
    return place
