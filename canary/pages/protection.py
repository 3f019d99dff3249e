"""The protection of v2's users: breakers; requests in flight, shed, hung, lost, failed over, refused and compared."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.db.models import Count, Sum

from canary.conf import canary_conf
from canary.core.breakers.crashes import WINDOW_S
from canary.core.values import V1, V2, VERSIONS
from canary.core.wording import duration
from canary.metrics.node import own_node
from canary.models import Crash, UnitMinute, Verdict
from canary.verbs.wording import plural

SHED: Final = "canary_shed"
HANGS: Final = "canary_hangs"
IN_FLIGHT: Final = "canary_in_flight"
SINCE_START: Final = "on this server, since it started"
ROUTES_SHOWN: Final = 3

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
    seen = [*_of_here(), _of_crashes(status, now), _of_failover(release), *_of_numbers(numbers, shadow)]
    return [_of_breakers(status, numbers), *seen] if status["weight_bp"] else seen


def trips_of(numbers: Numbers | None) -> list[dict[str, str]]:
    """Return the breakers that tripped, each with its sentence."""
    return [
        {"breaker": trip["breaker"].replace("_", " "), "sentence": trip["sentence"]}
        for trip in (numbers or {}).get("trips", ())
    ]


def here() -> Here | None:
    """None where the workers can't tell each other anything."""
    try:
        ended, living = own_node().read()
    except (OSError, ValueError):
        return None
    dumps = [*living, *([ended] if ended else [])]
    shed = sum(number for _, number in _series(dumps, "counters", SHED))
    return Here(_by_version(living, "gauges", IN_FLIGHT), int(shed), _by_version(dumps, "counters", HANGS))


def _by_version(dumps: Iterable[Numbers], kind: str, name: str) -> dict[int, int]:
    counts = dict.fromkeys(VERSIONS, 0)
    for labels, number in _series(dumps, kind, name):
        if labels and labels[0] in ("1", "2"):
            counts[int(labels[0])] += int(number)
    return counts


def _series(dumps: Iterable[Numbers], kind: str, name: str) -> Iterator[tuple[list[str], float]]:
    for dumped in dumps:
        yield from dumped[kind].get(name, ())


def _of_breakers(status: Numbers, numbers: Numbers) -> Fact:
    if status["controller"]["is_missing"]:
        return Fact("Breakers", "nobody watches", "no controller runs")
    tripped = ", ".join(trip["breaker"] for trip in trips_of(numbers))
    return Fact("Breakers", tripped or "none tripped", "the controller watches")


def _of_here() -> Iterator[Fact]:
    found = here()
    if found is not None:
        yield Fact("In flight", _both(found.in_flight), "on this server, now")
        yield Fact("No room on v2", plural(found.shed, "request", "requests"), SINCE_START)
        hint = f"no answer for {duration(canary_conf().hang_s)}; {SINCE_START}"
        yield Fact("Hung", _both(found.hangs), hint)


def _both(counts: Mapping[int, int]) -> str:
    return f"v1 {counts[V1]}, v2 {counts[V2]}"


def _of_crashes(status: Numbers, now: datetime) -> Fact:
    """As the breaker counts them."""
    declared = (status["plan"] or {}).get("max_crashes")
    most = canary_conf().limits.max_crashes if declared is None else declared
    rows = Crash.objects.filter(release=status["release"], api_version=V2)
    found = rows.filter(at__gte=now - timedelta(seconds=WINDOW_S))
    sums = found.aggregate(deaths=Count("death", distinct=True), requests=Sum("requests"))
    hint = f"while they answered v2, last {duration(WINDOW_S)}; more than {most} roll back"
    lost = f", {plural(sums['requests'], 'request', 'requests')} lost" if sums["requests"] else ""
    return Fact("Workers that died", f"{sums['deaths']}{lost}", hint)


def _of_failover(release: int) -> Fact:
    rows = UnitMinute.objects.filter(release=release, api_version=V2, failed_over__gt=0)
    sums = rows.aggregate(count=Sum("failed_over"), twice=Sum("failed_twice"))
    count, twice = sums["count"] or 0, sums["twice"] or 0
    hint = "v1 answered in v2's place, last hour" + (f"; v1 failed {twice} of them too" if twice else "")
    return Fact("Failed over", plural(count, "read", "reads"), hint)


def _of_numbers(numbers: Numbers, shadow: Numbers) -> Iterator[Fact]:
    if (refusal := numbers.get("refusal")) and refusal["events"]:
        hint = f"of {refusal['events']} with a 4xx; {refusal['expected']:.1f} expected"
        yield Fact("Users refused by v2", str(refusal["on_v2"]), hint)
    if wrong := shadow.get("refused_v2"):
        yield Fact("Wrong refusals", plural(wrong, "read", "reads"), "v1 answers what v2 refused")
    pairs = numbers.get("pairs") or {}
    if (errors := pairs.get("errors")) and errors["votes"]:
        hint = "in which one version alone failed"
        yield Fact("Failed on v2 alone", f"{errors['against']} of {plural(errors['votes'], 'pair', 'pairs')}", hint)
    for one in pairs.get("routes", ())[:ROUTES_SHOWN]:
        yield Fact("Slower on v2", f"{one['against']} of {plural(one['votes'], 'pair', 'pairs')}", one["route"])
