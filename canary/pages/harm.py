"""Who was hurt before a rollback, in a few sentences: users, routes, waits, deaths, and who was spared."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

from django.db.models import Count, Q, Sum
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from canary.conf import canary_conf
from canary.core.values import CANDIDATE
from canary.core.wording import duration
from canary.models import Crash, Observation, UnitMinute
from canary.pages.speaking import spoken
from canary.recording import aggregation

BEFORE: Final = timedelta(hours=1)
AFTER: Final = timedelta(minutes=5)
"""Requests that were under way end, or are given up, within this time."""
ROUTES_SHOWN: Final = 3


def harm_sentences(release: int, rolled_back_at: datetime) -> list[str]:
    """Return what v2 did to its users, of its release and of the last hour before the rollback."""
    return [*_of_users(release), *_of_routes(release, rolled_back_at), *_of_spared(release)]


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
            "v2 failed %(failing)d of its %(count)d user in this release, by an error or without an answer.",
            "v2 failed %(failing)d of its %(count)d users in this release, by an error or without an answer.",
            found["count"],
        )
        % found
    )


def _of_routes(release: int, at: datetime) -> Iterator[str]:
    """Return where v2 failed, and how many requests it kept waiting or lost."""
    since, until = at - BEFORE, at + AFTER
    found = [one for one in aggregation.per_route(since, release, judged=None) if one.errors[CANDIDATE]]
    found.sort(key=lambda one: -one.errors[CANDIDATE])
    if found:
        shown = ", ".join(
            _("%(route)s (%(errors)d of %(count)d)")
            % {"route": one.route, "errors": one.errors[CANDIDATE], "count": one.requests[CANDIDATE]}
            for one in found[:ROUTES_SHOWN]
        )
        yield _("Failed requests of v2 in the last hour before it: %(routes)s.") % {"routes": shown}
    hang_s = canary_conf().hang_s
    if slow := aggregation.slow_requests(since, release, CANDIDATE, 1_000 * hang_s):
        yield ngettext(
            "%(count)d request took %(duration)s or longer.", "%(count)d requests took %(duration)s or longer.", slow
        ) % {"count": slow, "duration": spoken(duration(hang_s))}
    rows = Crash.objects.filter(release=release, api_version=CANDIDATE, at__range=(since, until))
    if lost := rows.aggregate(requests=Sum("requests"))["requests"]:
        yield ngettext(
            "%(count)d request ended with a worker that died.", "%(count)d requests ended with workers that died.", lost
        ) % {"count": lost}


def _of_spared(release: int) -> Iterator[str]:
    rows = UnitMinute.objects.filter(release=release, api_version=CANDIDATE)
    found = rows.aggregate(count=Sum("failed_over"), twice=Sum("failed_twice"))
    if spared := (found["count"] or 0) - (found["twice"] or 0):
        yield ngettext(
            "v1 answered %(count)d failed read in v2's place: its user saw no error.",
            "v1 answered %(count)d failed reads in v2's place: their users saw no error.",
            spared,
        ) % {"count": spared}
