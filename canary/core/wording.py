"""The sentences of verdicts: each with its numbers, the effect, its bounds and the rule that was applied."""

import math
from typing import Final

from canary.core.judgements import Stage
from canary.core.statistics import Evidence
from canary.core.statistics.bets import THRESHOLD
from canary.core.statistics.certificate import Safety
from canary.core.statistics.comparison import LIMITS
from canary.core.statistics.effects import Effect, latency_ratio, risk_ratio
from canary.core.statistics.errors import ErrorTest
from canary.core.statistics.sample_ratio import BROKEN

NAMES: Final = {
    "error": "errors",
    "latency": "latency",
    "refusal": "refused requests",
    "pair_error": "errors of pairs",
    "pair_time": "times of pairs",
}


def percent(weight_bp: int) -> str:
    return f"{weight_bp / 100:g} %"


def share(part: float) -> str:
    return f"{100 * part:.1f} %"


def duration(seconds: float) -> str:
    """Return a duration as `40 s`, `25 min`, `3.5 h`, `4 days`."""
    if seconds < 120:
        return f"{max(0, math.ceil(seconds))} s"
    if seconds < 2 * 3600:
        return f"{seconds / 60:.0f} min"
    if seconds < 2 * 86_400:
        return f"{seconds / 3600:.1f} h"
    return f"{seconds / 86_400:.0f} days"


def strength(log_e: float) -> str:
    """Return the evidence itself; beyond a million as a power of ten."""
    if log_e > math.log(1e6):
        return f"10^{log_e / math.log(10):.0f}"
    return f"{math.exp(log_e):,.{0 if log_e > math.log(100) else 1}f}" if log_e > math.log(0.05) else "0"


def users(count: int) -> str:
    return "1 user" if count == 1 else f"{count} users"


def consumers(count: int) -> str:
    return "1 consumer" if count == 1 else f"{count} consumers"


def bounds(effect: Effect) -> str:
    low = "0" if effect.low is None else f"{effect.low:.2g}"
    high = "any" if effect.high is None else f"{effect.high:.2g}"
    ratio = "" if effect.ratio is None else f"{effect.ratio:.2g} times v1's, "
    return f"{ratio}95 % bounds {low} to {high}"


def sentence_of_events(test: ErrorTest, what: str) -> str:
    """Return the effect on one kind of bad event."""
    if not test.events:
        return f"nobody had {what}"
    were = "was" if test.on_v2 == 1 else "were"
    return (
        f"of {users(test.events)} with {what}, {test.on_v2} {were} on v2, where {test.expected:.1f} are expected if "
        f"both versions are alike (the risk on v2: {bounds(risk_ratio(test.cells))})"
    )


def sentence_of_latency(evidence: Evidence) -> str:
    latency = evidence.comparison.latency
    effect = latency_ratio(latency.sums(with_cold=False))
    if not latency.bets:
        return "nobody's latency was ranked yet"
    if effect.ratio is None:
        return f"latency of {users(latency.bets)} was ranked, too few for an estimate"
    whole = latency_ratio(latency.sums(with_cold=True))
    cold = f"; {whole.ratio:.2g} times with the warm-up of each step" if latency.cold and whole.ratio else ""
    return f"v2's latency is {bounds(effect)}, {users(latency.bets)} ranked{cold}"


def sentence_of_pairs(evidence: Evidence) -> str:
    """Return the votes of pairs: on errors, and on time where the evidence is strongest. Empty without votes."""
    errors, routes = evidence.pairs.errors, evidence.pairs.routes
    told = []
    if votes := errors.against + errors.others:
        told.append(f"of {votes} requests that one version alone failed, v2 failed {errors.against}")
    if routes:
        route, times = max(routes.items(), key=lambda pair: (pair[1].test.log_e, pair[0]))
        told.append(f"v2 was the slower one in {times.test.against} of {times.test.votes} pairs of {route}")
    return "; ".join(told)


def sentence_of_evidence(evidence: Evidence) -> str:
    """Return the rule of harm with the present numbers."""
    logs = evidence.comparison.log_e()
    now = [
        f"{NAMES[metric]} {strength(logs[metric])} of {limit:.0f}" for metric, limit in LIMITS.items() if metric in logs
    ]
    return f"evidence of {', '.join(now)}; harm where one reaches its limit, at most 5 % false alarms in a release"


def sentence_of_harm(evidence: Evidence) -> str:
    """Tell the effects, that of the strongest test first, then the rule that it met."""
    comparison = evidence.comparison
    logs = comparison.log_e()
    seen = []
    if comparison.errors.events:
        seen.append((logs["error"], sentence_of_events(comparison.errors, "an error")))
    if comparison.latency.bets:
        seen.append((logs["latency"], sentence_of_latency(evidence)))
    if votes := sentence_of_pairs(evidence):
        seen.append((max(logs.get("pair_error", 0.0), logs.get("pair_time", 0.0)), votes))
    told = [sentence for _, sentence in sorted(seen, key=lambda one: -one[0])]
    if comparison.refusals.events:
        told.append(sentence_of_events(comparison.refusals, "a refused request"))
    if harmed := [route.route for route in comparison.routes.ranked() if route.is_harmed]:
        told.insert(1, f"most of it on {', '.join(harmed[:3])}")
    return (
        f"{'; '.join(told)} (evidence that v2 is worse, weighted, reached {strength(comparison.peak)} of {THRESHOLD}; "
        f"{sentence_of_evidence(evidence)})"
    )


def sentence_of_suspicion(evidence: Evidence, metric: str) -> str:
    """Return the sentence about one test whose evidence is enough to stay, but not to roll back."""
    comparison = evidence.comparison
    log_e = comparison.refusals.peak if metric == "refusal" else comparison.log_e()[metric]
    about = {
        "error": lambda: f": {sentence_of_events(comparison.errors, 'an error')}",
        "refusal": lambda: f": {sentence_of_events(comparison.refusals, 'a refused request')}",
        "latency": lambda: f": {sentence_of_latency(evidence)}",
    }.get(metric, lambda: f": {sentence_of_pairs(evidence)}")()
    look = "looks" if metric == "latency" else "look"
    rule = "refused requests alone never roll back" if metric == "refusal" else sentence_of_evidence(evidence)
    return (
        f"{NAMES[metric]} alone {look} worse on v2, evidence {strength(log_e)} of {THRESHOLD}{about}; "
        f"not enough to roll back ({rule})"
    )


def sentence_of_mismatch(evidence: Evidence) -> str:
    ratio = evidence.sample_ratio
    on_v1, on_v2 = ratio.counts()
    return (
        f"the measuring is broken, which says nothing of v2: {on_v2} of {users(on_v1 + on_v2)} arrived on v2, where "
        f"{ratio.expected:.1f} are expected; evidence of a mismatch {strength(ratio.peak)}, rule: {BROKEN} or more "
        "freezes. "
        "Look for requests that are not recorded or recorded under the wrong version"
    )


def sentence_of_guard(evidence: Evidence) -> str:
    return (
        "the A/A guard, which compares v1 with itself, alarms, so the measuring is in doubt: its evidence reached "
        f"{strength(evidence.guard.peak)} of {THRESHOLD}. Look for what ties users or their requests together"
    )


def sentence_of_safety(safety: Safety, of_v1: tuple[int, int]) -> str:
    """Return how the certificate stands; `of_v1` are clean and failing users of v1."""
    clean, failing = of_v1
    v1 = f"v1: {failing} of {clean + failing}" if clean + failing else "v1: none known"
    state = "is ruled out" if safety.is_safe else "is not ruled out yet"
    outcomes = users(safety.clean + safety.failing)
    return (
        f"{safety.failing} of {outcomes} of v2 had an error in their first three requests of this stage ({v1}); "
        f"that {share(safety.limit)} or more of them fail, the declared limit, {state}, "
        f"evidence {strength(safety.log_e)} of the {THRESHOLD} needed"
    )


def sentence_of_time(stage: Stage, now: float) -> str:
    age_s = max(0.0, now - stage.started_at)
    return f"{duration(age_s)} of at least {duration(stage.min_s)} in this stage"


def sentence_of_networks(evidence: Evidence) -> str:
    """Return why so little counts, when that is so."""
    refused = evidence.networks.refused
    if not refused:
        return ""
    return (
        f" {refused} observations of identities without a login were left out,"
        " one of a kind counts a network and stage."
    )
