"""From real requests through the recorder to what the controller does about them."""

from collections.abc import Callable, Iterator

import pytest

from canary.core.judgements import Judgement
from canary.models import Rollout, RolloutEvent, Verdict
from canary.recording.flushing import flush
from canary.reporting.replaying import replay
from canary.state import store
from tests.canary.judging.conftest import Change, Clock, plan_state, row
from tests.canary.seeing import ARMS, ask, client_on, fresh_recorder

PATH = "/api/things/7"
Turn = Callable[[], Judgement | None]


@pytest.fixture
def half(rollout: Callable[..., None], change: Change) -> Iterator[Rollout]:
    """A plan whose first step sends half of all clients to v2."""
    rollout(0, **ARMS)
    with fresh_recorder():
        started = change("start_plan", steps_bp=[5_000, 10_000], min_s=600, is_fresh_cohort=False)
        store.refresh()
        yield started


def test_a_loop_of_statements_on_v2_holds_the_plan_within_twenty_requests(half: Rollout, turn: Turn) -> None:
    ask(f"{PATH}?times=1", client_on(1), times=10)
    ask(f"{PATH}?times=30", client_on(2), times=10)
    flush()
    assert (turn().reason, plan_state()) == ("finding", "held")
    reason = RolloutEvent.objects.latest("version").reason
    assert "N+1" in reason
    assert "GET /things/{id}" in reason


def test_errors_of_clients_at_one_address_count_once_whatever_they_do(half: Rollout, turn: Turn) -> None:
    for number in range(40):
        ask(f"{PATH}?status=500", client_on(2, number))
    flush()
    judgement = turn()
    assert judgement.numbers["error"]["events"] == 1
    assert (row().weight_bp, row().latched) == (5_000, False)


def test_each_conclusion_from_requests_comes_out_again(half: Rollout, turn: Turn, clock: Clock) -> None:
    turn()
    for number in range(6):
        ask(PATH, client_on(1 + number % 2, number), times=3)
        ask(f"{PATH}?status=500", client_on(1 + number % 2, 10 + number))
        flush()
        clock.pass_s(10)
        turn()
    found = replay(half.release, clock.now)
    assert found["counts"]["equal"] == Verdict.objects.count() >= 2
    assert (found["counts"]["unequal"], found["counts"]["unknown"]) == (0, 0)


def test_clients_are_observed_once_each_with_the_version_that_answered(half: Rollout, turn: Turn) -> None:
    for number in range(5):
        ask(PATH, client_on(1, number), times=3)
        ask(PATH, client_on(2, number), times=3)
    flush()
    numbers = turn().numbers
    assert numbers["units"] == 10
    # They come from one network, and nobody vouches for them.
    assert (numbers["safe"]["clean"], numbers["safe"]["v1_clean"]) == (1, 1)
