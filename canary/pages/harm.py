"""The harm of a rolled-back release in a few sentences: requests, waits, deaths, people, and who was spared.

They are facts, each with v1's beside it where both versions can fail. None of them says that v2 is sound.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, Final

from django.db.models import Count, Min, Q, Sum
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from canary.conf import canary_conf
from canary.core.values import CANDIDATE, STABLE
from canary.core.wording import duration
from canary.models import Crash, MetricBucket, Observation, UnitMinute
from canary.pages.situations import said_of_worst
from canary.pages.speaking import spoken
from canary.recording import aggregation
from canary.recording.aggregation import RouteTotals

BEFORE: Final = timedelta(hours=1)
AFTER: Final = timedelta(minutes=5)
"""Requests that were under way end, or are given up, within this time."""
ROUTES_SHOWN: Final = 3
KEPT_S: Final = 20
"""The page asks every few seconds, and the figures of many users take a second."""
KEPT_AT_FIRST_S: Final = 5
FIRST_S: Final = 60
LONGEST_S: Final = 300.0
"""Histograms hold no longer waits."""


@dataclass(frozen=True, slots=True)
class Part:
    """How many of so many, of one version."""

    some: int = 0
    all: int = 0

    def is_alike(self, other: "Part") -> bool:
        """Return whether the other version's share is half of this one's or more."""
        return bool(other.some) and 2 * other.some * self.all >= self.some * other.all


@dataclass(frozen=True, slots=True)
class Harm:
    """Requests from the hour before the rollback until AFTER it, except where the whole release is named."""

    since: datetime | None
    """When the first judged failure of v2 was, as exactly as it is kept; None without any."""
    routes: tuple[RouteTotals, ...]
    """Judged requests of both versions since then, the route with most failures of v2 first."""
    earlier: int
    """Judged failures of v2 in this release before that."""
    unjudged: Part
    """Failures of v2 among its requests that no verdict counts."""
    slow: int
    """Requests that took CANARY_HANG_S or longer."""
    lost: Mapping[int, int]
    """Requests that ended with a process that died, in the whole release, by version. One death may end both."""
    failing: Mapping[int, Part]
    refused: Mapping[int, Part]
    """Users of the whole release with an error or a refusal, by version."""
    spared: int
    """Failed reads that v1 answered; none is known an hour later."""

    def of(self, version: int) -> Part:
        """Return how many of a version's requests failed."""
        return Part(sum(one.errors[version] for one in self.routes), sum(one.requests[version] for one in self.routes))

    @property
    def is_shared(self) -> bool:
        return self.of(CANDIDATE).is_alike(self.of(STABLE))

    @property
    def is_refusal(self) -> bool:
        """Return whether v2 refuses more people: some refusals are ordinary."""
        refused, other = self.refused[CANDIDATE], self.refused[STABLE]
        return bool(refused.some and other.all) and not refused.is_alike(other)

    @property
    def is_none(self) -> bool:
        failures = (
            self.routes,
            self.earlier,
            self.unjudged.some,
            self.slow,
            self.lost[CANDIDATE],
            self.failing[CANDIDATE].some,
        )
        return not any(failures) and not self.is_refusal


def harm_of(release: int, rolled_back_at: datetime, now: datetime) -> Harm:
    """Return the figures; those of a few seconds ago are good enough."""
    age_s = (now - rolled_back_at).total_seconds()
    turn = int(now.timestamp()) // (KEPT_AT_FIRST_S if age_s < FIRST_S else KEPT_S)
    return _known(release, rolled_back_at, turn, age_s < BEFORE.total_seconds())


@lru_cache(maxsize=8)
def _known(release: int, at: datetime, turn: int, are_minutes_kept: bool) -> Harm:
    # Older rows are sums of whole hours, which begin with the hour.
    begin, end = (at - BEFORE).replace(minute=0, second=0, microsecond=0), at + AFTER
    within = Q(start_at__gte=begin)
    rows = MetricBucket.objects.filter(release=release, api_version=CANDIDATE, start_at__lt=end)
    found = rows.aggregate(
        since=Min("start_at", filter=within & Q(judged=True, status_5xx__gt=0)),
        earlier=Sum("status_5xx", filter=Q(start_at__lt=begin, judged=True), default=0),
        unjudged=Sum("status_5xx", filter=within & Q(judged=False), default=0),
        unjudged_all=Sum("requests", filter=within & Q(judged=False), default=0),
    )
    since = found["since"]
    routes = [] if since is None else aggregation.per_route(since, release, until=end)
    crashes = Crash.objects.filter(release=release, at__lt=end).values_list("api_version")
    lost = {STABLE: 0, CANDIDATE: 0, **dict(crashes.annotate(requests=Sum("requests")))}
    # A death that was found late looks like a wait.
    slow = aggregation.slow_requests(begin, release, CANDIDATE, 1_000 * canary_conf().hang_s, until=end)
    failing, refused = _people(release)
    return Harm(
        since,
        tuple(sorted(routes, key=lambda one: -one.errors[CANDIDATE])),
        found["earlier"],
        Part(found["unjudged"], found["unjudged_all"]),
        max(0, slow - lost[CANDIDATE]),
        lost,
        failing,
        refused,
        _spared(release, begin, end) if are_minutes_kept else 0,
    )


def _people(release: int) -> tuple[dict[int, Part], dict[int, Part]]:
    counted = Observation.objects.filter(release=release).values("api_version")
    rows = counted.annotate(
        users=Count("unit", distinct=True, filter=Q(metric="seen")),
        failing=Count("unit", distinct=True, filter=Q(metric="error")),
        refused=Count("unit", distinct=True, filter=Q(metric="refusal")),
    )
    by_version = {row["api_version"]: row for row in rows}
    none = {"users": 0, "failing": 0, "refused": 0}
    failing, refused = (
        {
            version: Part(by_version.get(version, none)[name], by_version.get(version, none)["users"])
            for version in (STABLE, CANDIDATE)
        }
        for name in ("failing", "refused")
    )
    return failing, refused


def _spared(release: int, begin: datetime, end: datetime) -> int:
    rows = UnitMinute.objects.filter(
        release=release, api_version=CANDIDATE, failed_over__gt=0, start_at__gte=begin, start_at__lt=end
    )
    sums = rows.aggregate(count=Sum("failed_over", default=0), twice=Sum("failed_twice", default=0))
    return int(sums["count"] - sums["twice"])


def todo_after(rollback: Mapping[str, Any], harm: Harm, differences: Sequence[Mapping[str, Any]]) -> str:
    """Return what to do after a rollback where that is not to repair v2; empty where it is.

    Somebody who rolls back has a reason that the figures need not show.
    """
    if harm.is_shared:
        return _(
            "v1 failed as well: look first at what both versions use, such as the database. Then acknowledge the "
            "rollback. Until then, nobody and no restart can change the weight."
        )
    if not rollback["is_by_hand"]:
        return ""
    if differences:
        told = _("Responses differ: %(difference)s Repair v2 or accept that before another plan.")
        return told % {"difference": said_of_worst(differences)}
    if harm.is_none:
        return _(
            "Acknowledge the rollback once its reason is gone. Until then, nobody and no restart can change the weight."
        )
    return ""


def harm_sentences(harm: Harm, now: datetime, *, are_held: bool = False) -> list[str]:
    """Return what the release did to its users; `are_held` says that v2 may still have requests of this server."""
    return [
        *_of_requests(harm, now),
        *_of_waits(harm, are_held=are_held),
        *_of_people(harm),
        *_of_spared(harm),
    ]


def _of_requests(harm: Harm, now: datetime) -> Iterator[str]:
    """Return how many requests failed since the first of them, and where; deaths first, which explain the others."""
    if harm.lost[CANDIDATE]:
        yield _of_deaths(harm.lost)
    if harm.since is not None:
        yield _of_judged(harm, harm.since, now)
        if (other := harm.of(STABLE)).all:
            told = _("v1 failed %(errors)d of its %(count)d requests in that time.")
            yield told % {"errors": other.some, "count": other.all}
    if harm.earlier:
        yield ngettext(
            "Earlier in this release v2 failed %(count)d request.",
            "Earlier in this release v2 failed %(count)d requests.",
            harm.earlier,
        ) % {"count": harm.earlier}
    if harm.unjudged.some:
        told = _(
            "v2 failed %(errors)d of %(count)d requests that no verdict counts, such as those of testers and bots."
        )
        yield told % {"errors": harm.unjudged.some, "count": harm.unjudged.all}


def _of_deaths(lost: Mapping[int, int]) -> str:
    numbers = {"count": lost[CANDIDATE], "other": lost[STABLE]}
    if lost[STABLE]:
        told = _(
            "%(count)d requests of v2 and %(other)d of v1 ended with workers that died: the logs of the servers tell "
            "why."
        )
        return told % numbers
    return (
        ngettext(
            "%(count)d request ended with a worker that died: the logs of the servers tell why.",
            "%(count)d requests ended with workers that died: the logs of the servers tell why.",
            lost[CANDIDATE],
        )
        % numbers
    )


def _of_judged(harm: Harm, since: datetime, now: datetime) -> str:
    failed, failing = harm.of(CANDIDATE), [one for one in harm.routes if one.errors[CANDIDATE]]
    begin = since.astimezone(UTC)
    numbers = {
        "count": failed.all,
        "errors": failed.some,
        "at": f"{begin:%H:%M} UTC" if begin.date() == now.astimezone(UTC).date() else f"{begin:%Y-%m-%d %H:%M} UTC",
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
    """Return how many people v2 failed; where nobody was seen, there is nothing to tell."""
    failing, other = harm.failing[CANDIDATE], harm.failing[STABLE]
    if failing.some:
        told = ngettext(
            "In this release v2 failed %(failing)d of its %(count)d user.",
            "In this release v2 failed %(failing)d of its %(count)d users.",
            failing.all,
        )
        if other.all:
            told = _("In this release v2 failed %(failing)d of its %(count)d users, v1 %(other)d of %(all)d.")
        yield told % {"failing": failing.some, "count": failing.all, "other": other.some, "all": other.all}
    if harm.is_refusal:
        refused, other = harm.refused[CANDIDATE], harm.refused[STABLE]
        told = _("v2 refused a request of %(refused)d of its %(count)d users, v1 of %(other)d of %(all)d.")
        yield told % {"refused": refused.some, "count": refused.all, "other": other.some, "all": other.all}


def _of_spared(harm: Harm) -> Iterator[str]:
    if harm.spared and harm.of(CANDIDATE).some:  # those of a minute are not written at the same time
        count = min(harm.spared, harm.of(CANDIDATE).some)
        yield ngettext(
            "v1 answered %(count)d failed read in v2's place, so its user saw no error there.",
            "v1 answered %(count)d failed reads in v2's place, so their users saw no error there.",
            count,
        ) % {"count": count}
