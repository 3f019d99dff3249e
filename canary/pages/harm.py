"""The harm of a rolled-back release in a few sentences: requests, waits, deaths, people, and who was spared."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, Final

from django.db.models import Count, Q, Sum
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from canary.conf import canary_conf
from canary.core.values import CANDIDATE
from canary.core.wording import duration
from canary.models import Crash, MetricBucket, Observation, UnitMinute
from canary.pages.guiding import said_of_worst
from canary.pages.speaking import spoken
from canary.recording import aggregation
from canary.recording.aggregation import RouteTotals, Step

BEFORE: Final = timedelta(hours=1)
AFTER: Final = timedelta(minutes=5)
"""Requests that were under way end, or are given up, within this time."""
ROUTES_SHOWN: Final = 3
LATELY: Final = timedelta(seconds=30)
LEAST_FAILING: Final = 3
KEPT_S: Final = 20
"""The page asks every few seconds, and the figures of many users take a second."""


@dataclass(frozen=True, slots=True)
class Harm:
    """Requests since the hour before the rollback began, except where the whole release is named."""

    since: datetime | None
    """When the first failure was, as exactly as it is kept; None without any."""
    routes: tuple[RouteTotals, ...]
    slow: int
    """Requests without an answer for CANARY_HANG_S."""
    lost: int
    """Requests that ended with a process that died, in the whole release."""
    users: int
    failing: int
    refused: int
    """People of the whole release, and those of them with an error or a refusal on v2."""
    spared: int
    """Failed reads that v1 answered."""

    @property
    def errors(self) -> int:
        return sum(one.errors[CANDIDATE] for one in self.routes)

    @property
    def is_none(self) -> bool:
        return not (self.errors or self.slow or self.lost or self.failing or self.refused)


def harm_of(release: int, rolled_back_at: datetime, now: datetime) -> Harm:
    """Return the figures; those of a few seconds ago are good enough."""
    return _known(release, rolled_back_at, int(now.timestamp()) // KEPT_S)


@lru_cache(maxsize=8)
def _known(release: int, at: datetime, turn: int) -> Harm:
    # Older rows are sums of whole hours, which begin with the hour.
    begin = (at - BEFORE).replace(minute=0, second=0, microsecond=0)
    rows = MetricBucket.objects.filter(release=release, api_version=CANDIDATE, start_at__gte=begin)
    since = rows.filter(status_5xx__gt=0).order_by("start_at").values_list("start_at", flat=True).first()
    routes = [] if since is None else aggregation.per_route(since, release, judged=None)
    crashes = Crash.objects.filter(release=release, api_version=CANDIDATE, at__lte=at + AFTER)
    people = Observation.objects.filter(release=release, api_version=CANDIDATE).aggregate(
        users=Count("unit", distinct=True, filter=Q(metric="seen")),
        failing=Count("unit", distinct=True, filter=Q(metric="error")),
        refused=Count("unit", distinct=True, filter=Q(metric="refusal")),
    )
    again = UnitMinute.objects.filter(release=release, api_version=CANDIDATE, failed_over__gt=0, start_at__gte=begin)
    sums = again.aggregate(count=Sum("failed_over"), twice=Sum("failed_twice"))
    return Harm(
        since,
        tuple(sorted(routes, key=lambda one: -one.errors[CANDIDATE])),
        aggregation.slow_requests(begin, release, CANDIDATE, 1_000 * canary_conf().hang_s),
        crashes.aggregate(requests=Sum("requests"))["requests"] or 0,
        **people,
        spared=(sums["count"] or 0) - (sums["twice"] or 0),
    )


def todo_unharmed(rollback: Mapping[str, Any], differences: Sequence[Mapping[str, Any]]) -> str:
    """Return what to do after the rollback of a release in which no request failed; empty where a breaker tells."""
    if rollback["trips"]:
        return ""
    if rollback["is_by_hand"] and differences:
        told = _(
            "No request failed, but responses differ: %(difference)s Repair v2 or accept that before another plan."
        )
        return told % {"difference": said_of_worst(differences)}
    if rollback["is_by_hand"]:
        return _("Nothing failed on v2. Acknowledge the rollback when another plan may start.")
    return _(
        "No user's request failed. If servers had just started, acknowledge the rollback and start again. If it comes "
        "back, look at the routes and repair v2."
    )


def failing_now(steps: Iterable[Step], now: datetime) -> tuple[int, int] | None:
    """Return how many of the candidate's last requests failed, and how many there were; None unless most did."""
    lately = [step for step in steps if step.at >= now - LATELY]
    errors, count = (sum(getattr(step, name)[CANDIDATE] for step in lately) for name in ("errors", "requests"))
    return (errors, count) if errors >= LEAST_FAILING and 2 * errors >= count else None


def harm_sentences(harm: Harm, *, are_held: bool = False) -> list[str]:
    """Return what the release did to its users; `are_held` says that v2 may still have requests of this server."""
    return [*_of_requests(harm), *_of_waits(harm, are_held=are_held), *_of_people(harm), *_of_spared(harm)]


def _of_requests(harm: Harm) -> Iterator[str]:
    """Return how many requests failed since the first of them, and where."""
    if harm.since is not None:
        numbers = {
            "count": sum(one.requests[CANDIDATE] for one in harm.routes),
            "errors": harm.errors,
            "at": f"{harm.since.astimezone(UTC):%H:%M} UTC",
            "routes": ", ".join(_of_route(one) for one in harm.routes[:ROUTES_SHOWN] if one.errors[CANDIDATE]),
        }
        told = _("v2 failed %(errors)d of its %(count)d requests since %(at)s, most of them on %(routes)s.")
        if harm.errors == numbers["count"]:
            told = ngettext(
                "v2 failed its only request since %(at)s: %(routes)s.",
                "v2 failed all of its %(count)d requests since %(at)s: %(routes)s.",
                harm.errors,
            )
        yield told % numbers
    if harm.lost:
        yield ngettext(
            "%(count)d request ended with a worker that died: the logs of the servers tell why.",
            "%(count)d requests ended with workers that died: the logs of the servers tell why.",
            harm.lost,
        ) % {"count": harm.lost}


def _of_route(one: RouteTotals) -> str:
    numbers = {"route": one.route, "errors": one.errors[CANDIDATE], "count": one.requests[CANDIDATE]}
    return _("%(route)s (%(errors)d of %(count)d)") % numbers


def _of_waits(harm: Harm, *, are_held: bool) -> Iterator[str]:
    if not harm.slow:
        return
    told = ngettext(
        "%(count)d request got no answer for %(duration)s.",
        "%(count)d requests got no answer for %(duration)s.",
        harm.slow,
    )
    yield told % {"count": harm.slow, "duration": spoken(duration(canary_conf().hang_s))}
    if (sooner := harm.errors - harm.slow) > 0:
        yield ngettext("%(count)d failed sooner.", "%(count)d failed sooner.", sooner) % {"count": sooner}
    if not are_held:
        yield _("None of them is left on this server: v2 was blocked or slow, and a restart is not needed.")


def _of_people(harm: Harm) -> Iterator[str]:
    """Return how many people v2 failed; where nobody was seen, there is nothing to tell."""
    if not harm.users:
        return
    if harm.is_none:
        yield _("v2 failed none of its users in this release.")
    numbers = {"count": harm.users, "failing": harm.failing, "refused": harm.refused}
    if harm.failing:
        yield (
            ngettext(
                "In this release v2 failed %(failing)d of its %(count)d user.",
                "In this release v2 failed %(failing)d of its %(count)d users.",
                harm.users,
            )
            % numbers
        )
    if harm.refused:
        yield (
            ngettext(
                "v2 refused a request of %(refused)d of its %(count)d user.",
                "v2 refused a request of %(refused)d of its %(count)d users.",
                harm.users,
            )
            % numbers
        )


def _of_spared(harm: Harm) -> Iterator[str]:
    if harm.spared and harm.errors:  # those of a minute are not written at the same time
        yield ngettext(
            "v1 answered %(count)d failed read in v2's place, so its user saw no error there.",
            "v1 answered %(count)d failed reads in v2's place, so their users saw no error there.",
            min(harm.spared, harm.errors),
        ) % {"count": min(harm.spared, harm.errors)}
