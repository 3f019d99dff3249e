"""The protection of v2's users: requests in flight, shed, failed over, refused and compared, and breakers."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.db.models import Sum

from canary.core.values import V1, V2
from canary.metrics.node import own_node
from canary.models import UnitMinute, Verdict
from canary.verbs.wording import plural

SHED: Final = "canary_shed"
IN_FLIGHT: Final = "canary_in_flight"
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


def facts(release: int, verdict: Verdict | None, shadow: Numbers) -> list[Fact]:
    return [*_of_here(), _of_failover(release), *_of_numbers(verdict.numbers if verdict else {}, shadow)]


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
    counts = dict.fromkeys((V1, V2), 0)
    for name, number in _series(living, "gauges", IN_FLIGHT):
        if name and name[0] in ("1", "2"):
            counts[int(name[0])] += int(number)
    shed = sum(number for _, number in _series([*living, *([ended] if ended else [])], "counters", SHED))
    return Here(counts, int(shed))


def _series(dumps: Iterable[Numbers], kind: str, name: str) -> Iterator[tuple[list[str], float]]:
    for dumped in dumps:
        yield from dumped[kind].get(name, ())


def _of_here() -> Iterator[Fact]:
    found = here()
    if found is not None:
        yield Fact("In flight", f"v1 {found.in_flight[V1]}, v2 {found.in_flight[V2]}", "on this server, now")
        yield Fact("No room on v2", plural(found.shed, "request", "requests"), "on this server, since it started")


def _of_failover(release: int) -> Fact:
    rows = UnitMinute.objects.filter(release=release, api_version=V2, failed_over__gt=0)
    sums = rows.aggregate(count=Sum("failed_over"), twice=Sum("failed_twice"))
    count, twice = sums["count"] or 0, sums["twice"] or 0
    hint = "v1 answered in v2's place, last hour" + (f"; v1 failed {twice} of them too" if twice else "")
    return Fact("Failed over", plural(count, "read", "reads"), hint)


def _of_numbers(numbers: Numbers, shadow: Numbers) -> Iterator[Fact]:
    if refusal := numbers.get("refusal"):
        hint = f"of {refusal['events']} with a 4xx; {refusal['expected']:.1f} expected"
        yield Fact("Users refused by v2", str(refusal["on_v2"]), hint)
    if wrong := shadow.get("refused_v2"):
        yield Fact("Wrong refusals", plural(wrong, "read", "reads"), "v1 answers what v2 refused")
    pairs = numbers.get("pairs") or {}
    if errors := pairs.get("errors"):
        hint = "that one version alone failed"
        yield Fact("Pairs with an error", f"v2 failed {errors['against']} of {errors['votes']}", hint)
    for one in pairs.get("routes", ())[:ROUTES_SHOWN]:
        yield Fact("Pairs, time", f"v2 slower in {one['against']} of {one['votes']}", one["route"])
