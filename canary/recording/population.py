"""Reads who used the entrance in the last week, and how often they come back, from the tables of the recorders."""

import datetime
from typing import Any, Final

from django.db.models import Case, Count, F, Min, Q, QuerySet, Sum, When

from canary.core.arrivals import WEEK_S, Arrivals, ages_of
from canary.core.histograms import Histogram, add_dumped, log_spread
from canary.core.power import Population
from canary.core.values import STABLE
from canary.models import MetricBucket, Observation, Rollout, SeenIdentity

AT_ONCE: Final = datetime.timedelta(minutes=1)
LATENCY_TIME: Final = datetime.timedelta(days=1)
RELEASES: Final = 2
"""The present one, and the one before: just after `start` or `ack` the present one tells nothing."""
LEAST_SEEN: Final = 100
"""The outcome of fewer identities says little of the others."""
_IDENTITY: Final = Case(When(identity="", then=F("unit")), default=F("identity"))
_VOTER: Final = Case(When(is_authenticated=True, then=F("unit")), default=F("network"))
"""The one whose errors count once: callers that nobody vouches for share their network's vote."""


def arrivals_at(now: datetime.datetime) -> Arrivals | None:
    """Return how many different people come in how long; None as long as nobody was seen."""
    found = _arrivals(_recorded_s(now), now)
    return found if found and found.population else None


def population_at(now: datetime.datetime) -> Population:
    recorded_s = _recorded_s(now)
    arrivals, found = _arrivals(recorded_s, now), _outcomes(now)
    return Population(
        arrivals,
        recorded_s,
        _requests_per_s(recorded_s, now),
        **_shares(found, arrivals, now),
        outcomes=found["outcomes"],
        failing=min(found["failing"], found["outcomes"] - found["clean"]),
        log_spread=_log_spread(now),
    )


def _recorded_s(now: datetime.datetime) -> float:
    """Return the time since the first request that was split by its bucket, at 0 % too."""
    first = MetricBucket.objects.filter(judged=True).order_by("start_at").values_list("start_at", flat=True).first()
    return (now - first).total_seconds() if first else 0.0


def _arrivals(recorded_s: float, now: datetime.datetime) -> Arrivals | None:
    """Return the arrivals; None as long as nobody was seen, unless a week of records shows that nobody comes."""
    ages_s = ages_of(recorded_s)
    if not ages_s:
        return None
    since = [now - datetime.timedelta(seconds=age_s) for age_s in ages_s]
    counted = {f"age_{place}": Count("pk", filter=Q(last_seen_at__gte=at)) for place, at in enumerate(since)}
    found = SeenIdentity.objects.filter(last_seen_at__gte=since[0]).aggregate(**counted)
    counts = [found[name] for name in counted]
    return Arrivals.of(ages_s, counts) if counts[0] or recorded_s >= WEEK_S else None


def _requests_per_s(recorded_s: float, now: datetime.datetime) -> float:
    seconds = min(recorded_s, WEEK_S)
    rows = MetricBucket.objects.filter(judged=True, start_at__gte=now - datetime.timedelta(seconds=seconds))
    requests = rows.aggregate(total=Sum("requests"))["total"] or 0
    return requests / seconds if seconds else 0.0


def _observations(now: datetime.datetime) -> QuerySet[Observation]:
    row = Rollout.objects.values_list("release", "journey_release").first()
    release, journey_release = row or (0, 1)
    earliest, since = max(release - RELEASES + 1, journey_release), now - datetime.timedelta(seconds=WEEK_S)
    return Observation.objects.filter(release__gte=earliest, release__lte=release, at__gte=since)


def _outcomes(now: datetime.datetime) -> dict[str, Any]:
    """Count people by their outcome: `settled` after three good requests, else an `error` alone.

    Each unit is judged, with or without anyone who vouches for it; errors are those of voters.
    """
    is_outcome, of_v1 = Q(metric__in=("settled", "error")), Q(api_version=STABLE)
    return _observations(now).aggregate(
        seen=Count(_IDENTITY, distinct=True, filter=Q(metric="seen")),
        seen_since=Min("at"),
        judged=Count("unit", distinct=True, filter=is_outcome),
        voters=Count(_VOTER, distinct=True, filter=is_outcome),
        outcomes=Count("unit", distinct=True, filter=is_outcome & of_v1),
        clean=Count("unit", distinct=True, filter=Q(metric="settled") & of_v1),
        failing=Count(_VOTER, distinct=True, filter=Q(metric="error") & of_v1),
    )


def _shares(found: dict[str, Any], arrivals: Arrivals | None, now: datetime.datetime) -> dict[str, float]:
    """Return the shares of a Population, none if too little is known.

    That of people judged is corrected for identities that have had too little time for a third request.
    """
    if arrivals is None or found["seen"] < LEAST_SEEN or not found["judged"]:
        return {}
    quick, observed_s = _quick_share(now), (now - found["seen_since"]).total_seconds()
    had_time = quick + (1 - quick) * arrivals.judged_within(observed_s) / max(1.0, arrivals.within(observed_s))
    return {
        "judged_share": min(1.0, found["judged"] / found["seen"] / max(1e-9, had_time)),
        "quick_share": quick,
        "voting_share": min(1.0, found["voters"] / found["judged"]),
    }


def _quick_share(now: datetime.datetime) -> float:
    """Return the share of people who sent their first three requests within AT_ONCE."""
    times = (
        _observations(now)
        .filter(metric__in=("seen", "settled"))
        .values("unit", "release", "stage")
        .annotate(first_at=Min("at", filter=Q(metric="seen")), third_at=Min("at", filter=Q(metric="settled")))
        .filter(first_at__isnull=False, third_at__isnull=False)
    )
    found = times.aggregate(all=Count("unit"), quick=Count("unit", filter=Q(third_at__lte=F("first_at") + AT_ONCE)))
    return found["quick"] / found["all"] if found["all"] else 0.0


def _log_spread(now: datetime.datetime) -> float | None:
    histogram: Histogram = {}
    rows = MetricBucket.objects.filter(judged=True, start_at__gte=now - LATENCY_TIME).exclude(histogram={})
    for dumped in rows.values_list("histogram", flat=True).iterator(chunk_size=500):
        add_dumped(histogram, dumped)
    return log_spread(histogram)
