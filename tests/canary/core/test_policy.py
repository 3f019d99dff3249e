"""Verdicts: the right kind, and a sentence that somebody at night can act on."""

import json
import math
import random
from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations

import pytest

from canary.core.arrivals import Arrivals
from canary.core.judgements import Judgement, QueryRepeat, ShadowGap, Stage, Trip
from canary.core.policy import judge
from canary.core.statistics import Evidence, Observed
from tests.canary.core.crowds import arrivals_of, judged_at, rates_of
from tests.canary.core.statistics.streams import evidence_of, seen

NOW = 1_800_000_000.0
HOUR_S = 3_600.0
DAY_S = 24 * HOUR_S
EVER_NEW = Arrivals((0.0, 7 * DAY_S), (0.0, 1e6))
"""As many in every hour."""
STAGE = Stage(number=1, weight_bp=1_000, started_at=NOW - HOUR_S, min_s=HOUR_S, next_bp=5_000, arrivals=EVER_NEW)


def judged(evidence: Evidence, stage: Stage = STAGE) -> Judgement:
    judgement = judge(evidence, [], [], stage, NOW)
    json.dumps(judgement.numbers, allow_nan=False)
    return judgement


def healthy(users_of_v2: int = 200) -> list[Observed]:
    """Nine on v1 for each on v2, every one seen and clean."""
    users = [(n, 2 if n % 10 == 0 else 1) for n in range(users_of_v2 * 10)]
    random.Random(1).shuffle(users)
    return [seen(metric, n, version) for n, version in users for metric in ("seen", "settled")]


def test_a_healthy_stage_passes_with_the_numbers_that_made_it_safe() -> None:
    judgement = judged(evidence_of(healthy()))
    assert judgement.kind == "pass"
    for part in (
        "Pass at 10 %",
        "0 of 200 users of v2",
        "2.0 % or more of them fail, the declared limit, is ruled out",
        "30.5 of the 20 needed",
        "60 min of at least 60 min",
        "Next step: 50 %",
    ):
        assert part in judgement.sentence


def test_a_safe_stage_waits_for_its_minimum_time() -> None:
    judgement = judged(evidence_of(healthy()), Stage(1, 1_000, NOW - HOUR_S, 4 * HOUR_S, 5_000))
    assert (judgement.kind, judgement.eta_s) == ("hold", 3 * HOUR_S)
    assert "3.0 h of the minimum time are missing" in judgement.sentence


def test_a_stage_that_is_not_yet_safe_says_what_is_missing_and_when_it_may_be_there() -> None:
    """100 clean ones in an hour: at 2 % some 77 more are needed, so less than an hour."""
    evidence = evidence_of([seen("settled", n, 2) for n in range(100)])
    judgement = judged(evidence)
    assert judgement.kind == "hold"
    assert "Missing: 77 more without an error" in judgement.sentence
    assert judgement.eta_s == pytest.approx(76.13 / 100 * HOUR_S, rel=0.01)
    assert "in about 46 min" in judgement.sentence


def test_the_declared_limit_is_that_of_the_stage() -> None:
    judgement = judged(evidence_of(healthy(100)), replace(STAGE, max_errors=0.05))
    assert judgement.kind == "pass"
    assert judgement.numbers["safe"]["p0"] == 0.05
    assert "5.0 % or more of them fail, the declared limit, is ruled out" in judgement.sentence


def test_a_limit_that_v1_exceeds_too_is_said() -> None:
    stream = [seen("error" if n % 9 == 0 else "settled", n, 1 + (n % 10 == 0)) for n in range(900)]
    judgement = judged(evidence_of(stream))
    assert (judgement.kind, judgement.reason, judgement.eta_s) == ("hold", "not_safe", None)
    assert "v1 exceeds the declared limit too" in judgement.sentence


def test_no_visitors_are_no_data_and_no_failure() -> None:
    judgement = judged(Evidence.fresh())
    assert judgement.kind == "no_data"
    assert "0 users newly counted on v2 in 60 min" in judgement.sentence
    assert "Missing: 177 users of v2" in judgement.sentence


def test_evidence_of_the_stage_before_makes_no_new_stage_safe() -> None:
    judgement = judged(evidence_of(healthy()), Stage(2, 5_000, NOW - HOUR_S, 0, 9_000))
    assert judgement.kind == "no_data"


def test_a_weight_of_nothing_is_no_data() -> None:
    assert judged(Evidence.fresh(), Stage(1, 0, NOW, 0, 1_000)).kind == "no_data"


def test_harm_names_effect_bound_and_rule() -> None:
    stream = healthy() + [seen("error", f"bad {n}", 2, route="GET /posts/{}") for n in range(5)]
    judgement = judged(evidence_of(stream))
    assert judgement.kind == "harm"
    for part in (
        "Harm at 10 %",
        "of 5 users with an error",
        "5 were on v2, where 0.5 are expected",
        "95 % bounds 2 to any",
        "latency 1.0 of 80; harm where one reaches its limit, at most 5 % false alarms in a release",
        "GET /posts/{}",
    ):
        assert part in judgement.sentence
    assert judgement.numbers["error"]["on_v2"] == 5


def test_harm_stays_harm_when_one_looks_later() -> None:
    """The verdict must not depend on whether anybody looked at the very moment."""
    stream = [seen("error", f"bad {n}", 2) for n in range(4)] + [seen("error", n, 1) for n in range(60)]
    evidence = evidence_of(stream)
    assert evidence.log_e()["overall"] < evidence.comparison.peak
    assert judged(evidence).kind == "harm"


def test_a_worse_v1_is_never_harm_of_v2() -> None:
    rng = random.Random(2)
    stream = healthy()
    for n in range(600):
        version = 2 if rng.random() < 0.1 else 1
        stream.append(seen("latency", n, version, value=rng.gauss(3.5 if version == 1 else 3.0, 0.4)))
        if version == 1:
            stream += [seen("error", f"bad {n}", 1), seen("refusal", f"bad {n}", 1)]
    judgement = judged(evidence_of(stream))
    assert judgement.kind == "pass"
    assert judgement.numbers["error"]["high"] < 1


def test_a_failing_share_that_no_patience_makes_safe_is_left_to_people() -> None:
    stream = [seen("error" if n % 5 == 0 else "settled", n, 2 if n % 10 < 5 else 1) for n in range(90)]
    stage = Stage(1, 5_000, NOW - HOUR_S, 0, 9_000)
    judgement = judged(evidence_of(observed._replace(weight_bp=5_000) for observed in stream), stage)
    assert (judgement.kind, judgement.eta_s) == ("hold", None)
    assert "that does not come" in judgement.sentence


def test_little_traffic_is_said_to_be_a_matter_for_people() -> None:
    stage = Stage(1, 1_000, NOW - 2 * DAY_S, 0, 5_000, arrivals=EVER_NEW)
    assert "decide by hand" in judged(evidence_of([seen("settled", n, 2) for n in range(10)]), stage).sentence


def test_without_enough_users_or_a_word_on_how_they_come_back_there_is_no_estimate() -> None:
    for users, arrivals in ((40, None), (9, EVER_NEW)):
        stage = Stage(1, 1_000, NOW - HOUR_S, 0, 5_000, arrivals=arrivals)
        judgement = judged(evidence_of([seen("settled", n, 2) for n in range(users)]), stage)
        assert (judgement.kind, judgement.eta_s) == ("hold", None)
        assert "there is no estimate of when" in judgement.sentence


def estimates(people: int, hours: Sequence[float]) -> list[float | None]:
    """Of a sound v2 at 10 %, at so many hours of the stage: after how many hours in all it is to be safe."""
    rng = random.Random(people)
    rates = rates_of(rng, people)
    arrivals, visits = arrivals_of(rng, rates), judged_at(rng, rates, 0.1)
    told: list[float | None] = []
    for hour in hours:
        on_v2 = [n for n, visit in enumerate(visits) if visit.on_v2 and visit.at_s < hour * HOUR_S]
        stage = Stage(1, 1_000, NOW - hour * HOUR_S, 0, 5_000, arrivals=arrivals)
        eta_s = judged(evidence_of(seen("settled", n, 2) for n in on_v2), stage).eta_s
        told.append(None if eta_s is None else hour + eta_s / HOUR_S)
    return told


def test_users_who_are_too_few_get_no_estimate_that_recedes() -> None:
    """500 were told 0.8 hours at first and 22.8 at last, for a step that never came."""
    assert estimates(500, (0.5, 1, 2, 6, 12, 48)) == [None] * 6
    few = Stage(1, 1_000, NOW - HOUR_S, 0, 5_000, arrivals=arrivals_of(random.Random(1), [1 / HOUR_S] * 500))
    assert (
        "10 % of the 500 people who use the entrance in a week are too few for it"
        in judged(evidence_of([seen("settled", n, 2) for n in range(20)]), few).sentence
    )


def test_an_estimate_does_not_recede_while_users_come_as_they_did() -> None:
    told = estimates(4_000, (0.2, 0.3, 0.4, 0.5, 0.6, 0.7))
    hours = [hour for hour in told if hour is not None]
    assert len(hours) >= 4
    assert all(later < 1.15 * earlier for earlier, later in combinations(hours, 2))


MISMATCH = [seen("seen", n, 1) for n in range(300)]
FAILING = [seen("error", f"bad {n}", 2) for n in range(6)]
TRIP = Trip("total failure", "9 of 10 answers of v2 failed in five minutes", {"failed": 9})


def test_a_mismatch_of_samples_freezes_and_blames_the_measuring() -> None:
    judgement = judged(evidence_of(MISMATCH))
    assert (judgement.kind, judgement.reason) == ("hold", "mismatch")
    assert "the measuring is broken, which says nothing of v2: 0 of 300 users" in judgement.sentence


def test_a_broken_measuring_never_stops_a_rollback() -> None:
    judgement = judged(evidence_of(MISMATCH + FAILING))
    assert (judgement.kind, judgement.reason) == ("harm", "harm")
    assert "Besides, the measuring is broken" in judgement.sentence


@pytest.mark.parametrize("stream", [[], healthy(), MISMATCH, FAILING], ids=["empty", "safe", "mismatch", "harm"])
def test_a_breaker_goes_before_everything(stream: list[Observed]) -> None:
    repeats = [QueryRepeat(2, "GET /posts", "ab12", 21, 3)]
    judgement = judge(evidence_of(stream), repeats, [], STAGE, NOW, [TRIP])
    assert (judgement.kind, judgement.reason) == ("harm", "breaker")
    assert judgement.sentence.startswith("Harm at 10 %: 9 of 10 answers of v2 failed in five minutes")
    assert judgement.numbers["trips"] == [
        {"breaker": "total failure", "sentence": TRIP.sentence, "numbers": {"failed": 9}}
    ]


def test_an_alarm_of_the_guard_stops_a_pass_and_no_rollback() -> None:
    evidence = evidence_of(healthy())
    evidence.guard.peak = math.log(1_000)
    judgement = judged(evidence)
    assert (judgement.kind, judgement.reason) == ("hold", "guard")
    assert "the A/A guard, which compares v1 with itself, alarms" in judgement.sentence
    assert judge(evidence, [], [], STAGE, NOW, [TRIP]).kind == "harm"


def test_a_mismatch_of_the_stage_before_does_not_hold_the_next_one() -> None:
    broken = evidence_of(seen("seen", n, 1) for n in range(300))
    assert judged(broken).reason == "mismatch"
    assert judged(broken, Stage(2, 5_000, NOW - HOUR_S, 0, 9_000)).kind == "no_data"


def test_one_metric_alone_holds_where_it_is_not_enough_to_roll_back() -> None:
    """Four failing users of v2 with one of v1 among them: evidence of 29, where 20 hold and 40 roll back."""
    stream = healthy() + [seen("error", f"bad {n}", 1 if n == 3 else 2) for n in range(5)]
    judgement = judged(evidence_of(stream))
    assert (judgement.kind, judgement.reason) == ("hold", "finding")
    assert "errors alone look worse on v2" in judgement.sentence


def test_refusals_on_v2_hold_and_stay_a_finding_when_v1s_users_catch_up() -> None:
    stream = healthy() + [seen("refusal", f"bad {n}", 2) for n in range(7)]
    stream += [seen("refusal", f"late {n}", 1) for n in range(60)]
    evidence = evidence_of(stream)
    assert evidence.log_e()["refusal"] < 0
    judgement = judged(evidence)
    assert (judgement.kind, judgement.reason) == ("hold", "finding")
    assert "refused requests alone look worse on v2" in judgement.sentence
    assert "of 67 users with a refused request, 7 were on v2" in judgement.sentence
    assert "refused requests alone never roll back" in judgement.sentence


def test_an_n_plus_one_holds_within_twenty_requests_even_without_data() -> None:
    repeats = [QueryRepeat(2, "GET /posts", "ab12", 21, 3)]
    judgement = judge(Evidence.fresh(), repeats, [], STAGE, NOW)
    assert judgement.kind == "hold"
    assert "GET /posts (+20 queries, an N+1), in 3 requests" in judgement.sentence


def test_a_difference_in_shadow_reads_holds_a_safe_stage() -> None:
    gaps = [ShadowGap("GET /posts/{}", "author.username", "missing", 4)]
    judgement = judge(evidence_of(healthy()), [], gaps, STAGE, NOW)
    assert judgement.kind == "hold"
    assert "GET /posts/{} at author.username (missing, 4 reads)" in judgement.sentence


@pytest.mark.parametrize(
    ("accepted", "said"),
    [
        (0, "no shadow read differs;"),
        (1, "no shadow read differs, except in 1 accepted way;"),
        (2, "no shadow read differs, except in 2 accepted ways;"),
    ],
)
def test_a_pass_says_how_many_differences_were_accepted(accepted: int, said: str) -> None:
    gaps = [ShadowGap("GET /posts", f"items[].{n}", "value", 4, is_accepted=True) for n in range(accepted)]
    judgement = judge(evidence_of(healthy()), [], gaps, STAGE, NOW)
    assert judgement.kind == "pass"
    assert said in judgement.sentence
    assert (judgement.numbers["shadow_differences"], judgement.numbers["shadow_accepted"]) == (0, accepted)


def test_an_accepted_difference_holds_nothing_beside_one_that_does() -> None:
    gaps = [
        ShadowGap("GET /posts", "items[].html", "value", 90, is_accepted=True),
        ShadowGap("GET /posts", "items[].title", "value", 4),
    ]
    judgement = judge(evidence_of(healthy()), [], gaps, STAGE, NOW)
    assert judgement.kind == "hold"
    assert "differ in 1 place that no declared mapping explains: GET /posts at items[].title" in judgement.sentence
    assert (judgement.numbers["shadow_differences"], judgement.numbers["shadow_accepted"]) == (1, 1)


def test_at_a_hundred_percent_the_verdict_says_that_nothing_is_compared() -> None:
    stream = healthy() + [seen("settled", f"all {n}", 2, stage=2, weight_bp=10_000) for n in range(200)]
    judgement = judged(evidence_of(stream), Stage(2, 10_000, NOW - HOUR_S, 60, None))
    assert judgement.kind == "pass"
    assert "There is no further step. Nobody is on v1" in judgement.sentence
    empty = judged(evidence_of(healthy()), Stage(2, 10_000, NOW - HOUR_S, 60, None))
    assert (empty.kind, "Nobody is on v1" in empty.sentence) == ("no_data", True)


def test_what_an_address_without_logins_was_refused_is_said() -> None:
    stream = [seen("seen", n, 2, is_authenticated=False, network="one") for n in range(50)]
    assert "49 observations of identities without a login were left out" in judged(evidence_of(stream)).sentence
