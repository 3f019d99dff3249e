"""Verbs that report on the release: `analyze` judges it now, `report` shows its whole story."""

import io
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from canary.core.names import Names, in_names, names_from
from canary.core.permissions import VIEW
from canary.reporting.release import analyse, report
from canary.retiring.usage import USAGE_DAYS, daily_rows, usage_by_consumer, write_csv
from canary.state.store import read
from canary.verbs.declaring import Call, Option, Verb
from canary.verbs.parsing import parse_count, parse_limit
from canary.verbs.wording import percent, plural

LINES_OF_EACH: Final = 20


def _analyse(call: Call) -> dict[str, Any]:
    return analyse(call.now)


def _say_analysis(result: Mapping[str, Any]) -> Iterator[str]:
    yield result["sentence"]
    yield from _say_evidence(result["evidence"])
    if result["numbers"]:
        yield from (in_names(line, names_from(result)) for line in _say_numbers(result["numbers"]))
    yield f"Controller: {result['controller'] or 'none is running, so nothing acts on this'}."


def _say_numbers(numbers: Mapping[str, Any]) -> Iterator[str]:
    yield from (f"  gate {one['gate']:<12} {_say_gate(one)}" for one in numbers["gates"])
    yield "Errors: {}.".format(_say_events(numbers["error"]))
    yield "Refused by v2 alone: {}.".format(_say_events(numbers["client_error"]))
    yield "Latency: {bets} users ranked, v2 to v1 {ratio}.".format(
        bets=numbers["latency"]["bets"], ratio=_ratio(numbers["latency"])
    )
    safe, ratio = numbers["safe"], numbers["sample_ratio"]
    yield (
        f"Users of v2 in this stage: {safe['clean']} without an error, {safe['failing']} with one;"
        f" {safe['clean_missing']} more without an error are needed."
    )
    yield f"Arrived: {ratio['v2']} on v2 and {ratio['v1']} on v1, {ratio['expected']:.1f} on v2 expected."
    yield from _say_routes(numbers["routes"])


def _say_evidence(evidence: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    for one in evidence:
        mark = "reached" if one["is_reached"] else ""
        yield f"  {one['metric']:<13} {one['e']:>10.3g} of {one['threshold']:>4}  {mark:<8} {one['rule']}"


def _say_gate(answer: Mapping[str, Any]) -> str:
    figure = "" if answer["number"] is None else f" {answer['number']:.4g}"
    return f"{answer['verdict']}{figure}{': ' if answer['sentence'] else ''}{answer['sentence']}"


def _say_events(numbers: Mapping[str, Any]) -> str:
    return "{events} users, {on_v2} of them on v2 where {expected:.1f} are expected, v2 to v1 {ratio}".format(
        **{**numbers, "ratio": _ratio(numbers)}
    )


def _ratio(effect: Mapping[str, Any]) -> str:
    ratio, low, high = (_figure(effect[name]) for name in ("ratio", "low", "high"))
    return f"{ratio} (95 % bounds {low} to {high})"


def _figure(number: float | None) -> str:
    return "unknown" if number is None else f"{number:.3g}"


def _say_routes(routes: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    harmed = [route["route"] for route in routes if route["is_harmed"]]
    yield f"Harmed routes (shown only, nothing acts on them): {', '.join(harmed) or 'none'}."


def _report(call: Call) -> dict[str, Any]:
    values = call.values
    days = values.get("days") or USAGE_DAYS
    if values.get("csv"):
        return {"csv": _csv(call, days)}
    result = report(values.get("release"), call.now)
    if values.get("consumers"):
        totals = usage_by_consumer(now=call.now, days=days, deprecated_at=_deprecated_at())
        result |= {"days": days, "consumers": [total.as_json() for total in totals]}
    return result


def _csv(call: Call, days: int) -> str:
    target = io.StringIO()
    write_csv(target, daily_rows(now=call.now, days=days, deprecated_at=_deprecated_at()))
    return target.getvalue()


def _deprecated_at() -> int | None:
    return read()[1].life.deprecated_at


def _say_report(result: Mapping[str, Any]) -> Iterator[str]:
    if "csv" in result:
        yield from result["csv"].splitlines()
        return
    latch = "; a rollback is latched" if result["latched"] else ""
    names = names_from(result)
    now = f"v{names.candidate} has {percent(result['weight_bp'])} now{latch}" if result["is_present"] else "it is over"
    since = f"since {result['since']}" if result["since"] else "from the beginning"
    yield f"Release {result['release']}, {since}: {now}; v{names.stable} is {result['lifecycle']}."
    for event in result["weights"][-LINES_OF_EACH:]:
        yield "  {at:.19}  {weight}  {verb} by {actor_name}: {reason}".format(
            weight=percent(event["weight_bp"]), **event
        )
    yield plural(len(result["verdicts"]), "verdict", "verdicts") + ":"
    yield from (f"  {one['at']:.19}  {one['sentence']}" for one in result["verdicts"][-LINES_OF_EACH:])
    yield from _say_evidence(result["evidence"])
    yield from (_say_totals(name, totals) for name, totals in result["totals"].items())
    yield from _say_share(result)
    yield from _say_shadow(result["shadow"])
    yield from _say_findings(result["findings"], names)
    yield from _say_consumers(result)


def _say_share(result: Mapping[str, Any]) -> Iterator[str]:
    if (share := result["share"]) and share["units"]:
        band = "as chance allows" if share["is_as_configured"] else "which chance does not explain"
        users = plural(share["units"], "user", "users")
        yield (
            f"v{names_from(result).candidate} has {100 * share['share']:.1f} % of the {users} of this stage, with"
            f" a weight of {percent(share['weight_bp'])}: {band}."
        )
    if alarm := result["alarm"]:
        yield f"{alarm['identity']} alone sends {100 * alarm['share']:.0f} % of the requests."


def _say_totals(name: str, totals: Mapping[str, Any]) -> str:
    quantiles = ", ".join(_say_quantile(name, totals[name]) for name in ("p50", "p95", "p99") if totals[name])
    errors = "" if totals["error_share"] is None else f" ({100 * totals['error_share']:.2f} %)"
    sql = "" if totals["sql_mean"] is None else f", {totals['sql_mean']:.1f} statements a request"
    return (
        f"{name}: {totals['requests']} requests of {plural(totals['users'], 'user', 'users')}, "
        f"{totals['errors']} errors{errors}{sql}{', ' if quantiles else ''}{quantiles}."
    )


def _say_quantile(name: str, found: Mapping[str, Any]) -> str:
    bounds = "" if found["low_ms"] is None else f" ({found['low_ms']:.3g} to {found['high_ms']:.3g})"
    return f"{name} {found['value_ms']:.3g}{bounds} ms"


def _say_shadow(shadow: Mapping[str, Any]) -> Iterator[str]:
    writes = f" ({plural(shadow['writes'], 'write', 'writes')})" if shadow["writes"] else ""
    counted = [f"{shadow['compared']} compared{writes}", f"{shadow['different']} differ"]
    counted += [f"{shadow['accepted']} in accepted ways alone"] if shadow["accepted"] else []
    yield f"Shadow reads: {', '.join(counted)}, {shadow['failed']} failed."
    for one in shadow["differences"][:LINES_OF_EACH]:
        where, state = one["path"] or "the whole answer", ", accepted" if one["accepted"] else ""
        yield f"  {one['route']} at {where}: {one['kind']}, {one['count']} times{state}"


def _say_findings(findings: Iterable[Mapping[str, Any]], names: Names) -> Iterator[str]:
    for one in [*findings][:LINES_OF_EACH]:
        yield (
            f"Repeated statement {one['fingerprint']} on {one['route']}: up to {one['repeats_max']} times in one"
            f" request of v{names.candidate}, {one['repeats_v1']} on v{names.stable}: {one['statement']}"
        )


def _say_consumers(result: Mapping[str, Any]) -> Iterator[str]:
    if "consumers" not in result:
        return
    consumers = plural(len(result["consumers"]), "consumer", "consumers")
    yield f"{consumers} of v{names_from(result).stable} in the last {result['days']} days:"
    for one in result["consumers"]:
        told = f", {one['notified']}" if one["notified"] else ""
        yield (
            f"  {one['consumer']} ({one['agent'] or 'unknown agent'}): {one['calls']} calls, {one['refused']} refused,"
            f" the last {one['last_seen_at']:.19}{told}"
        )


VERBS = (
    Verb(
        ("analyze",), "judge the release now, and show the figures behind the judgement", VIEW, _analyse, _say_analysis
    ),
    Verb(
        ("report",),
        "show the story of a release: weights, verdicts, totals, findings",
        VIEW,
        _report,
        _say_report,
        (
            Option("release", "number of the release (default: the present one)", parse_count, is_number=True),
            Option("consumers", "also show who calls v1, and what they call"),
            Option("csv", "print only v1's usage by day, consumer and route, for a spreadsheet"),
            Option("days", f"how many days of usage (default {USAGE_DAYS})", parse_limit, is_number=True),
        ),
    ),
)
