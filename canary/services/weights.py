"""The weight by hand: setting it, rolling back to nothing, and acknowledging a rollback."""

from datetime import datetime
from typing import Any

from canary.conf import canary_conf
from canary.core.approvals import REQUEST, Request
from canary.core.lifecycle import life_from, refuse_rollback
from canary.core.names import in_names
from canary.core.plans import FULL_BP, HELD, PAUSED, RUNNING
from canary.errors import Refused
from canary.models import Rollout
from canary.services.changing import begin_release, change_rollout, move_weight, refuse_crossing, refuse_latched
from canary.services.crossovers import ROLLED_BACK, end_in
from canary.services.freezing import OVERRIDE, refuse_frozen
from canary.services.waiting import StepUp, keep_waiting


def set_weight(  # noqa: PLR0913  as every change, and what overrides its guards
    *,
    weight_bp: int,
    actor: str,
    reason: str,
    expected_version: int | None,
    now: datetime,
    approved: Request | None = None,
    is_despite_freeze: bool = False,
) -> Rollout:
    """Give v2 this share, in basis points; a running plan is paused by it. A step up may have to be approved first."""
    arguments = {"weight_bp": weight_bp, "is_despite_freeze": is_despite_freeze}
    told = ({"request": approved} if approved else {}) | ({OVERRIDE: True} if is_despite_freeze else {})

    def mutate(row: Rollout) -> str | None:
        check_weight(weight_bp)
        refuse_latched(row)
        refuse_crossing(row)
        if not is_despite_freeze:
            refuse_frozen(row, weight_bp, now, plan=row.plan, override=OVERRIDE)
        if keep_waiting(row, StepUp("set", arguments, weight_bp, actor, reason, now, approved)):
            return REQUEST
        pause_running(row)
        move_weight(row, weight_bp, now)
        row.request = None
        return None

    return change_rollout(
        verb="set",
        actor=actor,
        reason=reason,
        expected_version=expected_version,
        now=now,
        mutate=mutate,
        evidence=told or None,
    )


def roll_back(*, reason: str, actor: str, now: datetime, evidence: dict[str, Any] | None = None) -> Rollout:
    """Give v2 nothing until somebody acknowledges it; end the plan.

    Compares no version: a rollback means the state in force, whichever it is. Refused only where v1 can't answer.
    """

    def mutate(row: Rollout) -> None:
        if sentence := refuse_rollback(
            life_from(row.lifecycle), is_stable_enabled=canary_conf().snapshot.is_stable_enabled
        ):
            raise Refused("v1-gone", in_names(sentence, row.names))
        row.plan, row.request = None, None
        end_in(row, ROLLED_BACK, now)
        move_weight(row, 0, now)
        row.latched = True

    return change_rollout(
        verb="rollback", actor=actor, reason=reason, expected_version=None, now=now, mutate=mutate, evidence=evidence
    )


def acknowledge(*, actor: str, reason: str, expected_version: int | None, now: datetime) -> Rollout:
    """Take the latch of a rollback off. The weight stays at 0, and the evidence that led to it is closed."""

    def mutate(row: Rollout) -> None:
        if not row.latched:
            raise Refused("not-latched", "There is no rollback to acknowledge.")
        row.latched, row.plan = False, None
        begin_release(row, now)

    return change_rollout(
        verb="ack", actor=actor, reason=reason, expected_version=expected_version, now=now, mutate=mutate
    )


def check_weight(weight_bp: int) -> None:
    if not 0 <= weight_bp <= FULL_BP:
        raise Refused("bad-weight", f"A weight is 0 to 100 percent, not {weight_bp / 100:g}.")


def pause_running(row: Rollout) -> None:
    if row.plan is not None and row.plan["state"] in (RUNNING, HELD):
        row.plan = {**row.plan, "state": PAUSED, "next_at": None}
