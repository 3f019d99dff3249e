"""Plans: beginning one, stopping and going on, and taking its next step."""

import secrets
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from canary.conf import canary_conf
from canary.core.approvals import REQUEST, Request
from canary.core.breakers.limits import Limits, fault_of_limits
from canary.core.bucketing import cohort_of
from canary.core.calendar import Schedule
from canary.core.plans import (
    DONE,
    HELD,
    PAUSED,
    RUNNING,
    Plan,
    fault_of_steps,
    is_active,
    next_step_bp,
    reached_step,
)
from canary.core.power import PlanPower
from canary.errors import Refused
from canary.models import PastCohort, Rollout
from canary.services.changing import begin_release, change_rollout, move_weight, refuse_crossing, refuse_latched
from canary.services.freezing import OVERRIDE, refuse_frozen
from canary.services.waiting import StepUp, keep_waiting

LOW_POWER: Final = "low-power"
"""The code of a refusal that can be overridden."""


def start_plan(  # noqa: PLR0913  as every change: who, what, why, when and against which state
    *,
    steps_bp: Sequence[int],
    min_s: float,
    is_fresh_cohort: bool,
    limits: Limits | None = None,
    schedule: Schedule | None = None,
    actor: str,
    reason: str,
    expected_version: int | None,
    now: datetime,
    power: PlanPower | None = None,
    is_low_power_accepted: bool = False,
    is_despite_freeze: bool = False,
    approved: Request | None = None,
) -> Rollout:
    """Begin a release at the first step, with the settings' limits unless others are declared.

    A fresh cohort draws all buckets again, else the same users come first again. With it the cookie gets a key that no
    SECRET_KEY ever gave: the way out after one has leaked.

    `power` is what is known of the plan; the event keeps it. A plan whose step can hardly pass is refused unless that
    is accepted. Where steps up need an approval, the plan needs one, and its own steps then need no other. A plan whose
    first step has a later date begins at the present weight.
    """
    begun = _Begun(steps_bp, min_s, is_fresh_cohort, limits or canary_conf().limits, schedule or Schedule())
    accepted = {"is_low_power_accepted": is_low_power_accepted, "is_despite_freeze": is_despite_freeze}
    evidence = _evidence_of(power, accepted, approved)
    arguments = {**begun.arguments(), **accepted}

    def mutate(row: Rollout) -> str | None:
        begun.refuse_faulty()
        _refuse_start(row, None if is_low_power_accepted else power)
        plan, begins_at = begun.plan(), begun.schedule.begins_at(now)
        if begins_at is None and not is_despite_freeze:
            refuse_frozen(row, steps_bp[0], now, plan=plan, override=OVERRIDE)
        if keep_waiting(row, StepUp("start", arguments, steps_bp[0], actor, reason, now, approved, evidence)):
            return REQUEST
        begun.begin(row, plan, begins_at, now)
        return None

    return change_rollout(
        verb="start",
        actor=actor,
        reason=reason,
        expected_version=expected_version,
        now=now,
        mutate=mutate,
        evidence=evidence,
    )


@dataclass(frozen=True, slots=True)
class _Begun:
    """A plan as it is declared."""

    steps_bp: Sequence[int]
    min_s: float
    is_fresh_cohort: bool
    limits: Limits
    schedule: Schedule

    def arguments(self) -> dict[str, Any]:
        """Return what `start_plan` needs to do the same later, as JSON."""
        return {
            "steps_bp": [*self.steps_bp],
            "min_s": self.min_s,
            "is_fresh_cohort": self.is_fresh_cohort,
            "limits": asdict(self.limits),
            "schedule": asdict(self.schedule),
        }

    def refuse_faulty(self) -> None:
        faults = (
            fault_of_steps(self.steps_bp, self.min_s),
            fault_of_limits(self.limits),
            self.schedule.fault(len(self.steps_bp)),
        )
        if sentence := next(filter(None, faults), None):
            raise Refused("bad-plan", sentence)

    def plan(self) -> dict[str, Any]:
        plan = Plan(steps_bp=[*self.steps_bp], step=0, state=RUNNING, min_s=self.min_s, next_at=None)
        return {**plan, **asdict(self.limits), **self.schedule.in_plan()}

    def begin(self, row: Rollout, plan: dict[str, Any], begins_at: datetime | None, now: datetime) -> None:
        if self.is_fresh_cohort:
            _draw_cohort(row)
        if begins_at is None:
            row.plan = plan
            _step_to(row, self.steps_bp[0], now)
        else:
            step = reached_step(self.steps_bp, row.weight_bp)
            row.plan = {**plan, "step": step, "next_at": begins_at.astimezone(UTC).isoformat()}
        row.request = None
        begin_release(row, now)


def _evidence_of(power: PlanPower | None, accepted: dict[str, bool], approved: Request | None) -> dict[str, Any] | None:
    """Return what the event keeps: the power of the plan and what was accepted; the request that it carries out."""
    if approved is not None:
        return {**(approved["evidence"] or {}), "request": {**approved, "evidence": None}}
    known = (
        {} if power is None else {"power": power.as_json(), "is_low_power_accepted": accepted["is_low_power_accepted"]}
    )
    known |= {OVERRIDE: True} if accepted["is_despite_freeze"] else {}
    return known or None


def pause_plan(*, actor: str, reason: str, expected_version: int | None, now: datetime) -> Rollout:
    """Take no further step by itself."""

    def mutate(row: Rollout) -> None:
        row.plan = {**_plan_in(row, RUNNING, HELD), "state": PAUSED, "next_at": None}

    return change_rollout(
        verb="pause", actor=actor, reason=reason, expected_version=expected_version, now=now, mutate=mutate
    )


def resume_plan(*, actor: str, reason: str, expected_version: int | None, now: datetime) -> Rollout:
    """Go on from the weight as it is: after the minimum time comes the first step above it."""

    def mutate(row: Rollout) -> None:
        refuse_latched(row)
        plan = _plan_in(row, PAUSED, HELD)
        if next_step_bp(plan["steps_bp"], row.weight_bp) is None:
            row.plan = {**plan, "state": DONE, "next_at": None}
        else:
            row.plan = {**plan, "state": RUNNING, "next_at": _due(now, plan["min_s"])}

    return change_rollout(
        verb="resume", actor=actor, reason=reason, expected_version=expected_version, now=now, mutate=mutate
    )


def promote_plan(  # noqa: PLR0913  as every change, and who has approved it
    *,
    actor: str,
    reason: str,
    expected_version: int | None,
    now: datetime,
    evidence: dict[str, Any] | None = None,
    approved: Request | None = None,
    is_by_plan: bool = False,
) -> Rollout:
    """Take the next step now: the first one above the weight. A paused plan stays paused, a held one runs again.

    `is_by_plan`: the controller takes it, as the plan says that was approved at its start.
    """

    def mutate(row: Rollout) -> str | None:
        refuse_latched(row)
        plan = _plan_in(row, RUNNING, PAUSED, HELD)
        step_bp = next_step_bp(plan["steps_bp"], row.weight_bp)
        if step_bp is None:
            raise Refused("no-next-step", "The plan has no step above the weight.")
        refuse_frozen(row, step_bp, now, plan=plan)
        if not is_by_plan and keep_waiting(row, StepUp("promote", {}, step_bp, actor, reason, now, approved)):
            return REQUEST
        row.plan = {**plan, "state": PAUSED if plan["state"] == PAUSED else RUNNING}
        _step_to(row, step_bp, now)
        return None

    return change_rollout(
        verb="promote",
        actor=actor,
        reason=reason,
        expected_version=expected_version,
        now=now,
        mutate=mutate,
        evidence=evidence if approved is None else {"request": approved},
    )


def hold_plan(
    *,
    actor: str,
    reason: str,
    expected_version: int | None,
    now: datetime,
    evidence: dict[str, Any] | None = None,
) -> Rollout:
    """Hold the plan: the controller stays where it is, for a reason that a person should read."""

    def mutate(row: Rollout) -> None:
        row.plan = {**_plan_in(row, RUNNING), "state": HELD}

    return change_rollout(
        verb="hold",
        actor=actor,
        reason=reason,
        expected_version=expected_version,
        now=now,
        mutate=mutate,
        evidence=evidence,
    )


def _plan_in(row: Rollout, *states: str) -> dict[str, Any]:
    """Return the row's plan, which is in one of these states."""
    if row.plan is None:
        raise Refused("no-plan", "There is no plan; `start` begins one.")
    if row.plan["state"] not in states:
        raise Refused("plan-state", f"The plan is {row.plan['state']}; this needs one that is {' or '.join(states)}.")
    plan: dict[str, Any] = row.plan
    return plan


def _step_to(row: Rollout, weight_bp: int, now: datetime) -> None:
    """Move to a step of the row's plan; the last one ends it."""
    assert row.plan is not None
    move_weight(row, weight_bp, now)
    steps_bp = row.plan["steps_bp"]
    if reached_step(steps_bp, weight_bp) == len(steps_bp) - 1:
        row.plan = {**row.plan, "state": DONE, "next_at": None}
    elif row.plan["state"] == RUNNING:
        row.plan = {**row.plan, "next_at": _due(now, row.plan["min_s"])}


def _refuse_start(row: Rollout, power: PlanPower | None) -> None:
    """Refuse a plan beside a latched rollback, a plan or a crossover, and one that can hardly pass by this power."""
    refuse_latched(row)
    refuse_crossing(row)
    if is_active(row.plan):
        raise Refused("plan-active", "A plan is active; `set` pauses it, `rollback` ends it.")
    if power is not None and power.refusal:
        raise Refused(LOW_POWER, power.refusal, override="accept_low_power")


def _draw_cohort(row: Rollout) -> None:
    """Draw all buckets again, and another key of the cookie; keep the salt until now for questions about the past."""
    PastCohort.objects.get_or_create(cohort=cohort_of(row.salt), defaults={"salt": row.salt})
    row.salt, row.cookie_key = secrets.token_hex(16), secrets.token_hex(32)


def _due(now: datetime, min_s: float) -> str:
    return (now + timedelta(seconds=min_s)).astimezone(UTC).isoformat()
