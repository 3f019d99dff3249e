"""Compute each verdict of a release again from the stored observations, and compare it with the stored one."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from django.db.models import Count

from canary.conf import canary_conf
from canary.core.arrivals import Arrivals
from canary.core.calendar import Opening
from canary.core.crossover import crossover_from
from canary.core.crossover_verdict import BREAKER, CrossoverVerdict, judge_crossover, seen_from
from canary.core.gates import Answer, gated
from canary.core.judgements import Judgement, QueryRepeat, ShadowGap, Stage, Trip
from canary.core.names import names_from
from canary.core.statistics import Evidence
from canary.core.statistics.packing import unpack
from canary.errors import Refused
from canary.judging.controller import ACTOR
from canary.judging.evidence import Builds, guard_salt, replayed
from canary.judging.judging import Inputs, dated_by, evidence_of, judge_inputs, stage_of
from canary.models import EvidenceCheckpoint, Observation, Rollout, RolloutEvent, Verdict
from canary.recording.pruning import SEEN_DAYS
from canary.services.changing import REASON_MAX

EQUAL: Final = "equal"
UNEQUAL: Final = "unequal"
UNKNOWN: Final = "unknown"
DEEDS: Final = {"pass": "promote", "hold": "hold", "harm": "rollback"}
LIMITS: Final = (
    "Taken as the verdicts recorded them, since what they were counted from is not kept as it was: tripped breakers,"
    " counts of a crossover's periods, repeated statements, differences, gates, freezes, arrivals, and without a plan"
    " the declared limit.",
    "A verdict that stays is renewed every few seconds, and its last figures are kept.",
)
NO_INPUTS: Final = "an older release wrote it, without what it rests on besides the observations"
TOO_MANY: Final = "it rests on more findings than are kept with a verdict"
GONE: Final = "observations that it rests on were deleted"
NO_CHECKPOINT: Final = "It has no checkpoint, so today's SECRET_KEY draws the A/A guard."
CLOSE: Final = 1e-9
"""C libraries differ in the last digit of a logarithm."""


@dataclass(frozen=True, slots=True)
class Stored:
    """A verdict, or a change that the controller made by one."""

    what: str
    at: datetime
    kind: str
    sentence: str
    numbers: Mapping[str, Any]
    stage: int
    event: RolloutEvent | None = None

    @property
    def observations(self) -> int:
        """Return after how many observations it was made; 0 where it does not say."""
        given = self.numbers.get("observations")
        return given if isinstance(given, int) else 0


@dataclass(frozen=True, slots=True)
class Result:
    stored: Stored
    result: str
    differs: Sequence[str] = ()
    """Names of the members that differ."""
    why: str = ""

    def as_json(self) -> dict[str, Any]:
        stored = self.stored
        return {
            "what": stored.what,
            "at": stored.at.isoformat(),
            "version": stored.event and stored.event.version,
            "stage": stored.stage,
            "observations": stored.observations,
            "sentence": stored.sentence,
            "result": self.result,
            "differs": [*self.differs],
            "why": self.why,
        }


class Walk:
    """The evidence of a release, from its first observation on, or from its checkpoint where earlier ones are gone."""

    def __init__(self, release: int, known: int) -> None:
        """`known`: after so many observations the latest stored verdict was made."""
        self._builds = Builds(release)
        self.checkpoint, saved = _checkpoint(release)
        upto, wanted = self._count(release, self.checkpoint), saved.taken if saved else known
        self.missing = max(0, wanted - upto)
        start = saved if self.missing else Evidence.fresh(_salt(self.checkpoint, release))
        self.evidence: Evidence | None = start
        """None where nothing can be computed any more."""
        after = self.checkpoint.sequence if self.missing and self.checkpoint else 0
        self._rows = replayed(release, after)
        self._saved = None if self.missing else saved
        self.checked = UNEQUAL if saved and upto > wanted else UNKNOWN
        """Whether the checkpoint comes out again; unknown until the walk has come there."""
        self._check()

    def reach(self, observations: int) -> Evidence | None:
        """Return the evidence after so many observations; None where they are gone or never were."""
        evidence = self.evidence
        if evidence is None or evidence.taken > observations:
            return None
        while evidence.taken < observations:
            row = next(self._rows, None)
            if row is None:
                return None
            observed = self._builds.observed(*row)
            if observed is not None:
                evidence.take(observed)
                self._check()
        return evidence

    def finish(self) -> None:
        """Walk on to the checkpoint if it is later than the last verdict."""
        if self._saved is not None:
            self.reach(self._saved.taken)

    def _check(self) -> None:
        saved, evidence = self._saved, self.evidence
        if saved is None or evidence is None or saved.taken != evidence.taken or self.checked == UNEQUAL:
            return
        self.checked = EQUAL if is_same(unpack(saved.dump()), unpack(evidence.dump())) else UNEQUAL

    def _count(self, release: int, checkpoint: EvidenceCheckpoint | None) -> int:
        """Return how many observations that count are there, up to the checkpoint if there is one."""
        rows: Any = Observation.objects.filter(release=release).exclude(sequence=None)
        if checkpoint is not None:
            rows = rows.filter(sequence__lte=checkpoint.sequence)
        counts = rows.values_list("stage", "build").annotate(count=Count("pk"))
        return sum(count for stage, build, count in counts if self._builds.counts(stage, build))


def replay(release: int, now: datetime) -> dict[str, Any]:
    """Return for each verdict, and each change by the controller, whether it comes out again. Changes nothing."""
    stored = sorted([*_verdicts(release), *_deeds(release)], key=lambda one: (one.observations, one.at))
    if not stored:
        raise Refused("no-such-release", f"Release {release} has no verdict: there is nothing to compute again.")
    walk = Walk(release, max(one.observations for one in stored))
    is_pruned = _began_at(release) < now - timedelta(days=min(canary_conf().retention_days, SEEN_DAYS))
    results = [*_results(walk, stored, is_pruned=is_pruned)]
    walk.finish()
    counts = {word: sum(one.result == word for one in results) for word in (EQUAL, UNEQUAL, UNKNOWN)}
    found = {
        "release": release,
        "counts": counts,
        "missing": walk.missing,
        "checkpoint": walk.checked,
        "results": [one.as_json() for one in results],
        "notes": [*LIMITS, *([] if walk.checkpoint else [NO_CHECKPOINT])],
    }
    if sentence := _fault(counts[UNEQUAL], walk.checked, 0 if is_pruned else walk.missing):
        found |= {"error": sentence, "current": None}
    return found


def _fault(unequal: int, checkpoint: str, deleted: int) -> str:
    sentences = [f"{unequal} of the stored verdicts and changes do not come out again."] if unequal else []
    sentences += ["The checkpoint of the evidence does not come out again."] if checkpoint == UNEQUAL else []
    sentences += [f"{deleted} observations are missing that were too young to be deleted."] if deleted else []
    return " ".join(sentences)


def _verdicts(release: int) -> Iterator[Stored]:
    for row in Verdict.objects.filter(release=release).order_by("pk"):
        judged_at = row.numbers.get("judged_at")
        at = datetime.fromisoformat(judged_at) if judged_at else row.at
        yield Stored("verdict", at, row.kind, row.sentence, row.numbers, row.stage)


def _deeds(release: int) -> Iterator[Stored]:
    events = RolloutEvent.objects.filter(actor=ACTOR, before__release=release, verb__in=DEEDS.values())
    for event in events.order_by("version"):
        numbers: dict[str, Any] = event.evidence or {}
        kind = next(kind for kind, verb in DEEDS.items() if verb == event.verb)
        yield Stored(event.verb, event.at, kind, event.reason, numbers, event.before["stage"], event)


def _results(walk: Walk, stored: Sequence[Stored], *, is_pruned: bool) -> Iterator[Result]:
    for one in stored:
        inputs: Mapping[str, Any] = one.numbers.get("inputs") or {}
        evidence = walk.reach(one.observations)
        if not inputs:
            yield Result(one, UNKNOWN, why=NO_INPUTS)
        elif evidence is None:
            yield Result(one, UNKNOWN if is_pruned and walk.missing else UNEQUAL, ("observations",), GONE)
        elif not inputs.get("is_whole"):
            yield Result(one, UNKNOWN, why=TOO_MANY)
        else:
            differs = _differences(evidence, one)
            yield Result(one, UNEQUAL if differs else EQUAL, differs)


def _differences(evidence: Evidence, stored: Stored) -> list[str]:
    """Return the names of all that does not come out again."""
    try:
        judgement, stage = _judged_again(evidence, stored)
    except (KeyError, TypeError, ValueError, RolloutEvent.DoesNotExist):
        return ["inputs"]
    told = {name: value for name, value in stored.numbers.items() if name != "judged_at"}
    again = evidence_of(judgement)
    differs = [name for name in sorted({*told, *again}) if not is_same(told.get(name), again.get(name))]
    sentence = judgement.sentence if stored.event is None else judgement.sentence.strip()[:REASON_MAX]
    columns = {
        "kind": (stored.kind, judgement.kind),
        "sentence": (stored.sentence, sentence),
        "stage": (stored.stage, stage.number),
    }
    differs += [name for name, (given, computed) in columns.items() if given != computed and name not in differs]
    return differs + ([] if stored.event is None else _undone(stored.event, stage))


def _undone(event: RolloutEvent, stage: Stage) -> list[str]:
    """Return what the change did otherwise than its verdict demands."""
    after = event.after
    wanted = {"promote": (stage.next_bp, False), "hold": (stage.weight_bp, False), "rollback": (0, True)}[event.verb]
    return [] if (after["weight_bp"], after["latched"]) == wanted else ["change"]


def _judged_again(evidence: Evidence, stored: Stored) -> tuple[Judgement, Stage]:
    numbers = stored.numbers
    given = numbers["inputs"]
    repeats = [QueryRepeat(*row) for row in given["repeats"]]
    gaps = [ShadowGap(*row) for row in given["gaps"]]
    curve = given["arrivals"]
    arrivals = None if curve is None else Arrivals(tuple(curve[0]), tuple(curve[1]))
    row = _row_at(given["version"])
    stage = stage_of(row, arrivals)
    if "max_errors_bp" not in (row.plan or {}):
        stage = replace(stage, max_errors=numbers["safe"]["p0"])
    trips = [Trip(**trip) for trip in numbers["trips"] if trip["breaker"] != BREAKER]
    inputs = Inputs(given["version"], repeats, gaps)
    judgement = judge_inputs(evidence, inputs, stage, stored.at, trips, row.names, crossing=_crossing(row, numbers))
    judgement = gated(judgement, stage, [Answer(**answer) for answer in numbers["gates"]])
    return dated_by(judgement, row, _opening(given["opening"]), stored.at), stage


def _crossing(row: Rollout, numbers: Mapping[str, Any]) -> CrossoverVerdict | None:
    """Return the verdict on a crossover, from the counts that the stored one rests on."""
    told, crossover = numbers.get(BREAKER), crossover_from(row.crossover)
    if told is None or crossover is None:
        return None
    return judge_crossover(crossover, seen_from(told["counts"]), told["done"])


def _opening(given: Sequence[Any] | None) -> Opening | None:
    return None if given is None else Opening(given[0], given[1], ZoneInfo(given[2]))


def _row_at(version: int) -> Rollout:
    """Return the row as it was after the event of this version, as far as judging asks."""
    event = RolloutEvent.objects.get(version=version)
    told = event.after
    of_stage = RolloutEvent.objects.filter(after__release=told["release"], after__stage=told["stage"])
    began_at = of_stage.order_by("version").values_list("at", flat=True).first()
    assert began_at is not None
    names = names_from(told)
    return Rollout(
        version=version,
        weight_bp=told["weight_bp"],
        release=told["release"],
        stage=told["stage"],
        latched=told["latched"],
        plan=told["plan"],
        crossover=told.get("crossover"),
        stage_started_at=began_at,
        stable=names.stable,
        candidate=names.candidate,
    )


def _began_at(release: int) -> datetime:
    """Return when the release began: by its first event, else by its first verdict."""
    events = RolloutEvent.objects.filter(after__release=release).order_by("version")
    began_at = events.values_list("at", flat=True).first()
    return began_at or Verdict.objects.filter(release=release).earliest("pk").at


def _checkpoint(release: int) -> tuple[EvidenceCheckpoint | None, Evidence | None]:
    row = EvidenceCheckpoint.objects.filter(release=release).first()
    if row is None:
        return None, None
    try:
        return row, Evidence.load(bytes(row.state))
    except (ValueError, KeyError, TypeError):  # of another version of this program
        return None, None


def _salt(checkpoint: EvidenceCheckpoint | None, release: int) -> str:
    """Return the salt of the A/A guard: that of the checkpoint, since another SECRET_KEY would give another one."""
    return guard_salt(release) if checkpoint is None else str(unpack(bytes(checkpoint.state))["guard_salt"])


def is_same(one: Any, other: Any) -> bool:
    """Return whether two values are the same as JSON, floats to nine digits."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(is_same(one[name], other[name]) for name in one)
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(is_same, one, other))
    if isinstance(one, float) or isinstance(other, float):
        is_number = isinstance(one, int | float) and isinstance(other, int | float)
        return is_number and math.isclose(one, other, rel_tol=CLOSE, abs_tol=CLOSE)
    return bool(one == other)
