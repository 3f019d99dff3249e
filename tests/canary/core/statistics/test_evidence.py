"""The evidence of a release: what counts, what doesn't, and that it can be put away and taken up at any point."""

import math
import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from canary.core.statistics import Evidence, Observed
from canary.core.statistics.sample_ratio import LOG_BROKEN, SampleRatio
from canary.core.statistics.summary import numbers_of
from canary.core.statistics.units import Units
from canary.core.wording import sentence_of_harm
from tests.canary.core.statistics.streams import WEIGHT_BP, evidence_of, seen

METRICS = (
    *("seen", "settled", "error", "refusal", "client_error", "latency", "latency_cold", "unheard of"),
    *("pair_error", "pair_time", "pair_refusal"),
)
WEIGHTS_BP = (0, 500, 1_000, 5_000, 9_000, 10_000)
OBSERVATIONS = st.builds(
    lambda unit, stage, metric, rest: Observed(
        stage,
        WEIGHTS_BP[stage],
        f"u{unit}",
        2 if unit * 333 < WEIGHTS_BP[stage] else 1,
        metric,
        f"r{rest[0]}",
        rest[1] if metric.startswith(("latency", "pair_")) else None,
        rest[2],
        f"n{unit % 3}",
    ),
    st.integers(0, 30),
    st.integers(0, 5),
    st.sampled_from(METRICS),
    st.tuples(st.integers(0, 2), st.floats(-5, 15), st.booleans()),
)


def replayed(observations: list[Observed], cuts: set[int]) -> Evidence:
    evidence = Evidence.fresh("a test")
    for number, observed in enumerate(observations):
        if number in cuts:
            evidence = Evidence.load(evidence.dump())
        evidence.take(observed)
    return evidence


@settings(max_examples=60)
@given(st.lists(OBSERVATIONS, max_size=80), st.sets(st.integers(0, 80)))
def test_restarts_anywhere_change_no_bit(observations: list[Observed], cuts: set[int]) -> None:
    whole, chunked = evidence_of(observations), replayed(observations, cuts)
    assert chunked.log_e() == whole.log_e()
    assert chunked.dump() == whole.dump()
    assert Evidence.load(whole.dump()).dump() == whole.dump()


@settings(max_examples=60)
@given(st.lists(OBSERVATIONS, max_size=60))
def test_what_two_workers_report_of_a_unit_counts_once(observations: list[Observed]) -> None:
    """Except summaries of latency: the second one is ranked among, but nothing is bet on it either."""
    once = [observed for observed in observations if not observed.metric.startswith("latency")]
    twice = [observed for observed in once for _ in range(2)]
    a, b = evidence_of(once), evidence_of(twice)
    assert a.log_e() == b.log_e()
    assert a.certificate.counts == b.certificate.counts


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 10_000)), max_size=40), st.integers(0, 9_999))
def test_what_is_known_of_a_bucket_never_excludes_it(steps: list[tuple[int, int]], bucket: int) -> None:
    units = Units()
    place = units.find(1, 1)
    assert place is not None
    for question, weight_bp in steps:
        possible = units.open_range(place + question, weight_bp)
        if possible is not None:
            assert possible[0] <= bucket < possible[1]
            units.reveal(place + question, weight_bp, bucket < weight_bp)


@pytest.mark.parametrize("damaged", [b"", b"TEV1", b"TEV2nonsense", b"TEV2\x78\x01\x03\x00\x00\x00\x00\x01"])
def test_bytes_that_are_no_evidence_are_refused(damaged: bytes) -> None:
    with pytest.raises(ValueError, match="evidence"):
        Evidence.load(damaged)


def test_the_state_of_many_units_stays_small() -> None:
    evidence = evidence_of(seen("seen", n, 2 if n % 10 == 0 else 1) for n in range(20_000))
    state = evidence.dump()
    assert len(state) < 12 * 20_000
    assert Evidence.load(state).dump() == state


def test_v1_without_a_single_error_is_no_obstacle() -> None:
    evidence = evidence_of(seen("error", n, 2) for n in range(4))
    assert evidence.comparison.is_alarm
    assert evidence.comparison.errors.on_v2 == 4
    assert math.isfinite(evidence.log_e()["overall"])


@pytest.mark.parametrize("weight_bp", [10, 100, 1_000, 5_000])
def test_three_failing_users_are_chance_at_whatever_weight(weight_bp: int) -> None:
    assert not evidence_of(seen("error", n, 2, weight_bp=weight_bp) for n in range(3)).comparison.is_alarm


def test_four_failing_users_at_ten_percent_roll_back_and_not_one_fewer() -> None:
    """Nine of ten users are on v1, and none of them fails."""
    stream = [seen("error", n, 2) for n in range(4)]
    assert not evidence_of(stream[:-1]).comparison.is_alarm
    assert evidence_of(stream).comparison.is_alarm


def test_refusals_never_roll_back_however_many_there_are() -> None:
    evidence = evidence_of(seen("refusal", n, 2) for n in range(500))
    assert evidence.log_e()["refusal"] > 300
    assert not evidence.comparison.is_alarm


def test_a_refusal_by_its_old_name_is_the_same_refusal() -> None:
    evidence = evidence_of(seen(metric, n, 2) for n in range(5) for metric in ("client_error", "refusal"))
    assert evidence.comparison.refusals.events == 5
    assert evidence.log_e()["client_error"] == evidence.log_e()["refusal"]


def test_the_whole_is_the_largest_of_the_tests_by_its_weight() -> None:
    stream = [seen("refusal", n, 2) for n in range(7)] + [seen("error", n, n % 2 + 1) for n in range(3)]
    logs = evidence_of(stream).log_e()
    errors, latency = (math.exp(logs[metric]) for metric in ("error", "latency"))
    assert math.exp(logs["overall"]) == pytest.approx(max(0.5 * errors, 0.25 * latency))


def test_one_client_with_ten_thousand_errors_counts_once_for_each_weight() -> None:
    flood = [
        seen(metric, "a client", 2, stage=stage, weight_bp=weight_bp)
        for stage, weight_bp in enumerate((1_000, 5_000, 9_000))
        for _ in range(10_000)
        for metric in ("error", "refusal")
    ]
    evidence = evidence_of(flood)
    assert evidence.comparison.errors.events == 1
    assert not evidence.comparison.is_alarm
    on_v1 = evidence_of(observed._replace(api_version=1) for observed in flood)
    assert on_v1.comparison.errors.events == 3
    assert on_v1.log_e()["overall"] < 0


def collected(metrics: tuple[str, ...]) -> list[Observed]:
    """From one address: 500 identities that all turned out to be on v2, used at each weight in turn."""
    return [
        seen(metric, n, 2, stage=s, weight_bp=w, is_authenticated=False, network="one address", value=9.0)
        for s, w in enumerate((1_000, 5_000, 9_000))
        for n in range(500)
        for metric in metrics
    ]


def test_an_address_that_collects_identities_on_v2_and_fails_on_them_triggers_nothing() -> None:
    evidence = evidence_of(collected(("seen", "error", "refusal", "latency")))
    assert not evidence.comparison.is_alarm
    assert not evidence.sample_ratio.is_broken
    assert evidence.comparison.errors.events <= 3
    assert sum(evidence.certificate.counts[1]) == 1
    assert evidence.networks.refused > 500


def test_an_address_that_collects_identities_on_v2_and_fails_nothing_triggers_nothing() -> None:
    evidence = evidence_of(collected(("seen", "settled")))
    assert not evidence.comparison.is_alarm
    assert not evidence.sample_ratio.is_broken


def test_users_with_a_login_count_each_for_himself_behind_one_address() -> None:
    evidence = evidence_of(seen("error", n, 2, network="one address") for n in range(4))
    assert evidence.comparison.is_alarm


def test_a_network_of_identities_that_nobody_vouches_for_has_one_clean_and_one_failing_outcome_a_stage() -> None:
    unknown: dict[str, Any] = {"is_authenticated": False, "network": "one address"}
    clean = [seen("settled", n, 2, **unknown) for n in range(500)]
    assert evidence_of(clean).certificate.counts[1] == [1, 0]
    failing = [seen("error", n, 2, **unknown) for n in range(500, 503)]
    assert evidence_of([*clean, *failing]).certificate.counts[1] == [1, 1]
    assert evidence_of([*failing, *clean]).certificate.counts[1] == [0, 1]
    again = [seen("settled", n, 2, stage=2, **unknown) for n in range(600, 700)]
    others = [seen("settled", f"of {n}", 2, stage=2, is_authenticated=False, network=f"{n}") for n in range(5)]
    assert evidence_of([*clean, *again, *others]).certificate.counts[1] == [6, 0]


def test_an_outcome_is_fixed_by_what_comes_first() -> None:
    stream = [seen("settled", 1, 2), seen("error", 1, 2), seen("error", 2, 2), seen("settled", 2, 2)]
    evidence = evidence_of(stream)
    assert evidence.certificate.counts[1] == [1, 1]
    assert evidence.comparison.errors.events == 2


def test_the_chance_is_that_of_the_observations_own_weight() -> None:
    """A worker that still serves 10 % after the others went to 50 %: its event counts at 10 %."""
    late = [seen("error", "late", 2, stage=1, weight_bp=1_000)]
    evidence = evidence_of([seen("seen", "early", 1, stage=2, weight_bp=5_000), *late])
    assert evidence.comparison.errors.expected == 0.1


def test_a_stage_begins_its_own_certificate_with_what_v1_showed_before() -> None:
    stream = [seen("settled", n, 1) for n in range(950)] + [seen("error", n, 1) for n in range(950, 1_000)]
    stream += [seen("settled", n, 2) for n in range(1_000, 1_200)]
    evidence = evidence_of(stream)
    assert evidence.certificate.against(0.02).is_safe
    evidence.take(seen("seen", "next", 1, stage=2, weight_bp=5_000))
    assert evidence.certificate.counts == [[0, 0], [0, 0]]
    assert evidence.certificate.against(0.02).log_e == 0
    assert evidence.certificate.v1_outcomes == (950, 50)


@pytest.mark.parametrize("share", [0.06, 0.3])
def test_no_failing_of_both_versions_is_safe_beyond_the_declared_limit(share: float) -> None:
    rng = random.Random(1)
    certificate = evidence_of(
        seen("error" if rng.random() < share else "settled", n, 2 if n % 10 == 0 else 1) for n in range(6_000)
    ).certificate
    assert not any(certificate.against(limit).is_safe for limit in (0.02, 0.05))
    assert certificate.against(min(0.9, 2 * share)).is_safe


def test_the_declared_limit_may_change_and_the_outcomes_speak_against_the_new_one() -> None:
    evidence = evidence_of(seen("settled", n, 2) for n in range(100))
    assert not evidence.certificate.against(0.02).is_safe
    assert evidence.certificate.against(0.05).is_safe
    assert evidence.log_e(0.05)["safe"] > evidence.log_e()["safe"] > 0


def test_a_mismatch_of_samples_is_found_and_a_fair_sample_is_not() -> None:
    rng = random.Random(2)
    fair = [seen("seen", n, 2 if rng.random() < 0.1 else 1) for n in range(5_000)]
    assert not evidence_of(fair).sample_ratio.is_broken
    half_lost = [observed for observed in fair if observed.api_version == 1 or rng.random() < 0.5]
    assert evidence_of(half_lost).sample_ratio.is_broken


def test_a_mismatch_that_was_proven_once_stays_proven() -> None:
    ratio = SampleRatio()
    for _ in range(200):
        ratio.take(1_000, (0, 10_000), on_v2=False)
    assert ratio.is_broken
    for _ in range(22):
        ratio.take(1_000, (0, 10_000), on_v2=True)
    assert ratio.log_e < LOG_BROKEN  # the users who were missing have come
    assert ratio.is_broken


def test_users_who_come_back_at_a_higher_weight_are_counted_at_their_own_chance() -> None:
    """Those seen on v1 at 10 % are on v2 at 50 % with 4/9; those seen on v2 stay there and tell nothing."""
    buckets = random.Random(6).sample(range(0, 10_000, 10), 1_000)
    stream = [
        seen("seen", bucket, 2 if bucket < weight_bp else 1, stage=stage, weight_bp=weight_bp)
        for stage, weight_bp in enumerate((1_000, 5_000))
        for bucket in buckets
    ]
    ratio = evidence_of(stream).sample_ratio
    assert ratio.cells == {(4_000, 9_000): [500, 400]}
    assert not ratio.is_broken


def test_the_guard_compares_v1_with_itself() -> None:
    rng = random.Random(3)
    stream = [seen("error", n, 2 if rng.random() < 0.1 else 1) for n in range(300)]
    stream += [seen("error", f"more {n}", 2) for n in range(60)]
    evidence = evidence_of(stream)
    guard = evidence.guard.errors
    assert evidence.comparison.is_alarm
    assert not evidence.guard.is_alarm
    assert guard.events == sum(observed.api_version == 1 for observed in stream)
    assert 0 < guard.on_v2 < guard.events / 4


def test_a_slower_v2_is_found_on_whichever_route_it_is_used() -> None:
    rng = random.Random(4)
    stream = []
    for n in range(2_000):
        version = 2 if rng.random() < 0.1 else 1
        value = rng.gauss(2 + n % 3, 0.4) + (0.5 if version == 2 else 0)
        stream.append(seen("latency", n, version, route=f"r{n % 3}", value=value))
    assert evidence_of(stream).comparison.is_alarm
    swapped = [observed._replace(api_version=3 - observed.api_version, weight_bp=9_000) for observed in stream]
    assert evidence_of(swapped).log_e()["latency"] < 0


def test_the_warm_up_of_a_step_is_shown_and_not_judged() -> None:
    rng = random.Random(7)
    warm = [seen("latency", n, 1 + (n % 10 == 0), value=rng.gauss(3, 0.3)) for n in range(300)]
    cold = [seen("latency_cold", n, 1 + (n % 10 == 0), value=5.0 if n % 10 == 0 else 3.0) for n in range(100)]
    evidence = evidence_of([*cold, *warm])
    assert evidence.log_e() == evidence_of(warm).log_e()
    latency = numbers_of(evidence, 0.02)["latency"]
    assert latency["ratio"] == pytest.approx(1, abs=0.15)
    assert latency["with_warm_up"]["ratio"] > 1.4


def test_what_an_outsider_does_in_a_warm_up_is_not_even_shown() -> None:
    stream = [seen("latency_cold", n, 2, value=9.0, is_authenticated=False, network="one") for n in range(50)]
    assert evidence_of(stream).comparison.latency.cold == {}


@pytest.mark.parametrize("value", [None, math.nan, math.inf, -math.inf])
def test_a_summary_that_is_no_number_is_left_out(value: float | None) -> None:
    stream = [seen(metric, 1, 2, value=value) for metric in ("latency", "latency_cold")]
    latency = evidence_of(stream).comparison.latency
    assert (latency.routes, latency.cold) == ({}, {})


def test_only_the_harmed_route_is_listed() -> None:
    rng = random.Random(5)
    stream = [seen("error", n, 2 if rng.random() < 0.1 else 1, route=f"r{n % 5}") for n in range(200)]
    stream += [seen("error", f"bad {n}", 2, route="r3") for n in range(20)]
    rng.shuffle(stream)
    routes = evidence_of(stream).comparison.routes.ranked()
    assert [route.route for route in routes if route.is_harmed] == ["r3"]
    assert len(routes) == 5


def flooded(count: int) -> Evidence:
    """Every user of v2 fails, and is slower than ever."""
    return evidence_of(
        seen(metric, n, 2, value=float(n), weight_bp=WEIGHT_BP)
        for n in range(count // 2)
        for metric in ("error", "latency")
    )


def test_endless_evidence_overflows_nothing() -> None:
    evidence = flooded(60_000)
    assert 1e4 < evidence.log_e()["overall"] < math.inf
    assert Evidence.load(evidence.dump()).log_e() == evidence.log_e()
    assert evidence.comparison.routes.ranked()[0].is_harmed


@pytest.mark.soak
def test_a_million_events_overflow_nothing() -> None:
    evidence = flooded(1_000_000)
    assert 1e5 < evidence.log_e()["overall"] < math.inf
    assert Evidence.load(evidence.dump()).log_e() == evidence.log_e()


def failed_alone(number: int, api_version: int = 2, **changes: Any) -> Observed:
    """A pair before anybody is on v2."""
    return seen("pair_error", number, api_version, **{"weight_bp": 0, "value": 1.0, **changes})


def test_pairs_that_v2_alone_fails_alarm_before_anybody_is_on_it() -> None:
    assert not evidence_of(failed_alone(n) for n in range(8)).comparison.is_alarm
    evidence = evidence_of(failed_alone(n) for n in range(9))
    assert evidence.comparison.is_alarm
    assert "of 9 requests that one version alone failed, v2 failed 9" in sentence_of_harm(evidence)


@pytest.mark.parametrize(
    "changes",
    [
        {"value": None},  # a failover, which is seen on one side only
        {"unit": "one user"},
        {"is_authenticated": False, "network": "one network"},
    ],
)
def test_neither_failovers_alarm_nor_one_user_nor_one_network(changes: dict[str, Any]) -> None:
    stream = [failed_alone(n)._replace(**changes) for n in range(2_000)]
    assert not evidence_of(stream).comparison.is_alarm


def test_pairs_that_either_version_fails_as_often_are_chance() -> None:
    evidence = evidence_of(failed_alone(n, 1 + n % 2) for n in range(500))
    assert not evidence.comparison.is_alarm
    assert numbers_of(evidence, 0.02)["pairs"]["errors"] == {"votes": 500, "against": 250}


def test_a_route_that_becomes_slow_late_alarms_by_its_pairs_and_is_named() -> None:
    quick = [seen("pair_time", n % 40, 1, value=-0.1, route=f"GET /r{n % 8}", stage=1) for n in range(4_000)]
    assert not evidence_of(quick).comparison.is_alarm
    slow = [seen("pair_time", n, 2, value=2.3, route="GET /r3", stage=2, weight_bp=5_000) for n in range(60)]
    evidence = evidence_of([*quick, *slow])
    assert evidence.comparison.is_alarm
    assert "v2 was the slower one in 60 of 560 pairs of GET /r3" in sentence_of_harm(evidence)
    assert numbers_of(evidence, 0.02)["pairs"]["routes"][0]["route"] == "GET /r3"


def test_refusals_in_pairs_are_the_breakers_and_no_evidence() -> None:
    evidence = evidence_of(seen("pair_refusal", n, 2, value=404.0) for n in range(500))
    assert evidence.log_e()["overall"] == evidence_of([]).log_e()["overall"]
    assert len(evidence.units) == 0


def test_a_sentence_of_harm_begins_with_what_was_seen_by_the_strongest_test() -> None:
    slow = [seen("latency", f"u{n}", 1 + n % 2, weight_bp=5_000, value=1.0 + 9 * (n % 2)) for n in range(200)]
    assert sentence_of_harm(evidence_of(slow)).startswith("v2's latency is ")
    failing = [seen("error", f"e{n}", 2, weight_bp=5_000) for n in range(30)]
    assert sentence_of_harm(evidence_of(failing)).startswith("of 30 users with an error, 30 were on v2, ")
