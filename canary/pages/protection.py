"""The protection of v2's users: breakers; requests in flight, shed, hung, lost, failed over, refused and compared."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.db.models import Count, Sum
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop, ngettext

from canary.conf import canary_conf
from canary.core.breakers.crashes import WINDOW_S
from canary.core.names import Names, in_names, names_from
from canary.core.values import CANDIDATE, STABLE, VERSIONS
from canary.core.wording import duration
from canary.metrics.node import own_node
from canary.models import Crash, UnitMinute, Verdict
from canary.pages.crossing import is_crossing
from canary.pages.speaking import spoken
from canary.state.store import current_snapshot

SHED: Final = "canary_shed"
HANGS: Final = "canary_hangs"
IN_FLIGHT: Final = "canary_in_flight"
SINCE_START: Final = gettext_noop("on this server, in all releases since it started")
ROUTES_SHOWN: Final = 3
SOON_S: Final = 60.0
"""So long after a rollback, requests of v2 may still be under way."""

type Numbers = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Fact:
    label: str
    text: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Here:
    """The counts of all workers of the server that answers this request."""

    in_flight: Mapping[int, int]
    shed: int
    hangs: Mapping[int, int]


def facts(status: Numbers, verdict: Verdict | None, shadow: Numbers, now: datetime) -> list[Fact]:
    numbers, release = verdict.numbers if verdict else {}, status["release"]
    seen = [
        *_of_gates(status),
        *_of_here(),
        _of_crashes(status, now),
        _of_failover(release),
        *_of_numbers(numbers, shadow),
        *_since_start(),
    ]
    is_exposed = status["weight_bp"] or is_crossing(status)
    return [_of_breakers(status, numbers), *seen] if is_exposed else seen


def trips_of(numbers: Numbers | None, names: Names) -> list[dict[str, str]]:
    """Return the breakers that tripped, each with its sentence."""
    return [
        {
            "breaker": spoken(trip["breaker"].replace("_", " ")),
            "sentence": spoken(in_names(f"{trip['sentence'].rstrip('.')}.", names)),
        }
        for trip in (numbers or {}).get("trips", ())
    ]


def here() -> Here | None:
    """Return the numbers; None where the workers can't share theirs."""
    try:
        ended, living = own_node().read()
    except (OSError, ValueError):
        return None
    dumps = [*living, *([ended] if ended else [])]
    shed = sum(number for _labels, number in _series(dumps, "counters", SHED))
    return Here(_by_version(living, "gauges", IN_FLIGHT), int(shed), _by_version(dumps, "counters", HANGS))


def _by_version(dumps: Iterable[Numbers], kind: str, name: str) -> dict[int, int]:
    counts, names = dict.fromkeys(VERSIONS, 0), current_snapshot().names
    for labels, number in _series(dumps, kind, name):
        if labels and (version := names.version_of(labels[0])):
            counts[version] += int(number)
    return counts


def _series(dumps: Iterable[Numbers], kind: str, name: str) -> Iterator[tuple[list[str], float]]:
    for dumped in dumps:
        yield from dumped[kind].get(name, ())


def _of_breakers(status: Numbers, numbers: Numbers) -> Fact:
    if status["controller"]["is_missing"]:
        return Fact(_("Breakers"), _("nobody watches"), _("no controller runs"))
    tripped = ", ".join(trip["breaker"] for trip in trips_of(numbers, names_from(status)))
    return Fact(_("Breakers"), tripped or _("none tripped"), _("the controller watches"))


GATE_SAYS: Final = {
    "pass": gettext_noop("passes"),
    "hold": gettext_noop("holds"),
    "harm": gettext_noop("finds harm"),
    "fault": gettext_noop("has a fault"),
    "unanswered": gettext_noop("has not answered yet"),
}


def _of_gates(status: Numbers) -> Iterator[Fact]:
    """Return what the site's own gates say; nobody is asked while nobody is on v2."""
    for one in status["gates"] if status["weight_bp"] else ():
        figure = "" if one["number"] is None else f" ({one['number']:.4g})"
        yield Fact(
            _("Gate %(name)s") % {"name": one["gate"]}, f"{_(GATE_SAYS[one['verdict']])}{figure}", one["sentence"]
        )


def _of_here() -> Iterator[Fact]:
    found = here()
    if found is not None:
        yield Fact(_("In flight"), _both(found.in_flight), _("on this server, now"))


def _since_start() -> Iterator[Fact]:
    """Return counts that don't begin with a release."""
    found = here()
    if found is not None:
        hint = _("v1 answered those of the entrance; %(where)s") % {"where": _(SINCE_START)}
        yield Fact(_("No room on v2"), _requests(found.shed), hint)
        hang = spoken(duration(canary_conf().hang_s))
        hint = _("no answer for %(duration)s; %(where)s") % {"duration": hang, "where": _(SINCE_START)}
        yield Fact(_("Hung"), _both(found.hangs), hint)


def held_here() -> int:
    """Return how many requests v2 holds on this server; 0 where no server counts."""
    found = here()
    return found.in_flight[CANDIDATE] if found is not None else 0


def held_requests(rolled_back_at: datetime, now: datetime) -> str:
    """Return a sentence about requests that v2 holds on this server after a rollback; empty without any.

    They end within a minute, or v2 hangs. Later ones are of people whom a list or a header leads to v2.
    """
    if not (count := held_here()):
        return ""
    if not is_soon(rolled_back_at, now):
        told = ngettext(
            "v2 still holds %(count)d request on this server. Unless a tester or somebody on v2's list asks right now, "
            "v2 hangs or its client is slow, and a restart of the server frees its place.",
            "v2 still holds %(count)d requests on this server. Unless testers or people on v2's list ask right now, v2 "
            "hangs or their clients are slow, and a restart of the server frees their places.",
            count,
        )
        return told % {"count": count}
    told = ngettext(
        "v2 still holds %(count)d request on this server: if it does not end within a minute, v2 hangs or its client "
        "is slow.",
        "v2 still holds %(count)d requests on this server: if they do not end within a minute, v2 hangs or their "
        "clients are slow.",
        count,
    )
    return told % {"count": count}


def is_soon(rolled_back_at: datetime, now: datetime) -> bool:
    """Return whether requests from before a rollback may still be under way."""
    return (now - rolled_back_at).total_seconds() <= SOON_S


def _requests(count: int) -> str:
    return ngettext("%(count)d request", "%(count)d requests", count) % {"count": count}


def _reads(count: int) -> str:
    return ngettext("%(count)d read", "%(count)d reads", count) % {"count": count}


def _of_pairs(part: int, count: int) -> str:
    told = ngettext("%(part)d of %(count)d pair", "%(part)d of %(count)d pairs", count)
    return told % {"part": part, "count": count}


def _both(counts: Mapping[int, int]) -> str:
    names = current_snapshot().names
    return f"v{names.stable} {counts[STABLE]}, v{names.candidate} {counts[CANDIDATE]}"


def _of_crashes(status: Numbers, now: datetime) -> Fact:
    """Return the crashes as the breaker counts them."""
    declared = (status["plan"] or {}).get("max_crashes")
    most = canary_conf().limits.max_crashes if declared is None else declared
    rows = Crash.objects.filter(release=status["release"], api_version=CANDIDATE)
    found = rows.filter(at__gte=now - timedelta(seconds=WINDOW_S))
    sums = found.aggregate(deaths=Count("death", distinct=True), requests=Sum("requests"))
    hint = _("while they answered v2, in this release and the last %(duration)s; more than %(most)d roll back") % {
        "duration": spoken(duration(WINDOW_S)),
        "most": most,
    }
    lost = _(", %(requests)s lost") % {"requests": _requests(sums["requests"])} if sums["requests"] else ""
    return Fact(_("Workers that died"), f"{sums['deaths']}{lost}", hint)


def _of_failover(release: int) -> Fact:
    rows = UnitMinute.objects.filter(release=release, api_version=CANDIDATE, failed_over__gt=0)
    sums = rows.aggregate(count=Sum("failed_over"), twice=Sum("failed_twice"))
    count, twice = sums["count"] or 0, sums["twice"] or 0
    also = _("; v1 failed %(count)d of them too") % {"count": twice} if twice else ""
    return Fact(
        _("Failed over"), _reads(count), _("v1 answered in v2's place, in this release and the last hour") + also
    )


def _of_numbers(numbers: Numbers, shadow: Numbers) -> Iterator[Fact]:
    if (refusal := numbers.get("refusal")) and refusal["events"]:
        hint = _("of %(count)d refused ones; %(expected).1f expected") % {
            "count": refusal["events"],
            "expected": refusal["expected"],
        }
        yield Fact(_("Users refused by v2"), str(refusal["on_v2"]), hint)
    if wrong := shadow.get("refused_v2"):
        yield Fact(_("Wrong refusals"), _reads(wrong), _("v1 answers what v2 refused"))
    pairs = numbers.get("pairs") or {}
    if (errors := pairs.get("errors")) and errors["votes"]:
        hint = _("in which one version alone failed")
        yield Fact(_("Failed on v2 alone"), _of_pairs(errors["against"], errors["votes"]), hint)
    for one in sorted(pairs.get("routes", ())[:ROUTES_SHOWN], key=lambda route: str(route["route"])):
        yield Fact(_("Pairs slower on v2"), _of_pairs(one["against"], one["votes"]), one["route"])
