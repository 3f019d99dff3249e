"""The harm of a rolled-back release in a few sentences: requests, waits, deaths, people, and who was spared.

They are facts, each with v1's beside it where both versions can fail. None of them says that v2 is sound.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, Final

from django.db.models import Count, Min, QuerySet, Sum
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from canary.conf import canary_conf
from canary.core.values import CANDIDATE, STABLE
from canary.core.wording import duration
from canary.models import Crash, MetricBucket, Observation, UnitMinute
from canary.pages.speaking import spoken
from canary.recording import aggregation
from canary.recording.aggregation import RouteTotals

BEFORE: Final = timedelta(hours=1)
AFTER: Final = timedelta(minutes=5)
"""Requests that were under way end, or are given up, within this time."""
ROUTES_SHOWN: Final = 3
KEPT_S: Final = 10
"""The page asks every few seconds, and the figures of many users take a second."""
LONGEST_S: Final = 300.0
"""Histograms hold no longer waits."""
NOTABLE: Final = 10
NOTABLE_SHARE: Final = 0.05
"""So many failures of v1, and such a share of its requests, may have a cause that v2 shares or is."""


@dataclass(frozen=True, slots=True)
class Part:
    """How many of so many, of one version."""

    some: int = 0
    all: int = 0


@dataclass(frozen=True, slots=True)
class Harm:
    """From the hour before the rollback: v1's requests until it, v2's until AFTER it."""

    since: datetime | None
    """When the first judged failure of v2 was, as exactly as it is kept; None without any."""
    routes: tuple[RouteTotals, ...]
    """Judged requests since then, the route with most failures of v2 first."""
    stable: Part
    """Judged failures of v1 since then."""
    unjudged: Mapping[int, Part]
    """Failures by version among requests that no verdict counts."""
    slow: int
    """Requests of v2 that took CANARY_HANG_S or longer."""
    lost: Mapping[int, int]
    """Requests that ended with a process that died, by version. One death may end both."""
    users: Part
    """People of the whole release with an error on v2."""
    spared: int
    """Failed reads that v1 answered; none is known an hour later."""

    @property
    def candidate(self) -> Part:
        """Return how many of v2's judged requests failed since the first."""
        requests, errors = (
            sum(getattr(one, name)[CANDIDATE] for one in self.routes) for name in ("requests", "errors")
        )
        return Part(errors, requests)

    @property
    def is_of_both(self) -> bool:
        """Return whether v1 failed notably too, not counting what died in workers beside requests of v2."""
        return self.stable.some - self.stable_lost >= max(NOTABLE, NOTABLE_SHARE * self.stable.all)

    @property
    def stable_lost(self) -> int:
        """Return how many requests of v1 died in workers beside requests of v2."""
        return self.lost[STABLE] if self.lost[CANDIDATE] else 0


def harm_of(release: int, rolled_back_at: datetime, now: datetime) -> Harm:
    """Return the figures; those of a few seconds ago are good enough."""
    are_minutes_kept = now - rolled_back_at < BEFORE
    return _known(release, rolled_back_at, int(now.timestamp()) // KEPT_S, are_minutes_kept)


@lru_cache(maxsize=8)
def _known(release: int, at: datetime, turn: int, are_minutes_kept: bool) -> Harm:
    # Older rows are sums of whole hours, which begin with the hour.
    begin, end = (at - BEFORE).replace(minute=0, second=0, microsecond=0), at + AFTER
    rows = MetricBucket.objects.filter(release=release, start_at__gte=begin)
    of_v2, of_v1 = (
        rows.filter(api_version=CANDIDATE, start_at__lt=end),
        rows.filter(api_version=STABLE, start_at__lt=at),
    )
    since = of_v2.filter(judged=True, status_5xx__gt=0).aggregate(at=Min("start_at"))["at"]
    routes = [] if since is None else aggregation.per_route(since, release, until=end)
    crashes = Crash.objects.filter(release=release, at__gte=begin, at__lt=end).values_list("api_version")
    lost = {STABLE: 0, CANDIDATE: 0, **dict(crashes.annotate(requests=Sum("requests")))}
    # A death that was found late looks like a wait.
    slow = aggregation.slow_requests(begin, release, CANDIDATE, 1_000 * canary_conf().hang_s, until=end)
    return Harm(
        since,
        tuple(sorted(routes, key=lambda one: -one.errors[CANDIDATE])),
        Part() if since is None else _failed(of_v1.filter(judged=True, start_at__gte=since)),
        {STABLE: _failed(of_v1.filter(judged=False)), CANDIDATE: _failed(of_v2.filter(judged=False))},
        max(0, slow - lost[CANDIDATE]),
        lost,
        _people(release),
        _spared(release, begin, end) if are_minutes_kept else 0,
    )


def _failed(rows: QuerySet[MetricBucket]) -> Part:
    sums = rows.aggregate(errors=Sum("status_5xx", default=0), requests=Sum("requests", default=0))
    return Part(sums["errors"], sums["requests"])


def _people(release: int) -> Part:
    seen = Observation.objects.filter(release=release, api_version=CANDIDATE, metric__in=("seen", "error"))
    counts = dict(seen.values_list("metric").annotate(units=Count("unit", distinct=True)))
    return Part(counts.get("error", 0), counts.get("seen", 0))


def _spared(release: int, begin: datetime, end: datetime) -> int:
    rows = UnitMinute.objects.filter(
        release=release, api_version=CANDIDATE, failed_over__gt=0, start_at__gte=begin, start_at__lt=end
    )
    sums = rows.aggregate(count=Sum("failed_over", default=0), twice=Sum("failed_twice", default=0))
    return int(sums["count"] - sums["twice"])


def todo_after(
    rollback: Mapping[str, Any], harm: Harm, differences: Sequence[Mapping[str, Any]], *, is_stuck: bool = False
) -> str:
    """Return what to do after a rollback where that is more than to repair v2; empty elsewhere.

    Somebody who rolls back has a reason that the figures need not show. `is_stuck` says that v2 still holds requests a
    minute later.
    """
    until = _("Until then, nobody and no restart can change the weight.")
    if rollback["is_by_hand"]:
        done = _("Acknowledge the rollback once its reason is gone.")
        differs = _("Repair v2 or accept the difference before another plan.") if differences else ""
        return " ".join(filter(None, (differs, done, until)))
    if harm.is_of_both:
        told = _(
            "Repair the cause, which may be v2 or something that both versions use. Then acknowledge the rollback."
        )
        return f"{told} {until}"
    if harm.slow and is_stuck:
        told = _(
            "Restart the server: that frees the places that v2 holds. Then repair v2 and acknowledge the rollback."
        )
        return f"{told} {until}"
    if harm.lost[CANDIDATE]:
        told = _(
            "Check that the site answers again. Find in the logs of the servers why workers died, repair v2, then "
            "acknowledge the rollback."
        )
        return f"{told} {until}"
    if harm.slow and harm.candidate.some:
        told = _("Find what v2 waited for, such as the database or another service. Repair v2, then acknowledge.")
        return f"{told} {until}"
    if harm.candidate.some:
        told = _("Find v2's errors in the logs of the servers. Repair v2, then acknowledge the rollback.")
        return f"{told} {until}"
    return ""


def title_of(harm: Harm, usual: str, *, is_stuck: bool = False) -> str:
    """Return the title of a rollback with how v2 did harm, where the figures tell."""
    if harm.lost[CANDIDATE]:
        return _("%(title)s. v2 took workers down") % {"title": usual}
    if harm.slow and is_stuck:
        return _("%(title)s. v2 hangs") % {"title": usual}
    if harm.slow and harm.candidate.some:
        return _("%(title)s. v2 was slow or hung") % {"title": usual}
    if 2 * harm.candidate.some > harm.candidate.all and not harm.is_of_both:
        return _("%(title)s. v2 failed requests") % {"title": usual}
    return usual


def harm_sentences(harm: Harm, now: datetime, *, are_held: bool = False) -> list[str]:
    """Return what the release did to its users; `are_held` says that v2 may still have requests of this server."""
    return [
        *_of_deaths(harm.lost),
        *_of_waits(harm, are_held=are_held),
        *_of_requests(harm, now),
        *_of_people(harm),
        *_of_spared(harm),
    ]


def _of_requests(harm: Harm, now: datetime) -> Iterator[str]:
    """Return how many requests failed since the first of them, and where."""
    if harm.since is not None:
        yield _of_judged(harm, harm.since, now)
        if harm.stable.all and (harm.stable.some > harm.stable_lost or not harm.stable_lost):
            told = _("v1 failed %(errors)d of its %(count)d requests in that time.")
            yield told % {"errors": harm.stable.some, "count": harm.stable.all}
        elif harm.stable.all:
            yield _("v1 failed no other request in that time.")
    if (unjudged := harm.unjudged[CANDIDATE]).some:
        other = harm.unjudged[STABLE]
        numbers = {"errors": unjudged.some, "count": unjudged.all, "other": other.some, "all": other.all}
        told = _("v2 failed %(errors)d of %(count)d requests that no verdict counts, v1 %(other)d of %(all)d.")
        yield told % numbers


def _of_deaths(lost: Mapping[int, int]) -> Iterator[str]:
    if not lost[CANDIDATE]:
        return
    told = ngettext(
        "%(count)d request was lost with a worker that died.",
        "%(count)d requests were lost with workers that died.",
        lost[CANDIDATE],
    )
    if lost[STABLE]:
        told = _(
            "%(count)d requests of v2 and %(other)d of v1 were lost with workers that died: both versions share them."
        )
    yield told % {"count": lost[CANDIDATE], "other": lost[STABLE]}


def _of_judged(harm: Harm, since: datetime, now: datetime) -> str:
    failed, failing = harm.candidate, [one for one in harm.routes if one.errors[CANDIDATE]]
    begin = since.astimezone(UTC)
    is_today = begin.date() == now.astimezone(UTC).date()
    numbers = {
        "count": failed.all,
        "errors": failed.some,
        "at": f"{begin:%H:%M:%S} UTC" if is_today else f"{begin:%Y-%m-%d %H:%M:%S} UTC",
        "routes": ", ".join(_of_route(one) for one in failing[:ROUTES_SHOWN]),
    }
    if failed.some < failed.all:
        told = _("v2 failed %(errors)d of its %(count)d requests since %(at)s: %(routes)s.")
        if len(failing) > ROUTES_SHOWN:
            told = _("v2 failed %(errors)d of its %(count)d requests since %(at)s, among them %(routes)s.")
        return told % numbers
    if len(failing) > ROUTES_SHOWN:
        return _("v2 failed all of its %(count)d requests since %(at)s, among them %(routes)s.") % numbers
    told = ngettext(
        "v2 failed its only request since %(at)s: %(routes)s.",
        "v2 failed all of its %(count)d requests since %(at)s: %(routes)s.",
        failed.all,
    )
    return told % numbers


def _of_route(one: RouteTotals) -> str:
    numbers = {"route": one.route, "errors": one.errors[CANDIDATE], "count": one.requests[CANDIDATE]}
    return _("%(route)s (%(errors)d of %(count)d)") % numbers


def _of_waits(harm: Harm, *, are_held: bool) -> Iterator[str]:
    if not harm.slow or canary_conf().hang_s > LONGEST_S:
        return
    told = ngettext(
        "%(count)d request of v2 took %(duration)s or longer.",
        "%(count)d requests of v2 took %(duration)s or longer.",
        harm.slow,
    )
    yield told % {"count": harm.slow, "duration": spoken(duration(canary_conf().hang_s))}
    if not are_held:
        yield _("None of them is left on this server, so it needs no restart.")


def _of_people(harm: Harm) -> Iterator[str]:
    if harm.users.some and harm.users.all == 1:
        yield _("The only user of v2 in this release had a request that it failed.")
    elif harm.users.some:
        told = _("In this release %(failing)d of %(count)d users of v2 had a request that it failed.")
        yield told % {"failing": harm.users.some, "count": harm.users.all}


def _of_spared(harm: Harm) -> Iterator[str]:
    if harm.spared and harm.candidate.some:  # those of a minute are not written at the same time
        count = min(harm.spared, harm.candidate.some)
        told = ngettext(
            "v1 answered %(count)d failed read in v2's place, so its user saw no error there.",
            "v1 answered %(count)d failed reads in v2's place, so their users saw no error there.",
            count,
        )
        if harm.slow >= count and harm.candidate.some == harm.candidate.all:
            told = ngettext(
                "v1 answered %(count)d failed read in v2's place: its user waited, but saw no error there.",
                "v1 answered %(count)d failed reads in v2's place: their users waited, but saw no error there.",
                count,
            )
        yield told % {"count": count}
