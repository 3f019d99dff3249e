"""Many releases of one kind, and how they ended under each rule."""

import random
import statistics
from dataclasses import dataclass, field
from typing import Final

from canary.core.statistics import Evidence
from canary.core.statistics.bets import LOG_THRESHOLD
from tests.simulation.population import MAX_ERRORS, STAGE_MIN, STAGES_BP, Release, Truth, draw_release
from tests.simulation.rules import minute_of_threshold, minute_of_z_test

ROWS: Final = {
    "identical": (Truth(), 2_000),
    "errors × 0.7": (Truth(errors=0.7), 200),
    "errors × 2": (Truth(errors=2), 200),
    "errors × 3": (Truth(errors=3), 200),
    "errors × 5": (Truth(errors=5), 600),
    "latency + 20 %": (Truth(latency=1.2), 200),
    "latency + 50 %": (Truth(latency=1.5), 200),
    "refusals × 5": (Truth(refusals=5), 200),
    "cold: latency × 2 for 3 min after each step": (Truth(cold=2), 400),
    "better: errors × 0.5, latency - 20 %": (Truth(errors=0.5, latency=0.8), 300),
}
"""Of the table: how v2 differs, and how many releases of that kind are drawn."""
SEED: Final = "1"


@dataclass
class Outcome:
    """`alarm_min` is None without an alarm; `stages_safe` counts the stages that were safe when their time was over."""

    alarm_min: float | None
    stages_safe: int
    is_guard_alarm: bool
    is_held: bool
    """Whether refusals alone held it."""


@dataclass
class Trials:
    runs: int = 0
    alarms: list[float] = field(default_factory=list)
    """Minutes of the alarms."""
    thresholds: int = 0
    z_tests: int = 0
    guards: int = 0
    held: int = 0
    safe: int = 0
    """Releases without an alarm that were safe in time in every stage."""

    @property
    def rate(self) -> float:
        return len(self.alarms) / self.runs

    @property
    def median_min(self) -> float | None:
        return statistics.median(self.alarms) if self.alarms else None


def run_trials(truth: Truth, runs: int, seed: str, *, size: int = 2_000, with_rules: bool = True) -> Trials:
    trials = Trials()
    for number in range(runs):
        release = draw_release(random.Random(f"{seed} {number}"), truth, size=size)
        add(trials, judged(release, f"{seed} {number}"))
        if with_rules:
            trials.thresholds += minute_of_threshold(release.minutes) is not None
            trials.z_tests += minute_of_z_test(release.minutes) is not None
    return trials


def judged(release: Release, guard_salt: str) -> Outcome:
    """Looked at after every single observation, up to the alarm."""
    evidence = Evidence.fresh(guard_salt)
    stages_safe, end = 0, STAGE_MIN
    for at, observed in release.observations:
        if at >= end:
            stages_safe += evidence.certificate.against(MAX_ERRORS).is_safe
            end += STAGE_MIN
        evidence.take(observed)
        if evidence.comparison.is_alarm:
            return outcome_of(evidence, at, stages_safe)
    return outcome_of(evidence, None, stages_safe + evidence.certificate.against(MAX_ERRORS).is_safe)


def outcome_of(evidence: Evidence, alarm_min: float | None, stages_safe: int) -> Outcome:
    is_held = evidence.comparison.refusals.peak >= LOG_THRESHOLD
    return Outcome(alarm_min, stages_safe, evidence.guard.is_alarm, is_held)


def add(trials: Trials, outcome: Outcome) -> None:
    trials.runs += 1
    trials.guards += outcome.is_guard_alarm
    trials.held += outcome.is_held
    if outcome.alarm_min is not None:
        trials.alarms.append(outcome.alarm_min)
    else:
        trials.safe += outcome.stages_safe == len(STAGES_BP)
