"""The harm of a rolled-back release in a few sentences: requests, waits, deaths, people, and who was spared."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Final

from django.db.models import Count, Q, Sum
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from canary.conf import canary_conf
from canary.core.values import CANDIDATE
from canary.core.wording import duration
from canary.models import Crash, MetricBucket, Observation, UnitMinute
from canary.pages.speaking import spoken
from canary.recording import aggregation
from canary.recording.aggregation import RouteTotals

BEFORE: Final = timedelta(hours=1)
AFTER: Final = timedelta(minutes=5)
"""Requests that were under way end, or are given up, within this time."""
ROUTES_SHOWN: Final = 3


def harm_sentences(release: int, rolled_back_at: datetime, *, are_held: bool = False) -> list[str]:
    """Return what the release did within the last hour before its rollback, and to how many of all its users.

    `are_held` says that v2 may still have requests of this server.
    """
    since = _first_failure(release, rolled_back_at)
    routes = [] if since is None else aggregation.per_route(since, release, judged=None)
    errors = sum(one.errors[CANDIDATE] for one in routes)
    slow = 0 if since is None else aggregation.slow_requests(since, release, CANDIDATE, 1_000 * canary_conf().hang_s)
    return [
        *(_of_requests(routes, since) if since else ()),
        *(_of_waits(slow, errors, are_held=are_held) if slow else ()),
        *_of_crashes(release, rolled_back_at),
        *_of_users(release),
        *_of_spared(release, errors),
    ]


def _first_failure(release: int, at: datetime) -> datetime | None:
    rows = MetricBucket.objects.filter(release=release, api_version=CANDIDATE, start_at__gte=at - BEFORE)
    return rows.filter(status_5xx__gt=0).order_by("start_at").values_list("start_at", flat=True).first()


def _of_requests(routes: list[RouteTotals], since: datetime) -> Iterator[str]:
    """Return how many requests failed since the first of them, and where."""
    routes = sorted(routes, key=lambda one: -one.errors[CANDIDATE])
    count, errors = (sum(getattr(one, name)[CANDIDATE] for one in routes) for name in ("requests", "errors"))
    numbers = {"count": count, "errors": errors, "at": f"{since.astimezone(UTC):%H:%M} UTC"}
    numbers["routes"] = ", ".join(
        _("%(route)s (%(errors)d of %(count)d)")
        % {"route": one.route, "errors": one.errors[CANDIDATE], "count": one.requests[CANDIDATE]}
        for one in routes[:ROUTES_SHOWN]
        if one.errors[CANDIDATE]
    )
    if errors == count:
        told = ngettext(
            "v2 failed its only request since %(at)s: %(routes)s.",
            "v2 failed all of its %(count)d requests since %(at)s: %(routes)s.",
            count,
        )
    else:
        told = _("v2 failed %(errors)d of its %(count)d requests since %(at)s, most of them on %(routes)s.")
    yield told % numbers


def _of_waits(slow: int, errors: int, *, are_held: bool) -> Iterator[str]:
    told = ngettext(
        "%(count)d request got no answer for %(duration)s.", "%(count)d requests got no answer for %(duration)s.", slow
    )
    yield told % {"count": slow, "duration": spoken(duration(canary_conf().hang_s))}
    if errors > slow:
        yield ngettext("%(count)d failed sooner.", "%(count)d failed sooner.", errors - slow) % {"count": errors - slow}
    if not are_held:
        yield _("None of them is left on this server: v2 was blocked or slow, and a restart is not needed.")


def _of_crashes(release: int, at: datetime) -> Iterator[str]:
    rows = Crash.objects.filter(release=release, api_version=CANDIDATE, at__range=(at - BEFORE, at + AFTER))
    if lost := rows.aggregate(requests=Sum("requests"))["requests"]:
        yield ngettext(
            "%(count)d request ended with a worker that died: the logs of the servers tell why.",
            "%(count)d requests ended with workers that died: the logs of the servers tell why.",
            lost,
        ) % {"count": lost}


def _of_users(release: int) -> Iterator[str]:
    """Return how many people v2 failed; where nobody was seen, there is nothing to tell."""
    rows = Observation.objects.filter(release=release, api_version=CANDIDATE, metric__in=("seen", "error"))
    found = rows.aggregate(
        count=Count("unit", distinct=True), failing=Count("unit", distinct=True, filter=Q(metric="error"))
    )
    if not found["count"]:
        return
    if not found["failing"]:
        yield _("v2 failed none of its users in this release.")
        return
    yield (
        ngettext(
            "That was for %(failing)d of the %(count)d user of v2 in this release.",
            "That was for %(failing)d of the %(count)d users of v2 in this release.",
            found["count"],
        )
        % found
    )


def _of_spared(release: int, errors: int) -> Iterator[str]:
    """Return how many of the failed reads v1 answered; those of a minute are not written at the same time."""
    rows = UnitMinute.objects.filter(release=release, api_version=CANDIDATE)
    found = rows.aggregate(count=Sum("failed_over"), twice=Sum("failed_twice"))
    if spared := min(errors, (found["count"] or 0) - (found["twice"] or 0)):
        yield ngettext(
            "v1 answered %(count)d of these reads in v2's place, so its user saw no error there.",
            "v1 answered %(count)d of these reads in v2's place, so their users saw no error there.",
            spared,
        ) % {"count": spared}
