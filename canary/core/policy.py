"""From evidence to a verdict: pass, hold, harm or no data, in a sentence that carries the numbers and the rule.

HARM rolls back and PASS takes the next step; everything else stays where it is. Knows no database and no clock.
"""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, Final

from canary.core.findings import new_repeats, sentence_of_gaps, sentence_of_repeat
from canary.core.judgements import Judgement, QueryRepeat, ShadowGap, Stage, Trip
from canary.core.plans import FULL_BP
from canary.core.statistics import Evidence
from canary.core.statistics.bets import LOG_THRESHOLD
from canary.core.statistics.certificate import SafeCertificate, Safety
from canary.core.statistics.summary import numbers_of
from canary.core.wording import (
    NAMES,
    duration,
    percent,
    sentence_of_evidence,
    sentence_of_guard,
    sentence_of_harm,
    sentence_of_mismatch,
    sentence_of_networks,
    sentence_of_safety,
    sentence_of_suspicion,
    sentence_of_time,
    users,
)

FAR_S: Final = 7 * 24 * 3600
"""People decide about a stage that would take longer than this at the present traffic."""
LEAST_TO_ESTIMATE: Final = 10
"""Users of v2 whose outcome is known: with fewer, chance decides how long the rest would take."""
MOST_FINDINGS: Final = 3
NO_CONTROL: Final = " Nobody is on v1, so the versions can't be compared any more: this is about v2 alone."

__all__ = ["Judgement", "QueryRepeat", "ShadowGap", "Stage", "Trip", "judge"]


def judge(
    evidence: Evidence,
    repeats: Sequence[QueryRepeat],
    gaps: Sequence[ShadowGap],
    stage: Stage,
    now: float,
    trips: Sequence[Trip] = (),
) -> Judgement:
    """Return the verdict on a stage at `now` (unix seconds).

    In this order: breakers and harm; a broken measuring; what was found (N+1, shadow differences, one metric
    alone); nothing to judge by; what is still missing; pass. A broken measuring stops a pass and never a rollback.
    Evidence of an earlier stage does not prove that this one is safe.
    """
    numbers = _numbers(evidence, repeats, gaps, stage, now) | {"trips": [asdict(trip) for trip in trips]}
    where = percent(stage.weight_bp)
    broken = _broken(evidence, stage)
    if trips or evidence.comparison.is_alarm:
        reason, sentence = _harm(evidence, trips)
        also = "".join(f" Besides, {about}." for about in broken.values())
        return Judgement("harm", f"Harm at {where}: {sentence}.{also}", numbers, reason=reason)
    if broken:
        return Judgement("hold", f"Hold at {where}: {'; '.join(broken.values())}.", numbers, reason=next(iter(broken)))
    if found := _found(evidence, repeats, gaps):
        more = f" And {len(found) - MOST_FINDINGS} more findings." if len(found) > MOST_FINDINGS else ""
        return Judgement(
            "hold", f"Hold at {where}: {'; '.join(found[:MOST_FINDINGS])}.{more}", numbers, reason="finding"
        )
    return _wait_or_pass(evidence, stage, now, numbers)


def _harm(evidence: Evidence, trips: Sequence[Trip]) -> tuple[str, str]:
    """Return reason and sentence of a rollback: the breakers that tripped, then the evidence if that alarms too."""
    sentences = [trip.sentence.rstrip(".") for trip in trips]
    if evidence.comparison.is_alarm:
        sentences.append(sentence_of_harm(evidence))
    return "breaker" if trips else "harm", "; ".join(sentences)


def _broken(evidence: Evidence, stage: Stage) -> dict[str, str]:
    """Return by reason what is wrong with the measuring, a sentence each."""
    broken = {}
    if evidence.sample_ratio.is_broken and evidence.stage == stage.number:
        broken["mismatch"] = sentence_of_mismatch(evidence)
    if evidence.guard.is_alarm:
        broken["guard"] = sentence_of_guard(evidence)
    return broken


def _found(evidence: Evidence, repeats: Sequence[QueryRepeat], gaps: Sequence[ShadowGap]) -> list[str]:
    found = [sentence_of_repeat(repeat) for repeat in new_repeats(repeats)]
    if holding := [gap for gap in gaps if not gap.is_accepted]:
        found.append(sentence_of_gaps(holding))
    return found + [sentence_of_suspicion(evidence, metric) for metric in _suspicious(evidence)]


def _suspicious(evidence: Evidence) -> list[str]:
    """Return the tests whose evidence would be enough if they were the only one.

    The highest evidence of refusals counts: most users are refused once in a while, so v1's catch up with v2's in time.
    """
    logs = evidence.comparison.log_e() | {"refusal": evidence.comparison.refusals.peak}
    return [metric for metric in NAMES if logs.get(metric, 0.0) >= LOG_THRESHOLD]


def _wait_or_pass(evidence: Evidence, stage: Stage, now: float, numbers: dict[str, Any]) -> Judgement:
    where = percent(stage.weight_bp)
    if not stage.weight_bp:
        return Judgement(
            "no_data",
            f"No data at {where}: nobody is sent to v2, so only shadow reads tell of it.",
            numbers,
            reason="no_v2",
        )
    certificate = evidence.certificate if evidence.stage == stage.number else SafeCertificate()
    safety = certificate.against(stage.max_errors)
    control = "" if stage.has_control else NO_CONTROL
    if not safety.clean + safety.failing:
        return Judgement("no_data", _no_data(evidence, safety, stage, now) + control, numbers, reason="no_outcome")
    wait_s = max(0.0, stage.min_s - (now - stage.started_at))
    about_safety = sentence_of_safety(safety, certificate.v1_outcomes)
    if not safety.is_safe:
        eta_s, when = _estimate(safety, certificate.v1_outcomes, stage, now)
        missing = f"Missing: {safety.clean_missing} more without an error, if none fails; {when}."
        sentence = f"Hold at {where}: not yet safe: {about_safety}. {missing}"
        rest = f" Time: {sentence_of_time(stage, now)}.{sentence_of_networks(evidence)}{control}"
        return Judgement("hold", sentence + rest, numbers, None if eta_s is None else max(eta_s, wait_s), "not_safe")
    state = f"no harm ({sentence_of_evidence(evidence)}); safe: {about_safety}"
    if wait_s:
        sentence = (
            f"Hold at {where}: {duration(wait_s)} of the minimum time are missing: {sentence_of_time(stage, now)}"
        )
        return Judgement("hold", f"{sentence}; {state}.{control}", numbers, wait_s, "too_early")
    after = f" Next step: {percent(stage.next_bp)}." if stage.next_bp is not None else " There is no further step."
    findings = f"no statement is repeated more often than on v1, no shadow read differs{_except(numbers)}"
    sentence = f"Pass at {where}: {state}; {findings}; {sentence_of_time(stage, now)}.{after}"
    return Judgement("pass", sentence + control, numbers, reason="safe")


def _except(numbers: dict[str, Any]) -> str:
    count = numbers["shadow_accepted"]
    return f", except in {count} accepted way{'s' if count > 1 else ''}" if count else ""


def _no_data(evidence: Evidence, safety: Safety, stage: Stage, now: float) -> str:
    on_v2 = evidence.sample_ratio.counts()[1] if evidence.stage == stage.number else 0
    arrived = f"{users(on_v2)} newly counted on v2" if stage.has_control else "everybody is sent to v2"
    return (
        f"No data at {percent(stage.weight_bp)}: {arrived} in {duration(now - stage.started_at)}, and of nobody is the "
        f"outcome known (three requests, or an error). Missing: {users(safety.clean_missing)} of v2 without an error "
        f"in their first three requests; until some have come there is no estimate of when."
        f"{sentence_of_networks(evidence)}"
    )


def _estimate(safety: Safety, of_v1: tuple[int, int], stage: Stage, now: float) -> tuple[float | None, str]:
    """Return in how many seconds it is safe, and the same in words.

    The population is finite: every hour leaves fewer users of a stage who are still to come. An estimate that counts on
    ever new ones recedes.
    """
    outcomes = safety.clean + safety.failing
    missing = safety.missing(safety.failing / outcomes)
    if missing is None:
        too_many = "at the present share of failing users that does not come"
        return None, f"{too_many}: look at the errors, then go on or roll back by hand{_like_v1(safety, of_v1)}"
    if stage.arrivals is None or outcomes < LEAST_TO_ESTIMATE:
        return None, "too little is known yet of how users come back, so there is no estimate of when"
    eta_s = stage.arrivals.until_grown(now - stage.started_at, 1 + missing / outcomes)
    if eta_s is None:
        return None, _never(outcomes + missing, stage, stage.arrivals.population)
    by_hand = "; that is long, so somebody may want to decide by hand" if eta_s > FAR_S else ""
    return eta_s, f"at the present traffic and share of failing users in about {duration(eta_s)}{by_hand}"


def _never(needed: float, stage: Stage, people: float) -> str:
    """Return the sentence that the users of a week are too few, or have been so far."""
    part = percent(stage.weight_bp)
    if people * stage.weight_bp / FULL_BP < needed:
        too_few = f"{part} of the {people:,.0f} people who use the entrance in a week are too few for it"
        return f"{too_few}: take a larger step, or decide by hand"
    return "at the traffic of this stage so far not within a week, so somebody may want to decide by hand"


def _like_v1(safety: Safety, of_v1: tuple[int, int]) -> str:
    clean, failing = of_v1
    if not failing or failing < safety.limit * (clean + failing):
        return ""
    return ". v1 exceeds the declared limit too: mend both, or declare a higher one"


def _numbers(
    evidence: Evidence, repeats: Sequence[QueryRepeat], gaps: Sequence[ShadowGap], stage: Stage, now: float
) -> dict[str, Any]:
    return {
        "stage": stage.number,
        "evidence_stage": evidence.stage,
        "weight_bp": stage.weight_bp,
        "age_s": now - stage.started_at,
        "min_s": stage.min_s,
        "repeats": [
            {"route": new.repeat.route, "fingerprint": new.repeat.fingerprint, "more": new.more}
            for new in new_repeats(repeats)
        ],
        "shadow_differences": sum(not gap.is_accepted for gap in gaps),
        "shadow_accepted": sum(gap.is_accepted for gap in gaps),
        **numbers_of(evidence, stage.max_errors),
    }
