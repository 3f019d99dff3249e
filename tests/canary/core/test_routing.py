"""The order of the rules, as a table, and what raising the weight may never do."""

import dataclasses
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from canary.core.bucketing import bucket
from canary.core.crossover import Crossover, is_drawn
from canary.core.lifecycle import Life
from canary.core.routing import (
    bulkhead,
    choose,
    choose_pinned,
    is_candidate,
    is_in_brownout,
    leads_to_candidate,
    needs_controller,
    stable_version,
)
from canary.core.values import Decision, Identity, Refusal, Snapshot, parse_identity

USER = Identity("user", "42")  # bucket 1324
SALT = "api-v2:2026-12"
NOW = 1_796_083_200.0
LISTED = frozenset({USER})


@pytest.mark.parametrize(
    ("snapshot", "requested", "version", "reason"),
    [
        (Snapshot(0, 1324, SALT), None, 1, "bucket"),
        (Snapshot(0, 1325, SALT), None, 2, "bucket"),
        (Snapshot(0, 0, SALT), None, 1, "bucket"),
        (Snapshot(0, 10_000, SALT), None, 2, "bucket"),
        (Snapshot(0, 0, SALT, allowed=LISTED), None, 2, "allow"),
        (Snapshot(0, 10_000, SALT, excluded=LISTED), None, 1, "exclude"),
        (Snapshot(0, 10_000, SALT, allowed=LISTED, excluded=LISTED), None, 2, "allow"),
        (Snapshot(0, 10_000, SALT), "1", 1, "header"),
        (Snapshot(0, 0, SALT, excluded=LISTED), "2", 2, "header"),
        (Snapshot(0, 10_000, SALT, is_candidate_enabled=False, allowed=LISTED), None, 1, "lifecycle_v2_off"),
        (Snapshot(0, 10_000, SALT, is_candidate_enabled=False), "1", 1, "lifecycle_v2_off"),
        (Snapshot(0, 0, SALT, is_stable_enabled=False, excluded=LISTED), None, 2, "lifecycle_v1_gone"),
        (Snapshot(0, 0, SALT, is_stable_enabled=False), "2", 2, "lifecycle_v1_gone"),
    ],
)
def test_the_first_rule_that_matches_decides(
    snapshot: Snapshot, requested: str | None, version: int, reason: str
) -> None:
    decision = choose(USER, requested, snapshot, NOW)
    assert isinstance(decision, Decision)
    assert (decision.api_version, decision.reason) == (version, reason)


def test_a_crossover_decides_after_the_lists_and_for_its_consumers_alone() -> None:
    crossover = Crossover(NOW, 60.0, 4, {"user:42": 0})
    snapshot = Snapshot(0, 0, SALT, crossover=crossover)
    drawn = [choose(USER, None, snapshot, NOW + 60.0 * period) for period in range(8)]
    assert {decision.reason for decision in drawn if isinstance(decision, Decision)} == {"crossover"}
    for period, decision in enumerate(drawn):
        assert isinstance(decision, Decision)
        assert (decision.api_version == 2) == is_drawn(crossover, "user:42", period, SALT)
        assert decision.bucket == 1324
    listed = dataclasses.replace(snapshot, excluded=LISTED)
    others: list[tuple[Identity, Snapshot, float]] = [
        (USER, listed, NOW),
        (Identity("user", "7"), snapshot, NOW),
        (USER, snapshot, NOW - 1),
        (USER, snapshot, crossover.ends_at),
    ]
    reasons = [decision.reason for one in others if isinstance(decision := choose(one[0], None, *one[1:]), Decision)]
    assert reasons == ["exclude", "bucket", "bucket", "bucket"]
    header = choose(USER, "1", snapshot, NOW)
    assert isinstance(header, Decision)
    assert header.reason == "header"


def test_the_begin_of_a_crossover_leads_to_the_candidate_and_its_end_does_not() -> None:
    before = Snapshot(1, 0, SALT)
    crossing = Snapshot(2, 0, SALT, crossover=Crossover(NOW, 60.0, 4, {"user:42": 0}))
    assert leads_to_candidate(before, crossing)
    assert not leads_to_candidate(crossing, dataclasses.replace(before, version=3))
    assert (needs_controller(before), needs_controller(crossing)) == (False, True)


@pytest.mark.parametrize("requested", ["3", "0", "v2", "two", "1, 2", "1.0"])
def test_an_unknown_version_is_refused_naming_the_supported_ones(requested: str) -> None:
    refusal = choose(USER, requested, Snapshot(0, 0, SALT), NOW)
    assert isinstance(refusal, Refusal)
    assert refusal.status == 400
    assert "1 and 2" in refusal.detail


def test_a_version_out_of_service_is_refused_by_its_own_status() -> None:
    gone, off = (
        choose(USER, "1", Snapshot(0, 0, SALT, is_stable_enabled=False), NOW),
        choose(USER, "2", Snapshot(0, 0, SALT, is_candidate_enabled=False), NOW),
    )
    assert isinstance(gone, Refusal)
    assert isinstance(off, Refusal)
    assert (gone.status, off.status) == (410, 400)


@pytest.mark.parametrize(
    ("version", "snapshot", "status"),
    [
        (1, Snapshot(0, 0, SALT), None),
        (2, Snapshot(0, 0, SALT), None),
        (3, Snapshot(0, 0, SALT), 404),
        (1, Snapshot(0, 0, SALT, is_stable_enabled=False), 410),
        (2, Snapshot(0, 0, SALT, is_candidate_enabled=False), 404),
    ],
)
def test_a_pinned_path_gets_its_version_or_a_refusal(version: int, snapshot: Snapshot, status: int | None) -> None:
    answer = choose_pinned(version, snapshot, NOW)
    assert (answer.status if isinstance(answer, Refusal) else None) == status
    if isinstance(answer, Decision):
        assert answer.api_version == version


def test_without_a_usable_identity_v1_answers() -> None:
    assert choose(None, None, Snapshot(0, 10_000, SALT), NOW) == Decision(1, "bad_identity")


@given(st.integers(0, 10_000), st.integers(0, 10_000), st.text(st.characters(codec="ascii"), min_size=1))
def test_raising_the_weight_never_moves_anyone_back_to_v1(first: int, second: int, identifier: str) -> None:
    identity, low, high = Identity("client", identifier), min(first, second), max(first, second)
    before, after = (
        choose(identity, None, Snapshot(0, low, SALT), NOW),
        choose(identity, None, Snapshot(0, high, SALT), NOW),
    )
    assert isinstance(before, Decision)
    assert isinstance(after, Decision)
    assert before.api_version <= after.api_version


@given(st.text(st.characters(codec="utf-8"), min_size=1))
def test_the_answer_follows_from_bucket_and_weight_at_each_of_the_edges(identifier: str) -> None:
    identity = Identity("user", identifier)
    place = bucket(identity, SALT)
    versions = [choose(identity, None, Snapshot(0, weight, SALT), NOW) for weight in (0, place, place + 1, 10_000)]
    assert [v.api_version for v in versions if isinstance(v, Decision)] == [1, 1, 2, 2]


def test_the_stable_version_is_v1_as_long_as_there_is_one() -> None:
    assert stable_version(None, NOW) == 1
    assert stable_version(Snapshot(0, 10_000, SALT), NOW) == 1
    assert stable_version(Snapshot(0, 0, SALT, is_stable_enabled=False), NOW) == 2


@pytest.mark.parametrize("text", ["", "user", "user:", "robot:1", ":1", "User:1"])
def test_what_is_no_identity_is_refused_naming_the_kinds(text: str) -> None:
    with pytest.raises(ValueError, match="user, key, client, anon"):
        parse_identity(text)


def test_an_id_may_hold_colons() -> None:
    assert parse_identity("client:a:b") == Identity("client", "a:b")


ONE, TWO = Identity("user", "1"), Identity("user", "2")
BEFORE = Snapshot(version=4, weight_bp=1_000, salt="s", allowed=frozenset({ONE}), excluded=frozenset({TWO}))


@pytest.mark.parametrize(
    ("changes", "leads"),
    [
        ({"weight_bp": 1_001}, True),
        ({"weight_bp": 999}, False),
        ({"weight_bp": 0, "latched": True}, False),
        ({"weight_bp": 0, "latched": True, "allowed": frozenset({ONE, TWO})}, False),
        ({"allowed": frozenset({ONE, TWO})}, True),
        ({"allowed": frozenset()}, False),
        ({"excluded": frozenset()}, True),
        ({"excluded": frozenset({ONE, TWO})}, False),
        ({"weight_bp": 5_000, "salt": "another"}, False),
        ({"weight_bp": 5_000, "version": 4}, False),
    ],
)
def test_a_change_leads_to_v2_when_somebody_on_v1_goes_there_by_it(changes: dict[str, Any], leads: bool) -> None:
    assert leads_to_candidate(BEFORE, dataclasses.replace(BEFORE, **{"version": 5} | changes)) is leads


@pytest.mark.parametrize(
    ("threads", "places"),
    [
        (8, {0: 4, 1_000: 4, 5_000: 4, 6_000: 4, 7_500: 5, 9_000: 6, 10_000: 7}),
        (16, {0: 8, 5_000: 8, 10_000: 15}),
        (3, {0: 1, 5_000: 1, 10_000: 2}),
        (2, {0: 1, 10_000: 1}),
        (1, {0: 1, 10_000: 1}),
    ],
)
def test_the_candidate_has_half_of_the_threads_and_with_the_weight_all_but_one(
    threads: int, places: dict[int, int]
) -> None:
    assert {weight_bp: bulkhead(threads, weight_bp) for weight_bp in places} == places


@pytest.mark.parametrize(
    ("snapshot", "is_one"),
    [
        (Snapshot(0, 0, SALT), True),
        (Snapshot(0, 10_000, SALT, latched=True), True),
        (Snapshot(0, 10_000, SALT, is_stable_enabled=False), False),
    ],
)
def test_v2_is_the_candidate_as_long_as_v1_could_answer(snapshot: Snapshot, is_one: bool) -> None:
    assert (is_candidate(2, snapshot, NOW), is_candidate(1, snapshot, NOW)) == (is_one, False)


@pytest.mark.parametrize(("latched", "version"), [(False, None), (True, 1)], ids=["running", "latched"])
def test_a_brownout_is_told_to_run_while_pinned_v1_is_refused_for_it(latched: bool, version: int | None) -> None:
    life = Life("brownout", deprecated_at=0, sunset_at=int(NOW) + 9_000, brownouts=((int(NOW) - 60, int(NOW) + 60),))
    snapshot = Snapshot(3, 0, SALT, latched=latched, life=life)
    assert is_in_brownout(snapshot, NOW) is not latched
    answer = choose_pinned(1, snapshot, NOW)
    assert (answer.api_version if isinstance(answer, Decision) else None) == version


@pytest.mark.parametrize(
    ("snapshot", "needed"),
    [
        (Snapshot(1, 0, SALT), False),
        (Snapshot(1, 1, SALT), True),
        (Snapshot(1, 10_000, SALT), True),
        (Snapshot(1, 10_000, SALT, is_stable_enabled=False), False),
        (Snapshot(1, 10_000, SALT, is_candidate_enabled=False), False),
        (Snapshot(1, 10_000, SALT, life=Life("sunset", deprecated_at=0, sunset_at=1, sunset_done_at=1)), False),
    ],
)
def test_a_controller_is_needed_while_somebody_could_be_sent_back(snapshot: Snapshot, needed: bool) -> None:
    assert needs_controller(snapshot) is needed
