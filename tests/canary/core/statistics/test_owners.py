"""Owners with many keys: each counts by one of them, so that no bet is on a side that is known, or was chosen."""

import math

import pytest

from canary.core.statistics import Evidence, Observed
from tests.canary.core.statistics.owners import STAGES_BP, draw_release, is_alarm
from tests.canary.core.statistics.streams import evidence_of, seen
from tests.slow import slow


@pytest.mark.parametrize("releases", [50, slow(2_000)])
def test_identical_versions_alarm_no_more_than_stated_when_owners_have_many_keys(releases: int) -> None:
    alarms = sum(is_alarm(draw_release(f"null {number}")) for number in range(releases))
    assert alarms <= 0.05 * releases


@pytest.mark.parametrize(("is_bound", "low", "high"), [(True, -2, 2), (False, 4, 99)])
def test_failures_are_on_v2_as_expected_unless_one_key_foretells_the_side_of_another(
    is_bound: bool, low: float, high: float
) -> None:
    """An owner of v1 at 10 % is on v2 with 44 % at 50 %, by that key; by another key with 50 %. In standard deviations."""
    on_v2 = expected = events = 0.0
    for number in range(4):
        release = draw_release(f"all fail {number}", 400, (50,), failing=0.3)
        test = evidence_of(one if is_bound else one._replace(identity="") for one in release).comparison.errors
        on_v2, expected, events = on_v2 + test.on_v2, expected + test.expected, events + test.events
    assert low < (on_v2 - expected) / math.sqrt(events / 4) < high


def chosen(metric: str, stage: int, weight_bp: int, number: int) -> Observed:
    """By one of the keys that their owner knows to be on v2."""
    return seen(metric, "an owner", 2, stage=stage, weight_bp=weight_bp, identity=f"key {number}", value=9.0)


@pytest.mark.parametrize("is_authenticated", [True, False], ids=["an old account", "a new account"])
def test_an_owner_who_uses_only_keys_on_v2_presses_and_jams_nothing(is_authenticated: bool) -> None:
    """A new account from as many networks as it has keys."""
    stream = [
        chosen(metric, stage, weight_bp, number)._replace(
            is_authenticated=is_authenticated, network=f"network {number}"
        )
        for stage, weight_bp in enumerate((10, 100, *STAGES_BP))
        for number in range(200)
        for metric in ("seen", "error", "refusal", "latency")
    ]
    evidence = evidence_of(stream)
    assert not evidence.comparison.is_alarm
    assert not evidence.sample_ratio.is_broken
    assert evidence.comparison.errors.events == 1
    assert sum(evidence.certificate.counts[1]) == 1


def test_another_key_of_an_owner_is_left_out_also_after_a_restart() -> None:
    first = seen("seen", "an owner", 1, identity="key 1")
    evidence = Evidence.load(evidence_of([first]).dump())
    evidence.take(seen("error", "an owner", 2, identity="key 2"))
    assert evidence.comparison.errors.events == 0
    evidence.take(seen("error", "an owner", 1, identity="key 1"))
    assert evidence.comparison.errors.events == 1


def test_rows_of_an_older_release_count_by_the_unit_itself() -> None:
    evidence = evidence_of([seen("error", "u", 1, weight_bp=1_000)])
    evidence.take(seen("error", "u", 2, stage=2, weight_bp=5_000, identity="u"))
    assert evidence.comparison.errors.events == 2


def test_a_network_that_has_failed_on_v2_does_not_fail_again_in_later_stages() -> None:
    """Else an outsider would press the button with one identity for each of four small steps."""
    stream = [
        seen("error", stage, 2, stage=stage, weight_bp=w, is_authenticated=False, network="one address")
        for stage, w in enumerate((100, 200, 500, 1_000, 2_000))
    ]
    evidence = evidence_of(stream)
    assert evidence.comparison.errors.events == 1
    assert not evidence.comparison.is_alarm
    on_v1 = evidence_of(observed._replace(api_version=1) for observed in stream)
    assert on_v1.comparison.errors.events == len(stream)


def test_what_a_key_did_before_its_owner_was_known_is_not_counted_again() -> None:
    """A version that fails before it asks who it is fails a key; the bucket is the same one."""
    unknown = seen("error", "key 1", 2, identity="key 1", is_authenticated=False, network="n")
    evidence = evidence_of([unknown, seen("error", "an owner", 2, identity="key 1")])
    assert evidence.comparison.errors.events == 1
    assert len(evidence.units) == 2
