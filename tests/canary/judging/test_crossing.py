"""The controller in a crossover: it rolls harm back and records the end, and each verdict can be replayed."""

import random
from collections.abc import Callable
from typing import Any

import pytest

from canary.core.crossover import crossover_from
from canary.core.judgements import Judgement
from canary.judging.crossing import SETTLED_S
from canary.models import CrossoverCount, EvidencePoint, Rollout, RolloutEvent, UnitMinute, Verdict
from canary.reporting.release import analyse
from canary.reporting.replaying import replay
from tests.canary.judging.conftest import Change, Clock, row

Turn = Callable[[], Judgement | None]
NAMES = [f"key:{number}" for number in range(12)]
PERIOD_S, PAIRS = 60.0, 4


@pytest.fixture
def crossover(change: Change) -> Rollout:
    return change("start_crossover", consumers=NAMES, period_s=PERIOD_S, pairs=PAIRS)


def see(pairs: range, fails: Callable[[int, int, bool], int], requests: int = 100) -> None:
    """In each period of these pairs; `fails` gets the consumer's place, the pair, and whether it is on v2."""
    release = row().release
    rng = random.Random(1)
    for place in range(len(NAMES)):
        for pair in pairs:
            first = rng.random() < 0.5
            CrossoverCount.objects.bulk_create(
                CrossoverCount(
                    release=release,
                    place=place,
                    period=2 * pair + half,
                    api_version=2 if is_v2 else 1,
                    requests=requests,
                    failures=fails(place, pair, is_v2),
                )
                for half, is_v2 in ((0, first), (1, not first))
            )


def five_fold(place: int, pair: int, is_v2: bool) -> int:
    return 5 if is_v2 else 1


def alike(place: int, pair: int, is_v2: bool) -> int:
    return 1 + ((place + pair) % 2 == is_v2)


def go_to(clock: Clock, pairs: float) -> None:
    found = crossover_from(row().crossover)
    assert found is not None
    clock.pass_s(found.started_at + pairs * 2 * PERIOD_S + SETTLED_S - clock.now.timestamp())


def ended() -> dict[str, Any]:
    """The crossover of the row, as its end has left it."""
    stored = row().crossover
    assert stored is not None
    return {**stored}


def by_controller() -> list[tuple[str, str]]:
    return [*RolloutEvent.objects.filter(actor="controller").order_by("version").values_list("verb", "reason")]


def results(clock: Clock) -> set[str]:
    return {one["result"] for one in replay(2, clock.now)["results"]}


def test_harm_rolls_everybody_back_as_soon_as_a_pair_shows_it(crossover: Rollout, turn: Turn, clock: Clock) -> None:
    see(range(1), five_fold)
    go_to(clock, 0.9)
    waiting = turn()
    assert waiting is not None
    assert (waiting.kind, waiting.reason) == ("hold", "crossover")
    assert waiting.sentence.startswith("Hold at 0 %: crossover after 0 of 4 pairs of periods of 12 consumers: no harm")
    go_to(clock, 1)
    harm = turn()
    assert harm is not None
    assert (harm.kind, row().latched, ended()["verdict"]) == ("harm", True, "rolled_back")
    [(verb, reason)] = by_controller()
    assert verb == "rollback"
    assert "v2 failed more in 12 of them and v1 in 0, evidence 630 (rule: harm from 40 on)" in reason
    event = RolloutEvent.objects.latest("version")
    assert (event.evidence or {})["crossover"]["against"] == 12
    assert results(clock) == {"equal"}
    assert EvidencePoint.objects.latest("pk").log_e["crossover"] > 6


def test_without_harm_it_ends_with_its_verdict_after_the_last_pair(
    crossover: Rollout, turn: Turn, clock: Clock
) -> None:
    see(range(PAIRS), alike)
    go_to(clock, 2)
    turn()
    assert ended()["ended_at"] is None
    go_to(clock, PAIRS)
    passed = turn()
    assert passed is not None
    assert (passed.kind, ended()["verdict"], row().latched) == ("pass", "pass", False)
    [(verb, reason)] = by_controller()
    assert (verb, passed.sentence) == ("crossover end", f"Pass at 0 %: {reason[0].lower()}{reason[1:]}")
    assert reason.startswith("Crossover after 4 of 4 pairs of periods of 12 consumers: no harm: v2 failed more in ")
    clock.pass_s(60)
    again = turn()
    assert again is not None
    assert (again.kind, again.sentence) == ("pass", passed.sentence)
    assert len(by_controller()) == 1
    assert results(clock) == {"equal"}
    assert Verdict.objects.latest("pk").kind == "pass"


def test_one_of_few_requests_says_that_too_little_was_seen(crossover: Rollout, turn: Turn, clock: Clock) -> None:
    see(range(PAIRS), lambda *_: 0, requests=3)
    go_to(clock, PAIRS)
    turn()
    assert ended()["verdict"] == "no_data"


def test_breakers_trip_as_they_do_in_a_plan(crossover: Rollout, turn: Turn, clock: Clock) -> None:
    clock.pass_s(90)
    counts: dict[str, Any] = {"reads": 0, "refused_reads": 0, "failed_over": 0, "failed_twice": 0, "halvings": 0}
    for number in range(6):
        for version in (1, 2):
            UnitMinute.objects.create(
                start_at=clock.now.replace(second=0, microsecond=0),
                release=crossover.release,
                stage=crossover.stage,
                api_version=version,
                unit=f"{number:032x}",
                answers=10,
                failures=10 if version == 2 else 0,
                **counts,
            )
    harm = turn()
    assert harm is not None
    assert (harm.kind, row().latched, ended()["verdict"]) == ("harm", True, "rolled_back")
    assert harm.numbers["trips"][0]["breaker"] == "total_failure"
    clock.pass_s(5)
    after = turn()
    assert after is not None
    assert after.reason != "crossover"
    assert results(clock) == {"equal"}


def test_one_that_was_stopped_is_judged_no_more(crossover: Rollout, change: Change, turn: Turn, clock: Clock) -> None:
    see(range(PAIRS), five_fold)
    change("end_crossover")
    go_to(clock, PAIRS)
    judgement = turn()
    assert judgement is not None
    assert (judgement.reason, by_controller()) == ("no_v2", [])


def test_analyze_tells_the_same_without_a_controller(crossover: Rollout, clock: Clock) -> None:
    see(range(PAIRS), alike)
    go_to(clock, 3)
    told = analyse(clock.now)
    assert (told["verdict"], told["reason"], told["numbers"]["crossover"]["done"]) == ("hold", "crossover", 3)
    assert "crossover" in {one["metric"] for one in told["evidence"]}
