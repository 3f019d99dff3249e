"""The sentences of verdicts: each with its numbers, the effect, its bounds and the rule that was applied."""

import math

from canary.core.judgements import Stage
from canary.core.statistics import Evidence
from canary.core.statistics.bets import THRESHOLD
from canary.core.statistics.comparison import CLIENT_ERROR_STAKE
from canary.core.statistics.effects import Effect, latency_ratio, risk_ratio
from canary.core.statistics.errors import ErrorTest
from canary.core.statistics.sample_ratio import BROKEN

NAMES = {"error": "errors", "latency": "latency", "client_error": "client errors"}


def percent(weight_bp: int) -> str:
    return f"{weight_bp / 100:g} %"


def share(part: float) -> str:
    return f"{100 * part:.1f} %"


def duration(seconds: float) -> str:
    """`40 s`, `25 min`, `3.5 h`, `4 days`."""
    if seconds < 120:
        return f"{max(0, math.ceil(seconds))} s"
    if seconds < 2 * 3600:
        return f"{seconds / 60:.0f} min"
    if seconds < 2 * 86_400:
        return f"{seconds / 3600:.1f} h"
    return f"{seconds / 86_400:.0f} days"


def strength(log_e: float) -> str:
    """The evidence itself; beyond a million as a power of ten."""
    if log_e > math.log(1e6):
        return f"10^{log_e / math.log(10):.0f}"
    return f"{math.exp(log_e):,.{0 if log_e > math.log(100) else 1}f}" if log_e > math.log(0.05) else "0"


def users(count: int) -> str:
    return "1 user" if count == 1 else f"{count} users"


def bounds(effect: Effect) -> str:
    low = "0" if effect.low is None else f"{effect.low:.2g}"
    high = "any" if effect.high is None else f"{effect.high:.2g}"
    ratio = "" if effect.ratio is None else f"{effect.ratio:.2g} times v1's, "
    return f"{ratio}95 % bounds {low} to {high}"


def sentence_of_events(test: ErrorTest, what: str) -> str:
    """The effect on one kind of bad event."""
    if not test.events:
        return f"nobody had {what}"
    return (
        f"of {users(test.events)} with {what} {test.on_v2} were on v2, where {test.expected:.1f} are expected if both versions "
        f"are alike (the risk on v2: {bounds(risk_ratio(test.cells))})"
    )


def sentence_of_latency(evidence: Evidence) -> str:
    latency = evidence.comparison.latency
    effect = latency_ratio(earlier.sums for earlier in latency.routes.values())
    if not latency.bets:
        return "nobody's latency was ranked yet"
    if effect.ratio is None:
        return f"latency of {users(latency.bets)} was ranked, too few for an estimate"
    return f"v2's latency is {bounds(effect)}, {users(latency.bets)} ranked"


def sentence_of_evidence(evidence: Evidence) -> str:
    """The rule of harm with what stands in it now."""
    logs = evidence.comparison.log_e()
    errors, latency, refused = (f"{name} {strength(logs[metric])}" for metric, name in NAMES.items())
    return (
        f"0.5 × {errors} + 0.25 × {latency} + 0.25 × mean of {refused} ({share(CLIENT_ERROR_STAKE)} of it staked, the rest 1), "
        f"SQL 1 and shadow reads 1 = {strength(logs['overall'])}, harm from {THRESHOLD} on,"
        " at most 5 % false alarms in a release"
    )


def sentence_of_harm(evidence: Evidence) -> str:
    comparison = evidence.comparison
    harmed = [route.route for route in comparison.routes.ranked() if route.is_harmed]
    where = f"; most of it on {', '.join(harmed[:3])}" if harmed else ""
    return (
        f"evidence that v2 is worse reached {strength(comparison.peak)} ({sentence_of_evidence(evidence)}): "
        f"{sentence_of_events(comparison.errors, 'an error')}; {sentence_of_latency(evidence)}; "
        f"{sentence_of_events(comparison.client_errors, 'a refused request')}{where}"
    )


def sentence_of_suspicion(evidence: Evidence, metric: str) -> str:
    """One metric's evidence is beyond the threshold, the whole isn't: enough to stay, not to roll back."""
    comparison = evidence.comparison
    effect = {
        "error": lambda: sentence_of_events(comparison.errors, "an error"),
        "client_error": lambda: sentence_of_events(comparison.client_errors, "a refused request"),
        "latency": lambda: sentence_of_latency(evidence),
    }[metric]()
    look = "looks" if metric == "latency" else "look"
    return (
        f"{NAMES[metric]} alone {look} worse on v2, evidence {strength(comparison.log_e()[metric])} of {THRESHOLD}: {effect}; "
        f"not enough to roll back ({sentence_of_evidence(evidence)})"
    )


def sentence_of_mismatch(evidence: Evidence) -> str:
    ratio = evidence.sample_ratio
    on_v1, on_v2 = ratio.counts()
    return (
        f"the measuring is broken, which says nothing of v2: {on_v2} of {users(on_v1 + on_v2)} arrived on v2, where "
        f"{ratio.expected:.1f} are expected; evidence of a mismatch {strength(ratio.peak)}, rule: {BROKEN} or more freezes. "
        "Look for requests that are not recorded or recorded under the wrong version"
    )


def sentence_of_guard(evidence: Evidence) -> str:
    return (
        "the A/A guard, which compares v1 with itself, alarms, so the measuring is in doubt: its evidence reached "
        f"{strength(evidence.guard.peak)} of {THRESHOLD}. Look for what ties users or their requests together"
    )


def sentence_of_safety(evidence: Evidence) -> str:
    """How the absolute certificate stands."""
    certificate = evidence.certificate
    clean, failing = certificate.counts[1]
    v1_clean, v1_failing = certificate.v1_outcomes
    of_v1 = f"v1: {v1_failing} of {v1_clean + v1_failing}" if v1_clean + v1_failing else "v1: none known"
    state = "is ruled out" if certificate.is_safe else "is not ruled out yet"
    return (
        f"{failing} of {users(clean + failing)} of v2 had an error in their first three requests of this stage ({of_v1}); that "
        f"{share(certificate.p0)} or more of them fail {state}, evidence {strength(certificate.log_e)} of the {THRESHOLD} "
        f"needed, betting on {share(certificate.p1)}"
    )


def sentence_of_time(stage: Stage, now: float) -> str:
    age_s = max(0.0, now - stage.started_at)
    return f"{duration(age_s)} of at least {duration(stage.min_s)} in this stage"


def sentence_of_networks(evidence: Evidence) -> str:
    """Why so little counts, when that is so."""
    refused = evidence.networks.refused
    if not refused:
        return ""
    return f" {refused} observations of identities without a login were left out, one of a kind counts a network and stage."
