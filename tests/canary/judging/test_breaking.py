"""From real requests through the recorder's rows to the breakers, and what the controller does about them."""

import datetime
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from canary.core.breakers import Limits, is_sampled
from canary.core.histograms import cell_of
from canary.core.judgements import Judgement
from canary.core.lifecycle import BROWNOUT, Life, dump_life
from canary.core.values import Identity
from canary.judging import breaking
from canary.models import Crash, MetricBucket, Observation, Rollout, RolloutEvent, RouteWindow, UnitMinute
from canary.recording.batches import Cell, CellKey
from canary.recording.compaction import compact
from canary.recording.flushing import flush
from canary.recording.pruning import prune
from canary.recording.tally import digest_of
from canary.recording.writing import bucket_of
from canary.reporting.release import analyse
from canary.state import store
from tests.canary.judging.conftest import Change, Clock, row
from tests.canary.seeing import ARMS, client_on, fresh_recorder

PATH = "/api/things/7"
COUNTS = {"answers": 2, "failures": 2, "reads": 2, "refused_reads": 0, "failed_over": 0, "failed_twice": 0}
Turn = Callable[[], Judgement | None]
Begin = Callable[..., Rollout]


@pytest.fixture
def begin(rollout: Callable[..., None], change: Change, clock: Clock) -> Iterator[Begin]:
    """`begin(1_000)`: a release at this weight, for a minute so far; with `plan=False` by hand."""
    rollout(0, **ARMS)
    clock.now = timezone.now()

    def start(weight_bp: int, *, plan: bool = True, **limits: Any) -> Rollout:
        if plan:
            change("start_plan", steps_bp=[weight_bp], min_s=0, is_fresh_cohort=False, **limits)
        else:
            change("set_weight", weight_bp=weight_bp)
        store.refresh()
        clock.pass_s(60)
        return row()

    with fresh_recorder():
        yield start


def come(api_version: int, number: int, *queries: str, method: str = "get") -> None:
    """A client of this version with an address of its own, which asks once for each of `queries`."""
    browser, name = Client(raise_request_exception=False), client_on(api_version, number)
    for query in queries:
        ask = getattr(browser, method)
        ask(f"{PATH}{query}", headers={"x-client-id": name}, REMOTE_ADDR=f"10.{api_version}.{number}.7")


def rollbacks() -> list[RolloutEvent]:
    return list(RolloutEvent.objects.filter(verb="rollback"))


@pytest.mark.parametrize("plan", [True, False])
@pytest.mark.parametrize("weight_bp", [1_000, 5_000, 10_000])
def test_the_only_client_of_a_v2_that_fails_totally_is_enough(
    begin: Begin, turn: Turn, weight_bp: int, plan: bool
) -> None:
    begin(weight_bp, plan=plan)
    come(2, 1, *(9 * ["?v2=500"]))
    flush(is_last=True)
    judgement = turn()
    assert judgement is not None
    assert judgement.reason != "breaker"
    come(2, 1, "?v2=500")
    flush(is_last=True)
    assert analyse(timezone.now() + datetime.timedelta(seconds=60))["reason"] == "breaker"


def test_a_trip_rolls_back_and_latches_with_its_evidence(begin: Begin, turn: Turn) -> None:
    begin(10_000)
    come(2, 1, *(12 * ["?v2=500"]))
    flush(is_last=True)
    judgement = turn()
    assert judgement is not None
    assert (judgement.kind, judgement.reason) == ("harm", "breaker")
    [event] = rollbacks()
    assert (event.actor, row().weight_bp, row().latched) == ("controller", 0, True)
    assert event.reason.startswith(
        "Harm at 100 %: v2 fails totally: in the last 5 min 12 of 12 answers to 1 user failed"
    )
    [trip] = (event.evidence or {})["trips"]
    assert (trip["breaker"], trip["numbers"]["failures"]) == ("total_failure", 12)
    turn()
    assert len(rollbacks()) == 1


@pytest.mark.parametrize("weight_bp", [1_000, 10_000])
def test_a_brownout_of_v1_ends_by_a_rollback(begin: Begin, turn: Turn, weight_bp: int) -> None:
    """All are on v2 then, and v1 doesn't stand in for it."""
    begin(weight_bp)
    now = int(timezone.now().timestamp())
    life = Life(BROWNOUT, deprecated_at=now - 900, sunset_at=now + 900, brownouts=((now - 600, now + 600),))
    Rollout.objects.update(lifecycle=dump_life(life), version=row().version + 1)
    store.refresh()
    come(2, 1, *(12 * ["?v2=500"]))
    flush(is_last=True)
    turn()
    assert row().latched
    store.refresh()
    answer = Client(raise_request_exception=False).get(f"{PATH}?v2=500", headers={"x-client-id": "anybody"})
    assert (answer.status_code, answer["API-Version"]) == (200, "1")


def test_writes_that_fail_count_as_reads_do(begin: Begin, turn: Turn) -> None:
    begin(5_000)
    come(2, 1, *(10 * ["?v2=500"]), method="post")
    flush(is_last=True)
    turn()
    assert row().latched


def test_two_hundred_identities_at_one_place_press_nothing(begin: Begin, turn: Turn) -> None:
    begin(5_000)
    for number in range(200):
        browser = Client(raise_request_exception=False)
        browser.post(f"{PATH}?v2=500", headers={"x-client-id": client_on(2, number)}, REMOTE_ADDR="10.9.9.9")
    come(2, 1, "")
    flush(is_last=True)
    turn()
    assert not rollbacks()


def test_two_hundred_identities_at_one_place_hide_nothing(begin: Begin, turn: Turn) -> None:
    begin(5_000)
    for number in range(200):
        Client().get(PATH, headers={"x-client-id": client_on(2, number)}, REMOTE_ADDR="10.9.9.9")
    for number in range(12):
        come(2, number, "?v2=500")
    flush(is_last=True)
    turn()
    assert row().latched


def test_what_fails_on_both_versions_is_not_rolled_back(begin: Begin, turn: Turn) -> None:
    begin(5_000)
    for number in range(6):
        come(1, number, "?status=500", "?status=500")
        come(2, number, "?status=500", "?status=500")
    flush(is_last=True)
    turn()
    assert not rollbacks()


@pytest.mark.parametrize(("limits", "trips"), [({}, True), ({"limits": Limits(max_errors_bp=5_000)}, False)])
def test_the_declared_limit_of_the_plan_counts(begin: Begin, turn: Turn, limits: dict[str, Any], trips: bool) -> None:
    begin(10_000, **limits)
    for number in range(5):
        come(2, number, "", "", "?v2=500" if number < 4 else "")
    flush(is_last=True)
    judgement = turn()
    assert judgement is not None
    assert [trip["breaker"] for trip in judgement.numbers["trips"]] == (["declared_limit"] if trips else [])
    assert row().latched == trips


def test_the_next_release_does_not_trip_by_what_the_last_one_saw(
    begin: Begin, turn: Turn, change: Change, clock: Clock
) -> None:
    begin(5_000)
    come(2, 1, *(12 * ["?v2=500"]))
    flush(is_last=True)
    turn()
    change("acknowledge")
    change("start_plan", steps_bp=[5_000], min_s=0, is_fresh_cohort=False)
    clock.pass_s(60)
    judgement = turn()
    assert judgement is not None
    assert (judgement.kind, row().weight_bp) == ("no_data", 5_000)


@pytest.mark.parametrize(("users", "trips"), [(4, False), (5, True)])
def test_wrong_refusals_of_five_users_are_rolled_back(begin: Begin, turn: Turn, users: int, trips: bool) -> None:
    now = begin(5_000)
    for number in range(10):
        come(2, number, "?v2=404" if number < users else "", "", "", "")
    flush(is_last=True)
    seen = Observation.objects.filter(metric="seen", api_version=2)
    networks = [one.network for number, one in enumerate(seen.order_by("pk")) if number < users]
    for network in networks:
        Observation.objects.create(
            release=now.release,
            stage=now.stage,
            weight_bp=now.weight_bp,
            unit="a" * 32,
            api_version=2,
            metric="pair_refusal",
            route="GET /things/{id}",
            value=404.0,
            is_authenticated=False,
            network=network,
            at=timezone.now(),
        )
    turn()
    assert [event.reason.partition(" that v1")[0] for event in rollbacks()] == (
        ["Harm at 50 %: v2 refuses reads"] if trips else []
    )


def store_latency(at: datetime.datetime, api_version: int, latency_ms: float) -> None:
    histogram = {cell_of(number, latency_ms): 10 for number in range(12)}
    cell = Cell(120, [120, 0, 0, 0], 0, 0, 0, 120 * latency_ms / 1e3, histogram)
    now = row()
    key = CellKey(
        int(at.timestamp()), now.release, now.stage, now.weight_bp, api_version, "GET /things/{id}", judged=True
    )
    bucket_of(key, cell, "host:1:1").save()


def seconds(count: int) -> datetime.timedelta:
    return datetime.timedelta(seconds=count)


def warm_hour(started_at: datetime.datetime) -> datetime.datetime:
    """Return a full hour after the warm-up: the next one may be seconds away."""
    return started_at.replace(minute=0, second=0, microsecond=0) + datetime.timedelta(hours=2)


def test_three_slow_windows_of_one_route_are_rolled_back(begin: Begin, turn: Turn, clock: Clock) -> None:
    clock.now = warm_hour(begin(5_000).stage_started_at)
    for window in range(3):
        assert row().weight_bp == 5_000, window
        for version, latency_ms in ((1, 20), (2, 200)):
            store_latency(clock.now + seconds(120), version, latency_ms)
        clock.pass_s(310)
        compact(holder="a", now=clock.now)
        turn()
        assert RouteWindow.objects.count() == 2 * (window + 1)
        clock.pass_s(-10)
    [event] = rollbacks()
    assert "v2 is too slow on GET /things/{id}" in event.reason


def test_at_100_percent_a_route_is_compared_with_itself(begin: Begin, turn: Turn, clock: Clock, change: Change) -> None:
    clock.now = warm_hour(begin(9_000).stage_started_at)
    for window in range(5):
        if window == 1:
            change("set_weight", weight_bp=10_000)
        store_latency(clock.now + seconds(120), 2, 20 if window < 2 else 200)
        clock.pass_s(310)
        turn()
        clock.pass_s(-10)
        assert bool(rollbacks()) == (window == 4)
    assert "before the step" in rollbacks()[0].reason


def test_only_an_hour_and_what_was_before_the_step_is_kept(begin: Begin, clock: Clock) -> None:
    started_at = begin(10_000).stage_started_at
    keep = {"release": 1, "api_version": 2, "halvings": 0, **COUNTS}
    for minutes in (-60, -16, -14, -1, 1, 100, 170):
        at = started_at + datetime.timedelta(minutes=minutes)
        UnitMinute.objects.create(start_at=at, stage=int(minutes > 0), unit="a" * 32, **keep)
    prune(holder="a", now=started_at + datetime.timedelta(minutes=180))
    left = [(at - started_at).total_seconds() / 60 for at in UnitMinute.objects.values_list("start_at", flat=True)]
    assert sorted(left) == [-14, -1, 170]
    assert not MetricBucket.objects.exists()


def test_a_look_reads_so_many_rows_and_halves_the_units_of_the_version_with_more(
    begin: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(breaking, "MINUTES_MAX", 100)
    found, now = begin(5_000), timezone.now()
    keep = {"release": found.release, "stage": found.stage, "halvings": 0, **COUNTS}
    units = [digest_of(Identity("user", str(n))) for n in range(400)]
    UnitMinute.objects.bulk_create(
        UnitMinute(start_at=now, unit=unit, api_version=version, **keep)
        for version, count in ((1, 400), (2, 90))
        for unit in units[:count]
    )
    read = breaking.sightings_of(found, now).minutes
    assert {one.unit for one in read if one.api_version == 2} == {*units[:90]}
    assert {one.unit for one in read if one.api_version == 1} == {unit for unit in units if is_sampled(unit, 2)}


@pytest.mark.parametrize("halvings", [0, 1])
def test_units_that_not_every_process_has_looked_at_are_left_out(
    begin: Begin, turn: Turn, clock: Clock, halvings: int
) -> None:
    """Ten units fail. Of the half that was looked at from some moment on there are two of them."""
    now = begin(5_000)
    for number in range(10):
        UnitMinute.objects.create(
            start_at=clock.now.replace(second=0, microsecond=0),
            release=now.release,
            stage=now.stage,
            api_version=2,
            unit=f"{number if number < 2 else 2**31 + number:032x}",
            halvings=halvings if number == 0 else 0,
            **COUNTS,
        )
    judgement = turn()
    assert judgement is not None
    assert bool(judgement.numbers["trips"]) == (halvings == 0)


@pytest.mark.parametrize(("deaths", "trips"), [("abb", False), ("abc", True)])
def test_a_v2_that_ends_its_workers_is_rolled_back_at_the_third_death(
    begin: Begin, turn: Turn, clock: Clock, deaths: str, trips: bool
) -> None:
    release = begin(1_000).release
    for number, death in enumerate(deaths):
        died = {"worker": f"host:{number}", "death": death, "release": release, "stage": 1, "requests": 2}
        Crash.objects.create(**died, api_version=2, at=clock.now)
        Crash.objects.create(**died | {"death": f"v1 {death}"}, api_version=1, at=clock.now)
    judgement = turn()
    assert judgement is not None
    assert (judgement.reason == "breaker") == trips
    assert ["v2 takes workers down" in event.reason for event in rollbacks()] == [True] * trips
