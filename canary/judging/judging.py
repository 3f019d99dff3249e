"""Judge from the tables: the findings beside the evidence, and the stage that is judged."""

from collections.abc import Sequence
from dataclasses import astuple, replace
from datetime import datetime
from typing import Any, Final, NamedTuple

from canary.core.arrivals import Arrivals
from canary.core.calendar import Opening, dated
from canary.core.crossover import running_crossover
from canary.core.crossover_verdict import CrossoverVerdict, crossed
from canary.core.judgements import Judgement, QueryRepeat, ShadowGap, Stage, Trip
from canary.core.names import FIRST, Names, in_names
from canary.core.plans import is_active, next_step_bp
from canary.core.policy import judge
from canary.core.statistics import Evidence
from canary.judging.breaking import limits_of
from canary.models import EvidencePoint, QueryFinding, Rollout, ShadowDifference, Verdict
from canary.services.differences import accepted_differences
from canary.state.calendar import opening_for_step

FINDINGS_MAX: Final = 1_000
FINDINGS_KEPT: Final = 100
"""With a verdict: a thousand rows of a thousand verdicts would be a burden for every reader."""
LEAST_GAPS: Final = {"sql": 3}
"""In how many reads a kind of difference must be seen before it counts. For bodies one read is enough."""
NO_GAPS: Final = ("refusal",)
"""Kinds that are shown only. One client with an odd address must not hold a release: its breaker counts clients."""
POINTS_MAX: Final = 1_000
"""The most points of a release. Beyond it every other one of the older three quarters goes: old ones get sparse."""
VERDICTS_MAX: Final = 1_000


def judge_row(
    evidence: Evidence,
    row: Rollout,
    now: datetime,
    trips: Sequence[Trip],
    arrivals: Arrivals | None = None,
    *,
    crossing: CrossoverVerdict | None = None,
) -> Judgement:
    """Return the judgement on the stage in force."""
    stage, inputs = stage_of(row, arrivals), Inputs(row.version, repeats_of(row.release), gaps_of(row.release))
    return judge_inputs(evidence, inputs, stage, now, trips, row.names, crossing=crossing)


class Inputs(NamedTuple):
    """The rows that a judgement rests on besides the observations, and the rollout's version: `replay` needs them."""

    version: int
    repeats: Sequence[QueryRepeat]
    gaps: Sequence[ShadowGap]

    def as_json(self, arrivals: Arrivals | None) -> dict[str, Any]:
        """Return them as verdicts and events keep them. `is_whole` is false where there are too many to be kept."""
        return {
            "version": self.version,
            "arrivals": None if arrivals is None else [[*arrivals.times_s], [*arrivals.people]],
            "repeats": [list(astuple(repeat)) for repeat in self.repeats[:FINDINGS_KEPT]],
            "gaps": [list(astuple(gap)) for gap in self.gaps[:FINDINGS_KEPT]],
            "is_whole": max(len(self.repeats), len(self.gaps)) <= FINDINGS_KEPT,
        }


def judge_inputs(  # noqa: PLR0913  the evidence, and all that stands beside it
    evidence: Evidence,
    inputs: Inputs,
    stage: Stage,
    now: datetime,
    trips: Sequence[Trip] = (),
    names: Names = FIRST,
    *,
    crossing: CrossoverVerdict | None = None,
) -> Judgement:
    """Return the judgement, with its inputs among its numbers. Its sentence has the versions' names."""
    if crossing is not None and stage.is_crossover and crossing.trip is not None:
        trips = [*trips, crossing.trip]
    judgement = judge(evidence, inputs.repeats, inputs.gaps, stage, now.timestamp(), trips)
    judgement = crossed(judgement, crossing)
    numbers = {**judgement.numbers, "inputs": inputs.as_json(stage.arrivals)}
    return replace(judgement, sentence=in_names(judgement.sentence, names), numbers=numbers)


def dated_row(judgement: Judgement, row: Rollout, now: datetime) -> Judgement:
    """Return the judgement as far as dates and freezes let it."""
    return dated_by(judgement, row, opening_for_step(row.plan, row.weight_bp, now), now)


def dated_by(judgement: Judgement, row: Rollout, opening: Opening | None, now: datetime) -> Judgement:
    """Return the judgement as far as this opening lets it, which then is one of its inputs."""
    begins = row.plan is not None and row.plan["step"] is None and bool(row.plan.get("steps_at"))
    told = None if opening is None else [opening.at, opening.why, str(opening.zone)]
    numbers = {**judgement.numbers, "inputs": {**judgement.numbers["inputs"], "opening": told}}
    return dated(replace(judgement, numbers=numbers), stage_of(row), opening, now.timestamp(), begins=begins)


def stage_of(row: Rollout, arrivals: Arrivals | None = None) -> Stage:
    """Return the stage. A plan's minimum time ends at its `next_at`, as after `resume`, also at its last step."""
    started_at, plan = row.stage_started_at.timestamp(), row.plan
    is_crossover = running_crossover(row.crossover) is not None
    stage = Stage(row.stage, row.weight_bp, started_at, 0.0, None, limits_of(row).max_errors, arrivals, is_crossover)
    if plan is None:
        return stage
    due_at = datetime.fromisoformat(plan["next_at"]).timestamp() if plan["next_at"] else started_at + plan["min_s"]
    next_bp = next_step_bp(plan["steps_bp"], row.weight_bp) if is_active(plan) else None
    return replace(stage, min_s=max(0.0, due_at - started_at), next_bp=next_bp)


def repeats_of(release: int) -> list[QueryRepeat]:
    """Return the repeated statements, the worst first: any beyond the limit repeat less."""
    rows = QueryFinding.objects.filter(release=release).order_by("-repeats_max", "pk")
    columns = ("api_version", "route", "fingerprint", "repeats_max", "requests")
    return [QueryRepeat(*row) for row in rows.values_list(*columns)[:FINDINGS_MAX]]


def gaps_of(release: int) -> list[ShadowGap]:
    """Return the differences, the most frequent first, including accepted ones."""
    accepted = accepted_differences()
    rows = ShadowDifference.objects.filter(release=release).exclude(kind__in=NO_GAPS).order_by("-count", "pk")
    most = rows.values_list("route", "path", "kind", "count")[: FINDINGS_MAX + len(accepted)]
    gaps = (ShadowGap(*row, is_accepted=row[:3] in accepted) for row in most)
    return [gap for gap in gaps if is_gap(gap.kind, gap.count)]


def is_gap(kind: str, count: int) -> bool:
    """Return whether a difference that nobody has accepted holds a step."""
    return kind not in NO_GAPS and count >= LEAST_GAPS.get(kind, 1)


def evidence_of(judgement: Judgement) -> dict[str, Any]:
    """Return the evidence as events and verdicts keep it."""
    return {
        "kind": judgement.kind,
        "reason": judgement.reason,
        "eta_s": judgement.eta_s,
        **judgement.numbers,
    }


def write_verdict(row: Rollout, judgement: Judgement, now: datetime) -> None:
    """Write a new verdict when kind, reason or stage changes; else renew the words and figures of the last.

    So `at` says since when it is so, `numbers["judged_at"]` from when the figures are.
    """
    numbers = evidence_of(judgement) | {"judged_at": now.isoformat()}
    last = Verdict.objects.filter(release=row.release).order_by("-pk").first()
    if last is not None and _key(last) == (row.stage, judgement.kind, judgement.reason):
        last.sentence, last.numbers = judgement.sentence, numbers
        last.save(update_fields=["sentence", "numbers"])
        return
    Verdict.objects.create(
        release=row.release,
        stage=row.stage,
        # Clocks of two controllers may differ: the latest verdict is the last one by time too.
        at=max(now, last.at) if last else now,
        kind=judgement.kind,
        sentence=judgement.sentence,
        numbers=numbers,
    )
    old = Verdict.objects.filter(release=row.release).order_by("-pk").values_list("pk", flat=True)[VERDICTS_MAX:]
    Verdict.objects.filter(pk__in=[*old]).delete()


def write_point(release: int, log_e: dict[str, float], now: datetime) -> None:
    EvidencePoint.objects.create(release=release, at=now, log_e=log_e)
    points = EvidencePoint.objects.filter(release=release).order_by("pk")
    if points.count() > POINTS_MAX:
        older = points.values_list("pk", flat=True)[1 : POINTS_MAX * 3 // 4 : 2]
        EvidencePoint.objects.filter(pk__in=[*older]).delete()


def _key(verdict: Verdict) -> tuple[int, str, Any]:
    return verdict.stage, verdict.kind, verdict.numbers.get("reason")
