"""What is counted of a crossover: answers to its consumers, by period and by the version that was asked."""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta

import pytest
from django.db.models import Sum
from django.utils import timezone

from canary.core.crossover import CONSUMERS_MAX, is_on_candidate
from canary.core.values import Decision, Identity, parse_identity
from canary.models import CrossoverCount, MetricBucket, Observation, UnitMinute
from canary.recording import flushing
from canary.recording.flushing import flush
from canary.recording.recorder import queue
from canary.services import add_to_list, start_crossover
from canary.state import store
from tests.canary.failing import ARMS as FAILING
from tests.canary.failing import THING
from tests.canary.seeing import ARMS, ask, fresh_recorder

PATH = "/api/things/7"
NAMES = [f"client:c{number}" for number in range(CONSUMERS_MAX)]
"""A coin draws the version of each: that all 49 get the same one happens once in 2^48 runs."""
PERIOD_S = 600.0
KEYS = [f"key:k{number}" for number in range(CONSUMERS_MAX)]
OWNER = ("owner", datetime(2026, 1, 1, tzinfo=UTC))
Begin = Callable[..., None]


@pytest.fixture
def begin(rollout: Callable[..., None], db: None) -> Iterator[Begin]:
    """`begin(1.5)`: a crossover that is in the middle of its second period."""
    rollout(0, **ARMS)

    def start(periods: float, names: Sequence[str] = NAMES) -> None:
        began_at = timezone.now() - timedelta(seconds=periods * PERIOD_S + 2)
        words = {"actor": "cli:test", "reason": "a test", "expected_version": store.refresh().version}
        start_crossover(consumers=names, period_s=PERIOD_S, pairs=4, now=began_at, **words)  # type: ignore[arg-type]
        store.refresh()

    with fresh_recorder():
        yield start


def client_now_on(api_version: int) -> str:
    snapshot, now_s = store.current_snapshot(), timezone.now().timestamp()
    assert snapshot.crossover is not None
    drawn = {
        name: is_on_candidate(snapshot.crossover, name, now_s, snapshot.salt) for name in snapshot.crossover.consumers
    }
    return next(name for name, is_drawn in drawn.items() if is_drawn == (api_version == 2)).partition(":")[2]


def counts() -> list[tuple[int, int, int, int]]:
    columns = ("period", "api_version", "requests", "failures")
    return sorted(CrossoverCount.objects.values_list(*columns))


def of_minutes(*names: str) -> list[tuple[int, ...]]:
    """By version, summed up over the minutes: one may end between two answers."""
    return sorted(UnitMinute.objects.values_list("api_version").annotate(*map(Sum, names)))


def test_answers_count_for_the_period_and_version_of_their_request(begin: Begin) -> None:
    begin(1.5)
    ask(PATH, client_now_on(1), times=3)
    ask(PATH, client_now_on(2))
    ask(f"{PATH}?status=500", client_now_on(1))
    flush(is_last=True)
    ask(PATH, client_now_on(2))
    flush(is_last=True)
    assert counts() == [(1, 1, 4, 1), (1, 2, 2, 0)]
    assert {*CrossoverCount.objects.values_list("release", flat=True)} == {2}
    places = {*CrossoverCount.objects.values_list("place", flat=True)}
    assert places == {NAMES.index(f"client:{client_now_on(version)}") for version in (1, 2)}


def test_a_slow_answer_counts_for_the_period_in_which_its_request_came(begin: Begin) -> None:
    begin(1.5)
    ask(PATH, client_now_on(2))
    [seen] = queue.drain()
    ended_at = timezone.now().timestamp() + 0.6 * PERIOD_S
    flushing.outbox.tally.take(seen._replace(took_ns=int(0.7 * PERIOD_S * 1e9)), ended_at)
    flush(is_last=True)
    assert counts() == [(1, 2, 1, 0)]


def test_others_refusals_lists_and_named_versions_do_not_count(begin: Begin) -> None:
    begin(1.5)
    on_v1 = client_now_on(1)
    ask(PATH, "somebody-else")
    ask(f"{PATH}?status=404", on_v1)
    ask(PATH, on_v1, api_version="2")
    words = {"actor": "cli:test", "reason": "a test", "now": timezone.now()}
    identity = parse_identity(f"client:{on_v1}")
    add_to_list(list="exclude", identity=identity, expected_version=store.refresh().version, **words)  # type: ignore[arg-type]
    store.refresh()
    ask(PATH, on_v1)
    flush(is_last=True)
    assert counts() == []


def test_a_key_counts_where_a_view_knew_its_person(begin: Begin) -> None:
    """Its prefix is no secret: a stranger could thin out or add to the failures of one version in its name."""
    begin(1.5, KEYS)
    on_v2 = client_now_on(2)
    ask(PATH, canary_id=on_v2)
    [seen] = queue.drain()
    assert isinstance(seen.answer, Decision)
    seen = seen._replace(
        answer=seen.answer._replace(identity=Identity("key", on_v2), api_version=2, reason="crossover")
    )
    for status, person, proof in (
        *((200, None, 0), (500, None, 7), (200, OWNER, 7), (200, None, 7), (500, None, 7)),
        *((500, None, 0), (500, None, 8)),
    ):
        answer = seen._replace(status=status, person=person, proof=proof)
        flushing.outbox.tally.take(answer, timezone.now().timestamp())
    flush(is_last=True)
    assert counts() == [(1, 2, 2, 1)]


@pytest.mark.parametrize("periods", [-0.003, 1.01, 8.5])
def test_the_beginning_of_a_period_and_what_comes_before_the_first_and_after_the_last_do_not_count(
    begin: Begin, periods: float
) -> None:
    begin(periods)
    ask(PATH, "c0")
    flush(is_last=True)
    assert counts() == []


def test_breakers_and_charts_see_the_answers_and_tests_of_plans_do_not(begin: Begin) -> None:
    begin(1.5)
    ask(PATH, client_now_on(2), times=2)
    flush(is_last=True)
    assert of_minutes("answers") == [(2, 2)]
    assert sum(MetricBucket.objects.filter(judged=True, api_version=2).values_list("requests", flat=True)) == 2
    assert not Observation.objects.filter(api_version=2).exists()


def test_a_read_that_v1_answers_in_the_place_of_v2_is_a_failure_of_v2(
    begin: Begin, rollout: Callable[..., None]
) -> None:
    rollout(0, **FAILING)
    begin(1.5)
    ask(f"{THING}?v2=500", client_now_on(2))
    flush(is_last=True)
    assert counts() == [(1, 2, 1, 1)]
    assert of_minutes("failures", "failed_over", "failed_twice") == [(2, 1, 1, 0)]
