"""Everything that the evidence holds in numbers, as JSON: for verdicts, pages and reports."""

from typing import Any, Final

from canary.core.statistics.bets import THRESHOLD
from canary.core.statistics.certificate import BETS, SafeCertificate
from canary.core.statistics.comparison import LIMITS, WEIGHTS
from canary.core.statistics.effects import latency_ratio, risk_ratio
from canary.core.statistics.errors import ErrorTest
from canary.core.statistics.evidence import Evidence
from canary.core.statistics.latency import LatencyTest
from canary.core.statistics.pairs import PairTests

MOST_ROUTES: Final = 20


def numbers_of(evidence: Evidence, max_errors: float) -> dict[str, Any]:
    """Return the numbers of a judgement. `log_e` is `Evidence.log_e`; `ratio` is v2 to v1 with bounds `low` and `high`.

    Counts are of units, each once. `limits` has the evidence at which each test rolls back. `client_error` is the old
    name of `refusal`.
    """
    comparison = evidence.comparison
    refusals = _of_events(comparison.refusals) | {"log_peak": comparison.refusals.peak}
    return {
        "log_e": evidence.log_e(max_errors),
        "log_peak": comparison.peak,
        "threshold": THRESHOLD,
        "weights": [*WEIGHTS.values()],
        "limits": {**LIMITS},
        "error": _of_events(comparison.errors),
        "refusal": refusals,
        "client_error": refusals,
        "latency": _of_latency(comparison.latency),
        "pairs": _of_pairs(evidence.pairs),
        "safe": _of_certificate(evidence.certificate, max_errors),
        "sample_ratio": _of_sample_ratio(evidence),
        "guard": {"log_peak": evidence.guard.peak, "is_alarm": evidence.guard.is_alarm},
        "refused_by_network": evidence.networks.refused,
        "routes": [route._asdict() for route in comparison.routes.ranked()[:MOST_ROUTES]],
        "units": len(evidence.units),
        "observations": evidence.taken,
    }


def _of_events(test: ErrorTest) -> dict[str, Any]:
    return {"events": test.events, "on_v2": test.on_v2, "expected": test.expected, **risk_ratio(test.cells)._asdict()}


def _of_latency(latency: LatencyTest) -> dict[str, Any]:
    """Return the effect without the warm-up of each step, as it is judged, and with it."""
    without, whole = (latency_ratio(latency.sums(with_cold=cold)) for cold in (False, True))
    return {"bets": latency.bets, **without._asdict(), "with_warm_up": whole._asdict()}


def _of_pairs(pairs: PairTests) -> dict[str, Any]:
    """Return the votes: `against` counts those against v2; the routes with the strongest evidence come first."""
    routes = sorted(pairs.routes.items(), key=lambda pair: (-pair[1].test.log_e, pair[0]))
    return {
        "errors": {"votes": pairs.errors.against + pairs.errors.others, "against": pairs.errors.against},
        "routes": [
            {"route": route, "votes": times.test.votes, "against": times.test.against, "log_e": times.test.log_e}
            for route, times in routes[:MOST_ROUTES]
        ],
    }


def _of_certificate(certificate: SafeCertificate, max_errors: float) -> dict[str, Any]:
    """Return the certificate: `p0` is the declared limit, `p1` the share on which most is staked."""
    safety = certificate.against(max_errors)
    v1_clean, v1_failing = certificate.v1_outcomes
    return {
        "p0": max_errors,
        "p1": max_errors * BETS[0][1],
        "is_safe": safety.is_safe,
        "clean": safety.clean,
        "failing": safety.failing,
        "clean_missing": safety.clean_missing,
        "v1_clean": v1_clean,
        "v1_failing": v1_failing,
    }


def _of_sample_ratio(evidence: Evidence) -> dict[str, Any]:
    on_v1, on_v2 = evidence.sample_ratio.counts()
    ratio = evidence.sample_ratio
    return {"v1": on_v1, "v2": on_v2, "expected": ratio.expected, "log_peak": ratio.peak, "is_broken": ratio.is_broken}
