"""The chain of events: any change of any event is found, and nothing but a change is."""

import copy
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from canary.core.chain import GENESIS, NO_EVENTS, Head, Seals, event_hash, seal, verify

Event = dict[str, Any]
KEY, EARLIER_KEY, STRANGE_KEY = b"key", b"earlier", b"strange"


def chain_of(length: int, **changes: Any) -> list[Event]:
    events: list[Event] = []
    previous = GENESIS
    for version in range(1, length + 1):
        event = {
            "version": version,
            "at": f"2026-12-01T00:00:{version:02}.000000+00:00",
            "actor": "cli:root",
            "verb": "set",
            "reason": "Grüße",
            "before": {"weight_bp": 0, "plan": None},
            "after": {"weight_bp": version, "latched": False},
            "evidence": {"p": 0.25, "n": [1, 2.5]},
            "previous_hash": previous,
            **changes,
        }
        event["hash"] = previous = event_hash(event)
        events.append(event)
    return events


def test_a_chain_as_it_was_written_is_whole() -> None:
    assert verify([]) is None
    assert verify(chain_of(5)) is None


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("at", "2026-12-01T00:00:03.000001+00:00"),
        ("actor", "cli:mallory"),
        ("verb", "ack"),
        ("reason", "Grüsse"),
        ("before", {"weight_bp": 1, "plan": None}),
        ("after", {"weight_bp": 3, "latched": True}),
        ("after", {"weight_bp": 3}),
        ("evidence", None),
        ("evidence", {"p": 0.25, "n": [2.5, 1]}),
        ("evidence", {"p": float("nan")}),
        ("evidence", {"p": 10**400}),
        ("previous_hash", "0" * 64),
        ("hash", "f" * 64),
    ],
)
def test_a_change_of_any_column_is_found_where_it_is(column: str, value: object) -> None:
    events = chain_of(5)
    events[2][column] = value
    assert verify(events) == 3


def test_an_event_that_was_changed_and_hashed_anew_breaks_the_one_after_it() -> None:
    events = chain_of(5)
    events[2]["reason"] = "rewritten"
    events[2]["hash"] = event_hash(events[2])
    assert verify(events) == 4


@pytest.mark.parametrize("missing", [0, 2, 3])
def test_a_missing_event_is_named(missing: int) -> None:
    events = chain_of(5)
    del events[missing]
    assert verify(events) == missing + 1


def test_two_events_in_each_others_place_are_found() -> None:
    events = chain_of(4)
    events[1], events[2] = events[2], events[1]
    assert verify(events) == 2


def test_numbers_of_equal_value_are_the_same_event_however_a_database_gives_them_back() -> None:
    [event] = chain_of(1, evidence={"a": 1.0, "b": -0.0, "c": 1e22, "d": 10**23})
    [read] = chain_of(1, evidence={"b": 0, "a": 1, "d": 1e23, "c": 10**22})
    assert event["hash"] == read["hash"]


numbers = st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.booleans()
json_values = st.recursive(
    st.none() | numbers | st.text(st.characters(codec="utf-8")),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)


@given(json_values)
def test_what_json_carries_there_and_back_has_the_same_hash(evidence: Any) -> None:
    [event] = chain_of(1, evidence=evidence)
    read = copy.deepcopy(event)
    read["evidence"] = json.loads(json.dumps(evidence))
    assert verify([read]) is None


def sealed(events: list[Event], *keys: bytes | None) -> list[tuple[Head, str]]:
    """Each event's head with its seal by the key in its place; None stands for an older release, which seals nothing."""
    heads = [Head(event["version"], event["hash"]) for event in events]
    return [(head, seal(head.hash, key) if key else "") for head, key in zip(heads, keys, strict=True)]


def looked_at(links: list[tuple[Head, str]], vouched: Head = NO_EVENTS) -> Seals:
    seals = Seals([KEY, EARLIER_KEY], vouched)
    for head, its_seal in links:
        seals.take(head, its_seal)
    return seals


@pytest.mark.parametrize(
    ("keys", "count", "doubtful"),
    [
        ((None, None, None), 0, []),
        ((None, None, KEY), 1, []),
        ((None, EARLIER_KEY, KEY), 2, []),
        ((KEY, None, KEY), 2, [2]),
        ((KEY, KEY, None), 2, [3]),
        ((KEY, STRANGE_KEY, KEY), 2, [2]),
        ((STRANGE_KEY, None, None), 0, [1]),
    ],
)
def test_only_the_first_events_may_have_no_seal(
    keys: tuple[bytes | None, ...], count: int, doubtful: list[int]
) -> None:
    seals = looked_at(sealed(chain_of(3), *keys))
    assert (seals.count, seals.doubtful) == (count, doubtful)


def test_an_event_that_was_rewritten_with_all_after_it_is_whole_for_the_hashes_alone() -> None:
    links = sealed(chain_of(4), None, KEY, KEY, KEY)
    forged = chain_of(4, actor="cli:mallory")
    assert verify(forged) is None
    rewritten = [(head, its_seal) for (head, _), (_, its_seal) in zip(sealed(forged, *[None] * 4), links, strict=True)]
    assert looked_at(rewritten).doubtful == [2, 3, 4]


def test_a_head_that_was_kept_vouches_for_all_up_to_it_and_has_to_be_there() -> None:
    links = sealed(chain_of(4), KEY, None, STRANGE_KEY, KEY)
    vouched = looked_at(links, links[2][0])
    assert (vouched.doubtful, vouched.is_vouched_found) == ([], True)
    assert looked_at(links, links[0][0]).doubtful == [2, 3]
    assert not looked_at(links, Head(2, "f" * 64)).is_vouched_found
    assert not looked_at(links[:2], links[2][0]).is_vouched_found
