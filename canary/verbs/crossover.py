"""Verbs about crossovers, in which few consumers switch between the versions: `start`, `stop`, `status`."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from canary import services
from canary.core.crossover import CONSUMERS_MAX, PAIRS_RANGE
from canary.core.permissions import RAMP, VIEW
from canary.reporting.crossover import SEEN_DAYS, consumers_for, crossover_report
from canary.verbs.declaring import Call, Option, Verb
from canary.verbs.parsing import parse_consumers, parse_count, parse_minutes
from canary.verbs.weight import DESPITE_FREEZE, say_status
from canary.verbs.wording import one_line, plural

PERIOD_S: Final = 3_600.0
PAIRS: Final = 10
OPTIONS: Final = (
    Option(
        "consumers",
        f"up to {CONSUMERS_MAX} of user:ID, key:PREFIX or client:ID, with commas between (default: all that used the"
        f" entrance in the last {SEEN_DAYS} days)",
        parse_consumers,
        is_list=True,
        metavar="NAMES",
    ),
    Option(
        "period_minutes",
        f"how long a consumer stays on a version (default {PERIOD_S / 60:g})",
        parse_minutes,
        is_number=True,
        metavar="N",
    ),
    Option(
        "pairs",
        f"pairs of periods, {PAIRS_RANGE[0]} to {PAIRS_RANGE[1]} (default {PAIRS})",
        parse_count,
        is_number=True,
        metavar="N",
    ),
    DESPITE_FREEZE,
)
SAID: Final = {"harm": "harm", "no_harm": "no harm", "too_few": "too few requests to tell", "running": "running"}


def _start(call: Call) -> None:
    values = call.values
    minutes_s, pairs = values.get("period_minutes"), values.get("pairs")
    services.start_crossover(
        consumers=consumers_for(values.get("consumers"), call.now),
        period_s=PERIOD_S if minutes_s is None else minutes_s,
        pairs=PAIRS if pairs is None else pairs,
        is_despite_freeze=bool(values.get("despite_freeze")),
        **call.change,
    )


def _stop(call: Call) -> None:
    services.end_crossover(**call.change)


def _status(call: Call) -> dict[str, Any]:
    return crossover_report(call.now)


def _say(result: Mapping[str, Any]) -> Iterator[str]:
    yield result["sentence"]
    yield result["next"]
    if crossover := result["crossover"]:
        count, minutes = crossover["periods"], f"{crossover['period_s'] / 60:g} min"
        periods = f"Period {crossover['period']} of {count}, {minutes} each"
        ends_at = crossover["ended_at"] or crossover["ends_at"]
        told = periods if crossover["period"] else f"{count} periods of {minutes}"
        yield f"{told}, from {crossover['started_at']:.19} to {ends_at:.19} UTC."
        names = result["names"]
        yield from (_say_consumer(one, names["stable"], names["candidate"]) for one in result["verdict"]["consumers"])


def _say_consumer(one: Mapping[str, Any], stable: str, candidate: str) -> str:
    told = [
        f"v{name} failed {one[version]['failures']} of {plural(one[version]['requests'], 'request', 'requests')}"
        for version, name in (("candidate", candidate), ("stable", stable))
    ]
    worse = f"v{candidate} was worse in {plural(one['against'], 'pair', 'pairs')} and better in {one['others']}"
    return one_line(
        f"  {one['consumer']}: {SAID[one['verdict']]}; {told[0]}, {told[1]}; {worse} (p = {one['chance']:.2g})"
    )


VERBS = (
    Verb(
        ("crossover", "start"),
        f"switch each of up to {CONSUMERS_MAX} consumers between the versions, in periods drawn at random",
        RAMP,
        _start,
        say_status,
        OPTIONS,
        is_change=True,
    ),
    Verb(
        ("crossover", "stop"),
        "send all consumers of the crossover back to v1 and end it",
        RAMP,
        _stop,
        say_status,
        is_change=True,
    ),
    Verb(("crossover", "status"), "show the verdict of the crossover, and that of each consumer", VIEW, _status, _say),
)
