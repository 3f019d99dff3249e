"""Delete old observations, a few rows at a time: each rule finds its oldest by an index."""

import datetime
from typing import Final

from django.db.models import Max, Model, Q

from canary.conf import canary_conf
from canary.models import (
    ConsumerUsage,
    Crash,
    CrossoverCount,
    EvidenceCheckpoint,
    EvidencePoint,
    MetricBucket,
    Observation,
    QueryFinding,
    Recorder,
    Rollout,
    RolloutEvent,
    RouteWindow,
    SeenIdentity,
    ShadowDifference,
    ShadowTotal,
    UnitMinute,
    Verdict,
)
from canary.recording.leases import take_lease

LEASE_S: Final = 300
ROWS_A_TURN: Final = 2_000
MANY_A_TURN: Final = 20_000
"""Outsiders add to some tables more than 2,000 rows in a minute, the time from turn to turn."""
SEEN_DAYS: Final = 30
"""At most: single identities and what they did are needed for as long as a stage lasts, and not for history."""
USAGE_DAYS: Final = 90
"""At least: v1 may end only when nobody used it for weeks, which nobody could say otherwise."""
RECORDER_DAYS: Final = 2
OUTCOMES_S: Final = 3_600
OF_RELEASES: Final[tuple[type[Model], ...]] = (Verdict, EvidencePoint, ShadowTotal, ShadowDifference, CrossoverCount)
"""They tell how a release went, and go when all of it is old."""
KEPT_BEFORE_S: Final[dict[type[Model], int]] = {UnitMinute: 900, RouteWindow: 3_600}
"""Breakers look at the last half an hour, and at so much before the step, which is kept as long as its stage lasts."""


def prune(*, holder: str, now: datetime.datetime) -> int:
    """Delete what has outlived its retention, so many rows a table at most; how many. 0 while another process does."""
    if not take_lease("pruning", holder=holder, now=now, seconds=LEASE_S):
        return 0
    deleted = sum(_delete(*rule, now) for rule in _rules())
    return deleted + _delete_observations(now) + _delete_outcomes(now) + _delete_releases(now)


def _rules() -> list[tuple[type[Model], str, str, int]]:
    """Return each table, its time, the order that finds the oldest rows by an index, and how many days it is kept."""
    days = canary_conf().retention_days
    return [
        (MetricBucket, "start_at", "start_at", days),
        (QueryFinding, "last_seen_at", "pk", days),
        (SeenIdentity, "last_seen_at", "last_seen_at", min(days, SEEN_DAYS)),
        (ConsumerUsage, "day", "day", max(days, USAGE_DAYS)),
        (Recorder, "at", "at", RECORDER_DAYS),
        (Crash, "at", "at", days),
    ]


def _delete(model: type[Model], time: str, order: str, days: int, now: datetime.datetime) -> int:
    before = now - datetime.timedelta(days=days)
    limit = before.date() if time == "day" else before
    oldest = model._default_manager.order_by(order).values_list("pk", time)[:MANY_A_TURN]
    gone = [key for key, at in oldest if at < limit]
    # The time once more: it may have been seen again since.
    return model._default_manager.filter(pk__in=gone, **{f"{time}__lt": limit}).delete()[0] if gone else 0


def _delete_observations(now: datetime.datetime) -> int:
    """Delete observations: in a checkpoint after SEEN_DAYS, without a sequence after `retention_days`."""
    days = canary_conf().retention_days
    taken = EvidenceCheckpoint.objects.aggregate(last=Max("sequence"))["last"] or 0
    oldest = Observation.objects.order_by("pk").values_list("pk", flat=True)[:MANY_A_TURN]
    is_done = Q(sequence__lte=taken, at__lt=now - datetime.timedelta(days=min(days, SEEN_DAYS)))
    is_left = Q(sequence=None, at__lt=now - datetime.timedelta(days=days))
    return Observation.objects.filter(is_done | is_left, pk__in=list(oldest)).delete()[0]


def _delete_releases(now: datetime.datetime) -> int:
    """Delete old releases, but never the present one, nor the newest one before it that came to a verdict."""
    before = now - datetime.timedelta(days=canary_conf().retention_days)
    last = (
        RolloutEvent.objects.filter(at__lt=before).order_by("-version").values_list("after__release", flat=True).first()
    )
    present = Rollout.objects.values_list("release", flat=True).first()
    if last is None or present is None:
        return 0
    judged = Verdict.objects.filter(release__lt=present).aggregate(newest=Max("release"))["newest"]
    kept_from = min(last, present, present if judged is None else judged)
    return sum(_delete_before_release(model, kept_from) for model in OF_RELEASES)


def _delete_before_release(model: type[Model], release: int) -> int:
    rows = model._default_manager.filter(release__lt=release)
    oldest = rows.order_by("release").values_list("pk", flat=True)[:ROWS_A_TURN]
    return rows.filter(pk__in=list(oldest)).delete()[0]


def _delete_outcomes(now: datetime.datetime) -> int:
    started_at = Rollout.objects.values_list("stage_started_at", flat=True).first() or now
    return sum(_delete_before_the_step(*rule, now, started_at) for rule in KEPT_BEFORE_S.items())


def _delete_before_the_step(
    model: type[Model], kept_s: int, now: datetime.datetime, started_at: datetime.datetime
) -> int:
    rows = model._default_manager.filter(start_at__lt=now - datetime.timedelta(seconds=OUTCOMES_S))
    of_the_step = Q(start_at__gte=started_at - datetime.timedelta(seconds=kept_s), start_at__lt=started_at)
    oldest = rows.exclude(of_the_step).order_by("start_at").values_list("pk", flat=True)[:MANY_A_TURN]
    return model._default_manager.filter(pk__in=list(oldest)).delete()[0]
