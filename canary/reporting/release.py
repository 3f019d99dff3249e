"""Reports about a release: the judgement of this moment, and the whole story. Reads everything, changes nothing."""

import datetime
import math
from collections.abc import Mapping
from typing import Any, Final

from canary.core.crossover_verdict import BREAKER, LIMIT
from canary.core.gates import gated
from canary.core.histograms import Quantile
from canary.core.names import Names, in_names, names_from
from canary.core.statistics.bets import THRESHOLD
from canary.core.statistics.comparison import LIMITS
from canary.core.statistics.sample_ratio import BROKEN, LOG_BROKEN
from canary.errors import Refused
from canary.judging.breaking import breakers_of
from canary.judging.crossing import verdict_in_force
from canary.judging.evidence import peek
from canary.judging.judging import dated_row, evidence_of, judge_row, stage_of
from canary.judging.leadership import Leadership
from canary.models import EvidencePoint, RolloutEvent, Verdict
from canary.recording import aggregation
from canary.recording.aggregation import RouteTotals, Totals
from canary.recording.population import arrivals_at
from canary.reporting.people import People
from canary.shadow import results as shadow_results
from canary.state import store
from canary.state.alarms import alarm
from canary.state.status import gates_told, status

VERDICTS_SHOWN: Final = 200
EVENTS_SHOWN: Final = 500
ROUTES_SHOWN: Final = 50
FAR: Final = 700.0
"""Beyond e to the 709 a float overflows."""
NOTHING_STORED: Final = "No data: there is no stored rollout yet, so nothing is observed; `set` and `start` make one."
RULES: Final[Mapping[str, tuple[int, str]]] = {
    "overall": (THRESHOLD, "the largest of the others by its weight: rolls back once it was reached"),
    "error": (THRESHOLD, f"users with an error: holds, and rolls back from {LIMITS['error']:.0f} on"),
    "latency": (THRESHOLD, f"slower answers: holds, and rolls back from {LIMITS['latency']:.0f} on"),
    "pair_error": (
        THRESHOLD,
        f"requests that v2 alone fails: holds, and rolls back from {LIMITS['pair_error']:.0f} on",
    ),
    "pair_time": (THRESHOLD, f"routes on which v2 is slower: holds, and rolls back from {LIMITS['pair_time']:.0f} on"),
    BREAKER: (LIMIT, f"consumers of a crossover for whom v2 fails more: rolls back from {LIMIT} on"),
    "client_error": (THRESHOLD, "users that v2 refuses more often: holds, never rolls back"),
    "safe": (THRESHOLD, "v2 is safe enough for the next step"),
    "safe_ratio": (THRESHOLD, "errors on v2 are not twice as likely: shown, never needed"),
    "sample_ratio": (BROKEN, "the measuring is broken: freezes"),
    "guard": (THRESHOLD, "the same test within v1 alone, where every alarm is a false one: shown"),
}


def analyse(now: datetime.datetime) -> dict[str, Any]:
    """Judge everything that was observed so far, also observations that no controller has taken yet."""
    row, snapshot = store.read()
    shown: dict[str, Any] = {
        "version": snapshot.version,
        "release": snapshot.release,
        "stage": snapshot.stage,
        "weight_bp": snapshot.weight_bp,
        "latched": snapshot.latched,
        "names": snapshot.names.as_json(),
        "at": now.isoformat(),
        "controller": Leadership().leader(),
    }
    if row is None:
        unknown = {"verdict": "no_data", "reason": "no_rollout", "sentence": NOTHING_STORED, "eta_s": None}
        return {**shown, **unknown, "evidence": [], "numbers": {}}
    evidence = peek(row.release)
    trips, crossing = breakers_of(row, stage_of(row), now), verdict_in_force(row, now)
    judgement = judge_row(evidence, row, now, trips, arrivals_at(now), crossing=crossing)
    judgement = gated(judgement, stage_of(row), gates_told(row.release, row.stage) if row.weight_bp else [])
    judgement = dated_row(judgement, row, now)
    numbers = evidence_of(judgement)
    peaks = {
        "overall": evidence.comparison.peak,
        "sample_ratio": evidence.sample_ratio.peak,
        "guard": evidence.guard.peak,
    }
    return {
        **shown,
        "verdict": judgement.kind,
        "reason": judgement.reason,
        "sentence": judgement.sentence,
        "eta_s": judgement.eta_s,
        "evidence": _against_rules(numbers["log_e"], peaks, row.names),
        "numbers": numbers,
    }


def report(release: int | None, now: datetime.datetime) -> dict[str, Any]:
    """Return the story of a release (None: the present one): weights, verdicts, totals with uncertainty, findings.

    Raises Refused for a release that never was.
    """
    known = status(now)
    release = known["release"] if release is None else release
    if not 1 <= release <= known["release"]:
        there = f"releases 1 to {known['release']} have a report" if known["release"] > 1 else "release 1 has a report"
        raise Refused("no-such-release", f"There is no release {release}: {there}.")
    events = list(RolloutEvent.objects.filter(after__release=release).order_by("version")[:EVENTS_SHOWN])
    since = events[0].at if events else datetime.datetime.fromtimestamp(0, datetime.UTC)
    names = names_from(events[-1].after) if events else Names(**known["names"])
    people = People(event.actor for event in events)
    verdicts = list(Verdict.objects.filter(release=release).order_by("-pk")[:VERDICTS_SHOWN])[::-1]
    point = EvidencePoint.objects.filter(release=release).order_by("-pk").first()
    last = verdicts[-1].numbers if verdicts else {}
    return {
        **{name: known[name] for name in ("version", "weight_bp", "latched", "plan", "lifecycle")},
        "release": release,
        "is_present": release == known["release"],
        "at": now.isoformat(),
        "since": since.isoformat() if events else None,
        "weights": [_event(event, people) for event in events],
        "verdicts": [_verdict(verdict) for verdict in verdicts],
        "evidence": _against_rules(point.log_e, _peaks(last), names) if point else [],
        "evidence_at": point.at.isoformat() if point else None,
        "numbers": last,
        "names": names.as_json(),
        **_traffic(release, since, names),
        "share": _share(known) if release == known["release"] else None,
        "alarm": _alarm(now),
        "shadow": shadow_results.summary(release),
        "findings": [_plain(found) for found in aggregation.query_findings(release)],
    }


def _traffic(release: int, since: datetime.datetime, names: Names) -> dict[str, Any]:
    totals = aggregation.totals(since, release)
    routes = aggregation.per_route(since, release)[:ROUTES_SHOWN]
    return {
        "totals": {f"v{names.of(version)}": _totals(found) for version, found in totals.items()},
        "routes": [_route(route, names) for route in routes],
    }


def _share(known: Mapping[str, Any]) -> dict[str, Any]:
    found = aggregation.live_share(known["release"], known["stage"], known["weight_bp"])
    return {
        "weight_bp": found.weight_bp,
        "units": found.units,
        "units_v2": found.units_v2,
        "share": found.share,
        "is_as_configured": found.is_as_configured,
    }


def _alarm(now: datetime.datetime) -> dict[str, Any] | None:
    found = alarm(now)
    return None if found is None else {"identity": found.identity, "share": found.share, "requests": found.requests}


def _against_rules(log_e: Mapping[str, float], log_peaks: Mapping[str, float], names: Names) -> list[dict[str, Any]]:
    """Return each metric's evidence beside its threshold; the highest look counts where one beyond it is enough."""
    shown = []
    for metric, (threshold, rule) in RULES.items():
        if metric in log_e:
            limit = LOG_BROKEN if threshold == BROKEN else math.log(threshold)
            reached = log_peaks.get(metric, log_e[metric]) >= limit
            e = math.exp(min(FAR, log_e[metric]))
            shown.append(
                {
                    "metric": metric,
                    "e": e,
                    "log_e": log_e[metric],
                    "threshold": threshold,
                    "is_reached": reached,
                    "rule": in_names(rule, names),
                }
            )
    return shown


def _peaks(numbers: Mapping[str, Any]) -> dict[str, float]:
    """Return the peaks of a verdict's numbers; those that another release of this program wrote may lack some."""
    peaks = {
        "overall": numbers.get("log_peak"),
        "sample_ratio": numbers.get("sample_ratio", {}).get("log_peak"),
        "guard": numbers.get("guard", {}).get("log_peak"),
    }
    return {metric: peak for metric, peak in peaks.items() if peak is not None}


def _event(event: RolloutEvent, people: People) -> dict[str, Any]:
    return {
        "version": event.version,
        "at": event.at.isoformat(),
        "verb": event.verb,
        "actor": event.actor,
        "actor_name": people.actor(event.actor),
        "reason": event.reason,
        "weight_bp": event.after["weight_bp"],
        "stage": event.after["stage"],
    }


def _verdict(verdict: Verdict) -> dict[str, Any]:
    return {
        "at": verdict.at.isoformat(),
        "stage": verdict.stage,
        "kind": verdict.kind,
        "reason": verdict.numbers.get("reason"),
        "sentence": verdict.sentence,
    }


def _totals(found: Totals) -> dict[str, Any]:
    quantiles = {name: _quantile(getattr(found, name)) for name in ("p50", "p95", "p99")}
    names = ("requests", "users", "errors", "error_share", "client_errors", "sql_mean", "sql_max")
    return {**{name: getattr(found, name) for name in names}, **quantiles}


def _quantile(found: Quantile | None) -> dict[str, Any] | None:
    return None if found is None else found._asdict()


def _route(found: RouteTotals, names: Names) -> dict[str, Any]:
    columns = ("requests", "errors", "client_errors", "mean_ms", "sql_mean", "sql_max")
    by_version = {
        column: {f"v{names.of(version)}": value for version, value in getattr(found, column).items()}
        for column in columns
    }
    return {"route": found.route, **by_version}


def _plain(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value.isoformat() if isinstance(value, datetime.datetime) else value for name, value in row.items()}
