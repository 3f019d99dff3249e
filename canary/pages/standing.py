"""The situation in a few words: first on the page of the rollout, and on its forms and other pages."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from django.db.models import Count, Max, Sum
from django.utils.translation import gettext as _

from canary.core.consumers import extended
from canary.core.lifecycle import life_from
from canary.core.values import CANDIDATE, STABLE, Snapshot
from canary.judging.judging import is_gap
from canary.models import MetricBucket, Observation, Rollout, RolloutEvent, Verdict
from canary.pages import protection
from canary.pages.guiding import guide, is_exposed
from canary.pages.situations import LEAST_FAILING, Failing, Guide
from canary.pages.speaking import spoken
from canary.shadow import results as shadow_results
from canary.state import store

LATELY: Final = timedelta(seconds=30)
MOVES: Final = ("rollback", "start", "set", "promote", "crossover start")
REMEMBERED: Final = timedelta(days=30)
JUST: Final = timedelta(hours=1)
"""So long after a rollback its requests are looked for. Later ones are of people on v2's list, or who name v2."""


def standing(known: dict[str, Any], now: datetime) -> Guide:
    """Return the situation of a status. Differences are read only where they were found."""
    verdict = Verdict.objects.filter(release=known["release"]).order_by("-at", "-pk").first()
    has_differences = bool(verdict and verdict.numbers.get("shadow_differences"))
    differences = holding(shadow_results.summary(known["release"])) if has_differences else ()
    return situation(known, store.current_snapshot(), verdict, differences, now)


def situation(
    known: dict[str, Any],
    snapshot: Snapshot,
    verdict: Verdict | None,
    differences: Sequence[Mapping[str, Any]],
    now: datetime,
) -> Guide:
    """Return the words for a status and the release's last verdict; `differences` are those that hold by now."""
    found = guide(
        known,
        verdict,
        extended=len(extended(life_from(known["life"]), now.timestamp())),
        allowed=len(snapshot.allowed),
        differences=differences,
        failing=_failing_now(known, now) if is_exposed(known) else None,
    )
    if (found.mood, found.action) == ("info", "start") and not known["weight_bp"]:
        return _with_held(found, now)
    # Failed repeats alone are harm with the differences as its place.
    is_of_repeats = (found.mood, found.place) == ("harm", "shadow")
    return _with_readers(found, known["release"]) if is_of_repeats else found


def holding(shadow: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the differences that hold a step, those that nobody has accepted, each beside its route's comparisons."""
    compared = {row["route"]: sum(row[result] for result in shadow_results.COMPARED) for row in shadow["routes"]}
    return [
        {**one, "compared": compared.get(one["route"], one["count"])}
        for one in shadow["differences"]
        if one["accepted"] is None and is_gap(one["kind"], one["count"])
    ]


def why_of(event: RolloutEvent) -> str:
    """Return why something was done: the first clause of a verdict without its evidence, a person's reason whole."""
    if (event.evidence or {}).get("kind") in Verdict.Kind.values:
        return spoken(event.reason.partition(" (evidence")[0].partition("; ")[0].rstrip("."))
    return spoken(event.reason)


def last_rollback(now: datetime) -> str:
    """Return when and why v2 was rolled back, if that was within REMEMBERED and nothing was started since."""
    changes = RolloutEvent.objects.filter(verb__in=("rollback", "start"), at__gte=now - REMEMBERED)
    event = changes.filter(at__gte=Rollout.began_at()).order_by("-version").first()
    if event is None or event.verb != "rollback":
        return ""
    told = _("v2 was rolled back last at %(at)s: %(reason)s")
    return told % {"at": f"{event.at.astimezone(UTC):%Y-%m-%d %H:%M} UTC", "reason": why_of(event)}


def _with_readers(guide: Guide, release: int) -> Guide:
    """Return the words with the people whose reads v2 alone failed in repeats, counted now, and when it was last."""
    rows = Observation.objects.filter(release=release, metric="pair_error", api_version=CANDIDATE)
    found = rows.aggregate(reads=Count("pk"), users=Count("unit", distinct=True), last_at=Max("at"))
    if not found["reads"]:
        return guide
    title = _("Do not start before v2 is repaired: it failed %(reads)d reads of %(users)d users that v1 answered")
    if found["users"] == 1:
        title = _("Do not start before v2 is repaired: it failed %(reads)d reads of one user that v1 answered")
    todo = _(
        "Shadow reads repeat reads of v1 on v2 at any weight. The last failure was at %(at)s UTC. Repair v2, then "
        "start: a new plan begins a new count."
    ) % {"at": f"{found['last_at'].astimezone(UTC):%Y-%m-%d %H:%M:%S}"}
    return replace(guide, title=title % found, next=todo)


def _with_held(guide: Guide, now: datetime) -> Guide:
    """Return the words with the requests that v2 still holds after a rollback that somebody has just acknowledged."""
    if not protection.held_here():
        return guide  # the usual case costs no query
    of_journey = RolloutEvent.objects.filter(at__gte=Rollout.began_at())
    event = of_journey.filter(verb__in=MOVES).order_by("-version").first()
    if event is None or event.verb != "rollback" or event.at < now - JUST:
        return guide
    if not (held := protection.held_requests(event.at, now)):
        return guide
    title = _("Nothing has started, and v2 still holds requests")
    return replace(guide, mood="hold", title=title, next=f"{held} {_('Start a plan once they have ended.')}")


def _failing_now(known: Mapping[str, Any], now: datetime) -> Failing | None:
    """Return v2's last requests of this stage beside v1's; None unless most of v2's failed."""
    rows = MetricBucket.objects.filter(
        release=known["release"], stage=known["stage"], judged=True, start_at__gte=now - LATELY
    )
    sums = rows.values_list("api_version").annotate(errors=Sum("status_5xx"), count=Sum("requests"))
    found = {version: (errors, count) for version, errors, count in sums}
    errors, count = found.get(CANDIDATE, (0, 0))
    if errors < LEAST_FAILING or 2 * errors < count:
        return None
    return Failing(errors, count, *found.get(STABLE, (0, 0)))
