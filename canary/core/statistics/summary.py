"""Everything that the evidence holds in numbers, as JSON: for verdicts, pages and reports."""

from typing import Any, Final

from canary.core.statistics.bets import THRESHOLD
from canary.core.statistics.comparison import WEIGHTS
from canary.core.statistics.effects import latency_ratio, risk_ratio
from canary.core.statistics.errors import ErrorTest
from canary.core.statistics.evidence import Evidence

MOST_ROUTES: Final = 20


def numbers_of(evidence: Evidence) -> dict[str, Any]:
    """`log_e` as `Evidence.log_e`; counts are of units, each once; `ratio` is v2 to v1 with bounds `low` and `high`."""
    comparison = evidence.comparison
    effect = latency_ratio(earlier.sums for earlier in comparison.latency.routes.values())
    return {
        "log_e": evidence.log_e(),
        "log_peak": comparison.peak,
        "threshold": THRESHOLD,
        "weights": list(WEIGHTS),
        "error": _of_events(comparison.errors),
        "client_error": _of_events(comparison.client_errors),
        "latency": {"bets": comparison.latency.bets, **effect._asdict()},
        "safe": _of_certificate(evidence),
        "sample_ratio": _of_sample_ratio(evidence),
        "guard": {"log_peak": evidence.guard.peak, "is_alarm": evidence.guard.is_alarm},
        "refused_by_network": evidence.networks.refused,
        "routes": [route._asdict() for route in comparison.routes.ranked()[:MOST_ROUTES]],
        "units": len(evidence.units),
        "observations": evidence.taken,
    }


def _of_events(test: ErrorTest) -> dict[str, Any]:
    return {"events": test.events, "on_v2": test.on_v2, "expected": test.expected, **risk_ratio(test.cells)._asdict()}


def _of_certificate(evidence: Evidence) -> dict[str, Any]:
    certificate = evidence.certificate
    (v1_clean, v1_failing), (clean, failing) = certificate.v1_outcomes, certificate.counts[1]
    return {
        "p0": certificate.p0,
        "p1": certificate.p1,
        "is_safe": certificate.is_safe,
        "clean": clean,
        "failing": failing,
        "clean_missing": certificate.clean_missing,
        "v1_clean": v1_clean,
        "v1_failing": v1_failing,
    }


def _of_sample_ratio(evidence: Evidence) -> dict[str, Any]:
    on_v1, on_v2 = evidence.sample_ratio.counts()
    ratio = evidence.sample_ratio
    return {"v1": on_v1, "v2": on_v2, "expected": ratio.expected, "log_peak": ratio.peak, "is_broken": ratio.is_broken}
