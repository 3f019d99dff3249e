"""Benign differences: accepted by name with a reason, for every release, until they are revoked."""

import datetime
import json
from collections.abc import Callable
from typing import Any

import pytest
from django.core.management.base import CommandError
from django.test import Client

from canary.core.mapping import Difference as Found
from canary.errors import Refused
from canary.judging.judging import gaps_of
from canary.models import RolloutEvent
from canary.services.differences import Difference
from canary.shadow.reading import Outcome
from canary.shadow.results import Tally, summary
from cms.models import User
from tests.canary.services.conftest import Change, row

ROUTE, PLACE = "GET /posts", "items[].excerpt"
BENIGN = Difference(ROUTE, PLACE, "value")
NAMED = ("--route", ROUTE, "--path", PLACE, "--kind", "value")


@pytest.fixture
def find(now: datetime.datetime) -> Callable[..., Tally]:
    """`find("items[].excerpt", release=2)`: a shadow read finds that v2 differs there."""

    def read(*paths: str, release: int = 1, tally: Tally | None = None) -> Tally:
        tally = tally or Tally()
        differences = tuple(Found(path, "value", 1, 2) for path in paths)
        tally.add(Outcome(ROUTE, "different", differences, v1_url="/posts"), release, is_public=True, now=now)
        tally.flush()
        return tally

    return read


def gaps(release: int = 1) -> list[str]:
    return [gap.path for gap in gaps_of(release) if not gap.is_accepted]


def test_what_is_accepted_holds_no_more_in_this_release_and_the_next(
    change: Change, find: Callable[..., Tally]
) -> None:
    find(PLACE, "items[].title")
    assert sorted(gaps()) == [PLACE, "items[].title"]
    change("accept_difference", difference=BENIGN)
    assert gaps() == ["items[].title"]
    change("start_plan", steps_bp=[1_000], min_s=0, is_fresh_cohort=False)
    find(PLACE, release=row().release)
    assert gaps(row().release) == []


def test_what_is_accepted_is_told_of_a_release_that_has_found_it(change: Change, find: Callable[..., Tally]) -> None:
    find(PLACE)
    change("accept_difference", difference=BENIGN)
    assert [(gap.path, gap.is_accepted) for gap in gaps_of(1)] == [(PLACE, True)]
    assert gaps_of(2) == []


def test_it_holds_again_once_it_is_revoked(change: Change, find: Callable[..., Tally]) -> None:
    find(PLACE)
    change("accept_difference", difference=BENIGN)
    change("revoke_difference", difference=BENIGN)
    assert gaps() == [PLACE]
    with pytest.raises(Refused, match="not accepted"):
        change("revoke_difference", difference=BENIGN)


@pytest.mark.parametrize(
    "other", [BENIGN._replace(kind="missing"), BENIGN._replace(path=""), BENIGN._replace(route="x")]
)
def test_the_whole_name_counts_and_only_what_was_found_has_one(
    change: Change, find: Callable[..., Tally], other: Difference
) -> None:
    find(PLACE)
    with pytest.raises(Refused, match="No shadow read has found"):
        change("accept_difference", difference=other)
    assert gaps() == [PLACE]


def test_reads_that_differ_in_accepted_ways_alone_are_counted_apart(change: Change, find: Callable[..., Tally]) -> None:
    tally = find(PLACE)
    change("accept_difference", difference=BENIGN)
    tally.flush()  # a process learns of it with its next turn
    find(PLACE, tally=tally)
    find(PLACE, "items[].title", tally=tally)
    told = summary(1)
    assert (told["different"], told["accepted"], told["compared"]) == (2, 1, 3)
    assert {one["path"]: one["accepted"] and one["accepted"]["reason"] for one in told["differences"]} == {
        PLACE: "a test",
        "items[].title": None,
    }


def test_the_report_tells_accepted_differences_apart(
    change: Change, find: Callable[..., Tally], run_canary: Callable[..., str]
) -> None:
    tally = find(PLACE, "items[].title")
    change("accept_difference", difference=BENIGN)
    tally.flush()
    find(PLACE, tally=tally)
    told = run_canary("report")
    assert "2 compared, 1 differ, 1 in accepted ways alone, 0 failed." in told
    assert f"at {PLACE}: value, 2 times, accepted" in told
    assert "at items[].title: value, 1 times\n" in told


def test_the_event_log_knows_what_was_accepted_by_whom_and_why(change: Change, find: Callable[..., Tally]) -> None:
    find(PLACE)
    change("accept_difference", difference=BENIGN, actor="user:1 mia", reason="rounded otherwise")
    event = RolloutEvent.objects.get()
    assert (event.verb, event.actor, event.reason) == ("differences accept", "user:1 mia", "rounded otherwise")
    assert event.evidence == {"route": ROUTE, "path": PLACE, "kind": "value"}


def test_the_command_lists_accepts_and_revokes(
    change: Change, find: Callable[..., Tally], run_canary: Callable[..., str]
) -> None:
    find(PLACE)
    shown = run_canary("differences", "list")
    assert "1 difference holds release 1." in shown
    assert "--route 'GET /posts' --kind value --path 'items[].excerpt'" in shown
    run_canary("differences", "accept", *NAMED, "--reason", "rounded otherwise")
    listed = json.loads(run_canary("differences", "list", "--json"))
    assert listed["differences"] == []
    [accepted] = listed["accepted"]
    assert (accepted["path"], accepted["kind"], accepted["reason"]) == (PLACE, "value", "rounded otherwise")
    assert accepted["actor"].startswith("cli:")
    assert "rounded otherwise" in run_canary("differences", "list")
    run_canary("differences", "revoke", *NAMED, "--reason", "not so benign")
    with pytest.raises(CommandError, match="not accepted"):
        run_canary("differences", "revoke", *NAMED, "--reason", "again")


def test_the_control_api_lists_accepts_and_revokes(
    change: Change, find: Callable[..., Tally], admin: User, client_of: Callable[[User], Client]
) -> None:
    find(PLACE)
    api = client_of(admin)

    def send(verb: str, **members: Any) -> Any:
        body = {**BENIGN._asdict(), "reason": "for the test", "expected_version": 0, **members}
        return api.post(f"/canary/api/differences/{verb}", json.dumps(body), content_type="application/json")

    assert send("accept").status_code == 200
    told = api.get("/canary/api/differences/list").json()
    assert (told["differences"], [one["path"] for one in told["accepted"]]) == ([], [PLACE])
    assert send("accept", kind="missing", expected_version=1).status_code == 409
    assert send("revoke", expected_version=1).status_code == 200


def test_a_difference_of_the_whole_answer_is_named_without_a_place(
    change: Change, find: Callable[..., Tally], run_canary: Callable[..., str]
) -> None:
    find("")
    assert "--route 'GET /posts' --kind value  #" in run_canary("differences", "list")
    run_canary("differences", "accept", "--route", ROUTE, "--kind", "value", "--reason", "benign")
    assert gaps() == []
