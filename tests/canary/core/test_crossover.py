"""The schedule of a crossover, and the verdict on what was seen in its periods."""

import json

import pytest

from canary.core.crossover import (
    CONSUMERS_MAX,
    DAY_S,
    Crossover,
    counted_period,
    crossover_from,
    fault_of_crossover,
    is_drawn,
    is_on_candidate,
    pairs_over,
    period_at,
    running_crossover,
    stored_crossover,
)
from canary.core.crossover_verdict import HARM, NO_HARM, RUNNING, TOO_FEW, judge_crossover, seen_from
from canary.core.statistics.crossovers import Answered

SALT = "api-v2:2026-12"
NAMES = ("key:ab12", "client:erp", "user:42")


def crossover(names: tuple[str, ...] = NAMES, pairs: int = 10) -> Crossover:
    return Crossover(1_000.0, 100.0, pairs, {name: place for place, name in enumerate(names)})


type Pair = tuple[Answered, Answered]


def seen(*of_each: tuple[Pair, ...]) -> dict[tuple[int, int], Answered]:
    return {
        (place, 2 * number + half): answered
        for place, pairs in enumerate(of_each)
        for number, pair in enumerate(pairs)
        for half, answered in enumerate(pair)
    }


def pair(failures: int, others: int, requests: int = 100) -> Pair:
    """A period on v2, and then one on v1."""
    return Answered(True, requests, failures), Answered(False, requests, others)


def test_the_draw_is_frozen_by_vectors() -> None:
    """A change of the hash would move consumers in the middle of a crossover, and falsify `explain --at`."""
    drawn = ["".join("12"[is_drawn(crossover(), name, period, SALT)] for period in range(20)) for name in NAMES]
    assert drawn == [
        "12121212121221121221",
        "12211221212121212112",
        "12212121121212122112",
    ]


def test_every_pair_has_a_period_on_each_version_and_its_own_coin() -> None:
    long = crossover(tuple(f"key:{number}" for number in range(49)), 20)
    firsts = [is_drawn(long, name, 2 * pair, SALT) for name in long.consumers for pair in range(20)]
    seconds = [is_drawn(long, name, 2 * pair + 1, SALT) for name in long.consumers for pair in range(20)]
    assert [not first for first in firsts] == seconds
    assert abs(sum(firsts) - 490) < 3 * 980**0.5 / 2
    assert firsts != [is_drawn(long, name, 2 * pair, "another") for name in long.consumers for pair in range(20)]


def test_the_schedule_says_nothing_before_after_and_of_others() -> None:
    found = crossover()
    assert [period_at(found, at) for at in (999.9, 1_000.0, 1_099.9, 1_100.0, 2_999.9, 3_000.0)] == [
        None, 0, 0, 1, 19, None,
    ]  # fmt: skip
    assert found.ends_at == 3_000.0
    assert is_on_candidate(found, "key:other", 1_050.0, SALT) is None
    assert is_on_candidate(found, "key:ab12", 999.0, SALT) is None
    assert is_on_candidate(found, "key:ab12", 1_050.0, SALT) is is_drawn(found, "key:ab12", 0, SALT)


def test_the_beginning_of_a_period_does_not_count() -> None:
    assert [counted_period(crossover(), at) for at in (1_000.0, 1_009.9, 1_010.0, 1_105.0, 1_110.0)] == [
        None, None, 0, None, 1,
    ]  # fmt: skip
    assert Crossover(0.0, 86_400.0, 4, {}).washout_s == 60.0


def test_pairs_are_over_from_the_end_of_their_second_period_on() -> None:
    assert [pairs_over(crossover(), at) for at in (0.0, 1_199.9, 1_200.0, 3_000.0, 9_000.0)] == [0, 0, 1, 10, 10]


def test_a_crossover_is_stored_and_ended() -> None:
    stored = stored_crossover(1_000.0, 100.0, 10, NAMES)
    assert crossover_from(stored) == running_crossover(stored) == crossover()
    assert running_crossover({**stored, "ended_at": 1_500.0}) is None
    assert crossover_from(None) is running_crossover(None) is None


@pytest.mark.parametrize(
    ("names", "period_s", "pairs", "sentence"),
    [
        ([], 60.0, 10, "No consumer was named: a crossover has 1 to 49 consumers. With more, start a plan."),
        ([f"key:{number}" for number in range(CONSUMERS_MAX + 1)], 60.0, 10, "50 consumers are too many: "),
        (["key:a", "key:a"], 60.0, 10, "A consumer is named twice."),
        (["anon:9f"], 60.0, 10, "anon:9f is anonymous: a crossover takes consumers of the kinds user, key, client."),
        (["key:a"], 60.0, 3, "A crossover has 4 to 20 pairs of periods, not 3."),
        (["key:a"], 60.0, 21, "A crossover has 4 to 20 pairs of periods, not 21."),
        (["key:a"], 1.0, 10, "A period takes 2 s to 7 days, not 1 s."),
        (["key:a"], 604_801.0, 4, "A period takes 2 s to 7 days, not 604801 s."),
        ([f"key:{number}" for number in range(CONSUMERS_MAX)], 2.0, 4, ""),
        (["key:a"], 604_800.0, 4, ""),
        (["key:a"], 60.0, 20, ""),
        (["key:a"], 4.5 * DAY_S, 10, ""),
        (["key:a"], 604_800.0, 10, "All periods together take at most 90 days: "),
    ],
)  # fmt: skip
def test_what_is_not_possible_is_told_in_a_sentence(
    names: list[str], period_s: float, pairs: int, sentence: str
) -> None:
    fault = fault_of_crossover(names, period_s, pairs)
    assert fault is None if not sentence else str(fault).startswith(sentence)


def test_harm_to_all_is_found_after_any_pair() -> None:
    verdict = judge_crossover(crossover(), seen(*[(pair(8, 1), pair(9, 0), pair(5, 2))] * 3), 3)
    assert (verdict.kind, verdict.against, verdict.others, verdict.is_over) == (HARM, 9, 0, False)
    assert verdict.sentence == (
        "crossover after 3 of 10 pairs of periods of 3 consumers: v2 harms its consumers: v2 failed more in 9 of them"
        " and v1 in 0, evidence 102 (rule: harm from 40 on)"
    )


def test_harm_to_one_consumer_is_found_after_the_last_pair() -> None:
    bad, good = (pair(8, 1),) * 9, (pair(1, 2), pair(2, 1), pair(0, 0)) * 3
    running = judge_crossover(crossover(), seen(bad, good, good), 9)
    over = judge_crossover(crossover(pairs=9), seen(bad, good, good), 9)
    assert (running.kind, running.consumers[0].verdict) == ("hold", RUNNING)
    assert (over.kind, [one.verdict for one in over.consumers]) == (HARM, [HARM, NO_HARM, NO_HARM])
    assert over.sentence.endswith(
        "v2 harms key:ab12: 8.0 % of its requests failed on v2, 1.0 % on v1, and pairs as bad as these come by"
        " chance in one of 512 cases"
    )


def test_the_chance_of_a_false_alarm_is_divided_among_the_consumers() -> None:
    """Six bad pairs of six come by chance in one of 64 cases: enough for one consumer, and not for one of three."""
    bad, good = (pair(8, 1),) * 6, (pair(1, 2), pair(2, 1)) * 3
    alone = judge_crossover(crossover(NAMES[:1], pairs=6), seen(bad), 6)
    among = judge_crossover(crossover(pairs=6), seen(bad, good, good), 6)
    assert [one.verdict for one in (*alone.consumers, *among.consumers)] == [HARM, NO_HARM, NO_HARM, NO_HARM]
    assert (alone.kind, among.kind) == (HARM, "pass")


def test_a_consumer_with_too_few_requests_is_named_as_such() -> None:
    many, few = (pair(1, 2), pair(2, 1)) * 2, (pair(0, 0, 12),) * 4
    passed = judge_crossover(crossover(pairs=4), seen(many, many, few), 4)
    unknown = judge_crossover(crossover(pairs=4), seen(many, few, few), 4)
    assert (passed.kind, passed.consumers[2].verdict) == ("pass", TOO_FEW)
    assert passed.sentence.endswith("; 1 consumer sent fewer than 50 requests to a version")
    assert (unknown.kind, unknown.sentence.rpartition(": ")[2]) == (
        "no_data",
        "2 consumers sent fewer than 50 requests to a version",
    )
    assert judge_crossover(crossover(pairs=4), {}, 4).kind == "no_data"


def test_a_consumer_needs_fifty_requests_to_each_version() -> None:
    enough, one_sided = (pair(1, 1, 10),) * 5, ((Answered(True, 10), Answered(False, 9)),) * 5
    told = judge_crossover(crossover(pairs=5), seen(enough, enough, one_sided), 5)
    assert [one.verdict for one in told.consumers] == [NO_HARM, NO_HARM, TOO_FEW]
    half = judge_crossover(crossover(NAMES[:2], pairs=5), seen(enough, one_sided), 5)
    assert half.kind == "pass"
    assert half.sentence.endswith("; 1 consumer sent fewer than 50 requests to a version")


@pytest.mark.parametrize(("harmed", "more"), [(3, "cases"), (5, "cases; and 2 more")])
def test_at_most_three_harmed_consumers_are_named(harmed: int, more: str) -> None:
    """One outcome of 2**14 is rare enough for each of 12, and their quiet neighbours keep the evidence of all low."""
    names = tuple(f"key:{number}" for number in range(12))
    bad, good = (pair(9, 1),) * 14, (pair(0, 3), pair(0, 5)) * 7
    verdict = judge_crossover(crossover(names, 14), seen(*(bad,) * harmed, *(good,) * (12 - harmed)), 14)
    assert verdict.kind == HARM
    assert (verdict.sentence.count(" of its requests failed"), verdict.sentence.endswith(f" {more}")) == (3, True)


def test_an_outage_of_both_versions_says_nothing() -> None:
    """It strikes the first period of both pairs."""
    on_v2, on_v1 = pair(60, 1), (Answered(False, 100, 60), Answered(True, 100, 1))
    four = crossover((*NAMES, "user:7"))
    verdict = judge_crossover(four, seen((on_v2, on_v1), (on_v1, on_v2), (on_v1, on_v1), (on_v2, on_v2)), 2)
    assert (verdict.kind, verdict.against, verdict.others) == ("hold", 0, 0)


def test_a_verdict_comes_out_again_of_its_counts() -> None:
    verdict = judge_crossover(crossover(), seen((pair(1, 0), pair(0, 3)), (pair(2, 2),)), 1)
    told = json.loads(json.dumps(verdict.as_json()))
    assert judge_crossover(crossover(), seen_from(told["counts"]), told["done"]) == verdict
    assert told["counts"] == [[0, 0, 1, 100, 1], [0, 1, 0, 100, 0], [1, 0, 1, 100, 2], [1, 1, 0, 100, 2]]


def test_a_verdict_is_json() -> None:
    told = judge_crossover(crossover(), seen((pair(1, 0),)), 1).as_json()
    assert told["consumers"][0]["candidate"] == {"requests": 100, "failures": 1}
    assert (told["limit"], told["done"], told["pairs"]) == (40, 1, 10)
