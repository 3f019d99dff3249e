"""What people read of what was seen: sums, intervals, routes, shares; the same before and after rows are made fewer."""

import datetime
from collections import Counter
from collections.abc import Callable, Iterator

import pytest
from django.utils import timezone
from pytest_django.fixtures import DjangoAssertNumQueries

from canary.core.histograms import cell_of
from canary.core.shares import Band
from canary.models import (
    ConsumerUsage,
    EvidenceCheckpoint,
    EvidencePoint,
    MetricBucket,
    Observation,
    QueryFinding,
    Recorder,
    Rollout,
    RolloutEvent,
    SeenIdentity,
    ShadowDifference,
    ShadowTotal,
    Verdict,
)
from canary.recording import aggregation, compaction
from canary.recording.aggregation import Totals, live_share, per_route, query_findings, timeline, totals
from canary.recording.batches import Cell, CellKey
from canary.recording.compaction import HOUR, MINUTE, compact
from canary.recording.flushing import flush
from canary.recording.leases import take_lease
from canary.recording.pruning import prune
from canary.recording.writing import bucket_of
from tests.canary.seeing import ARMS, ask, client_on, fresh_recorder, weight

pytestmark = pytest.mark.django_db
NOW = datetime.datetime(2026, 11, 25, 12, 0, tzinfo=datetime.UTC)
LONG_AGO = NOW - datetime.timedelta(days=400)


def cell(requests: int = 64, errors: int = 0, latency_ms: float = 20) -> Cell:
    """As many requests of each of 64 slices as there are 64 in it."""
    histogram = {cell_of(number, latency_ms): requests // 64 for number in range(64)}
    return Cell(requests, [requests - errors, 0, 0, errors], 0, 2 * requests, 5, requests * latency_ms / 1e3, histogram)


def store_bucket(at: datetime.datetime, worker: str = "host:1:1", api_version: int = 1, **values: int | float) -> None:
    key = CellKey(int(at.timestamp()), 1, 1, 1_000, api_version, "GET /posts", True)
    bucket_of(key, cell(**values), worker).save()  # type: ignore[arg-type]


def test_both_versions_are_summed_up_with_intervals(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    store_bucket(NOW, requests=128, errors=2)
    store_bucket(NOW, "host:2:1", requests=64, latency_ms=50)
    store_bucket(NOW, api_version=2, requests=64, errors=1)
    store_bucket(LONG_AGO, requests=640)
    with django_assert_num_queries(3):
        found = totals(NOW, release=1)
    v1, v2 = found[1], found[2]
    assert (v1.requests, v1.errors, v1.sql_mean, v1.sql_max) == (192, 2, 2.0, 5)
    assert (v2.requests, v2.error_share) == (64, 1 / 64)
    assert v1.p50.value_ms == pytest.approx(20, rel=0.05)
    assert v1.p95.value_ms == pytest.approx(50, rel=0.05)
    assert (v1.p95.low_ms or 0) <= v1.p95.value_ms <= (v1.p95.high_ms or 0)


def test_nothing_seen_is_nothing_known() -> None:
    assert totals(NOW) == {1: Totals(), 2: Totals()}
    assert (per_route(NOW), timeline(NOW, 60), query_findings(1)) == ([], [], [])
    assert totals(NOW)[1].error_share is None


def test_routes_stand_side_by_side_and_time_in_steps() -> None:
    for second in (0, 5, 10, 65):
        store_bucket(NOW + datetime.timedelta(seconds=second), requests=64, errors=1)
    store_bucket(NOW, api_version=2, requests=128)
    [route] = per_route(NOW)
    assert (route.route, route.requests, route.errors) == ("GET /posts", {1: 256, 2: 128}, {1: 4, 2: 0})
    assert route.mean_ms[1] == pytest.approx(20)
    first, second_step = timeline(NOW, 60)
    assert (first.requests, second_step.requests) == ({1: 192, 2: 128}, {1: 64, 2: 0})
    assert first.share_of_v2 == 0.4
    assert second_step.at == NOW + datetime.timedelta(minutes=1)


def test_rows_of_all_workers_become_one_a_minute_then_one_an_hour_and_say_the_same() -> None:
    exact = {"latency_ms": 31.25}  # whose sums are the same in any order
    for second in range(0, 7_200, 300):
        for worker in ("host:1:1", "host:2:1"):
            store_bucket(NOW + datetime.timedelta(seconds=second), worker, requests=64, errors=1, **exact)
            store_bucket(NOW + datetime.timedelta(seconds=second + 5), worker, requests=128, **exact)
    before = totals(NOW), per_route(NOW), timeline(NOW, 3_600)
    for hours, sums, histograms in (
        (2.5, {MINUTE: 24}, {MINUTE: 24}),
        (4.5, {MINUTE: 24}, {HOUR: 2}),
        (27, {HOUR: 2}, {HOUR: 2}),
    ):
        compact(holder="a", now=NOW + datetime.timedelta(hours=hours))
        rows = MetricBucket.objects.values_list("worker", flat=True)
        assert Counter(rows.filter(requests__gt=0)) == sums, hours
        assert Counter(rows.filter(requests=0, route="")) == histograms, hours
        assert (totals(NOW), per_route(NOW), timeline(NOW, 3_600)) == before


def test_a_row_that_comes_late_joins_the_hour_it_belongs_to() -> None:
    store_bucket(NOW, requests=64)
    much_later = NOW + datetime.timedelta(days=2)
    compact(holder="a", now=much_later)
    store_bucket(NOW + datetime.timedelta(minutes=30), "host:9:1", requests=128)
    compact(holder="a", now=much_later)
    rows = MetricBucket.objects.order_by("route").values_list("worker", "start_at", "route", "requests")
    assert list(rows) == [(HOUR, NOW, "", 0), (HOUR, NOW, "GET /posts", 192)]


def test_the_last_minutes_are_left_alone_and_so_is_what_another_process_compacts() -> None:
    store_bucket(NOW)
    assert compact(holder="a", now=NOW + datetime.timedelta(minutes=2)) == 0
    store_bucket(NOW, "host:2:1")
    assert take_lease("compaction", holder="a", now=NOW + datetime.timedelta(hours=3), seconds=60)
    assert compact(holder="c", now=NOW + datetime.timedelta(hours=3)) == 0
    assert MetricBucket.objects.count() == 2


def test_whoever_is_overtaken_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    store_bucket(NOW)
    store_bucket(NOW, "host:2:1")

    def gone_meanwhile(rows: list[MetricBucket], start_s: int) -> dict[CellKey, Cell]:
        rows[0].delete()
        return {}

    monkeypatch.setattr(compaction, "_merged", gone_meanwhile)
    with pytest.raises(compaction.OvertakenError):
        compact(holder="a", now=NOW + datetime.timedelta(hours=1))
    assert MetricBucket.objects.count() == 2


def test_what_outlived_its_time_is_forgotten() -> None:
    for at in (LONG_AGO, NOW):
        store_bucket(at)
        seen = {"last_seen_at": at, "kind": "client", "identifier": str(at)}
        SeenIdentity.objects.create(**seen)
        ConsumerUsage.objects.create(**seen, day=at.date(), route="GET /posts")
        Recorder.objects.create(worker=str(at), batch=1, at=at)
        Observation.objects.create(
            sequence=at.toordinal(),
            release=1,
            stage=1,
            weight_bp=1,
            unit="u",
            api_version=1,
            metric="seen",
            is_authenticated=False,
            at=at,
        )
        QueryFinding.objects.create(
            release=1, api_version=2, route=str(at), repeats_max=5, requests=1, first_seen_at=at, last_seen_at=at
        )
    checkpoint = EvidenceCheckpoint.objects.create(release=1, sequence=LONG_AGO.toordinal() - 1, state=b"", at=NOW)
    assert prune(holder="a", now=NOW) == 5
    assert Observation.objects.count() == 2  # a restart of the statistics would still need both
    checkpoint.sequence += 1
    checkpoint.save()
    assert prune(holder="a", now=NOW) == 1
    for model in (MetricBucket, SeenIdentity, ConsumerUsage, Recorder, Observation, QueryFinding):
        assert model.objects.count() == 1


def test_usage_of_v1_is_kept_for_90_days_however_short_the_retention_is(rollout: Callable[..., None]) -> None:
    rollout(RETENTION_DAYS=7)
    for days in (8, 89, 91):
        day = NOW - datetime.timedelta(days=days)
        seen = {"last_seen_at": day, "kind": "client", "identifier": f"{days} days ago"}
        ConsumerUsage.objects.create(**seen, day=day.date(), route="GET /posts")
    prune(holder="a", now=NOW)
    assert {usage.identifier for usage in ConsumerUsage.objects.all()} == {"8 days ago", "89 days ago"}


def test_how_an_old_release_went_is_forgotten_and_the_last_verdict_is_kept() -> None:
    row = Rollout.objects.create(version=5, release=5, salt="s", stage_started_at=NOW, changed_at=NOW)
    days = {1: 200, 2: 150, 3: 100, 4: 95, 5: 1}
    for release, ago in days.items():
        at = NOW - datetime.timedelta(days=ago)
        story = {"actor": "a", "verb": "start", "before": {}, "previous_hash": "", "hash": str(release)}
        RolloutEvent.objects.create(version=release, at=at, after={"release": release}, **story)
        seen = {"release": release, "route": "GET /posts"}
        ShadowTotal.objects.create(**seen, result="same")
        ShadowDifference.objects.create(**seen, path="a", kind="value", example={}, first_seen_at=at, last_seen_at=at)
        EvidencePoint.objects.create(release=release, at=at, log_e={})
        if release in (1, 3):
            Verdict.objects.create(release=release, stage=1, at=at, kind="pass", sentence="", numbers={})
    prune(holder="a", now=NOW)
    for model in (ShadowTotal, ShadowDifference, EvidencePoint):
        assert set(model.objects.values_list("release", flat=True)) == {3, 4, 5}
    assert [verdict.release for verdict in Verdict.objects.all()] == [3]
    Verdict.objects.create(release=row.release, stage=1, at=NOW, kind="hold", sentence="", numbers={})
    prune(holder="a", now=NOW + datetime.timedelta(days=1_000))  # a plan that goes on for years
    assert {verdict.release for verdict in Verdict.objects.all()} == {3, 5}


def test_a_lease_is_one_processs_until_it_ends_or_expires() -> None:
    def take(holder: str, second: int) -> bool:
        return take_lease("x", holder=holder, now=NOW + datetime.timedelta(seconds=second), seconds=10)

    assert [take("a", 0), take("b", 1), take("a", 5), take("b", 12), take("b", 15), take("a", 16)] == [
        *(True, False, True, False),
        *(True, False),
    ]


# -- of real requests -------------------------------------------------------------------------------------------------


@pytest.fixture
def half(rollout: Callable[..., None]) -> Iterator[None]:
    rollout(0, **ARMS)
    with fresh_recorder():
        weight(5_000)
        yield


@pytest.mark.usefixtures("half")
def test_the_live_share_is_one_of_identities_and_fits_what_was_asked_for() -> None:
    began = timezone.now() - datetime.timedelta(seconds=10)
    for number in range(6):
        ask("/api/things", client_on(1, number))
        ask("/api/things", client_on(2, number), times=1 + number)
    flush()
    share = live_share(1, 1, 5_000)
    assert (share.units, share.units_v2, share.share, share.is_as_configured) == (12, 6, 0.5, True)
    assert not aggregation.LiveShare(5_000, 1_000, 900, Band(0.45, 0.55)).is_as_configured
    found = totals(began, release=1)
    assert (found[1].users, found[2].users, found[2].requests) == (6, 6, 21)
    assert totals(began, release=2)[2].users == 0


@pytest.mark.usefixtures("half")
def test_what_v2_repeats_is_told_beside_what_v1_does() -> None:
    ask("/api/things?times=6", client_on(1))
    ask("/api/things?times=30", client_on(2))
    flush()
    [found] = query_findings(1)
    assert (found["route"], found["repeats_max"], found["repeats_v1"]) == ("GET /things", 30, 6)
