"""Crossovers: beginning one, stopping it by hand, and ending it once its last period was judged."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from canary.conf import canary_conf
from canary.core.approvals import BEGIN_CROSSOVER, REQUEST, Request
from canary.core.crossover import LEAD_S, fault_of_crossover, running_crossover, stored_crossover
from canary.core.lifecycle import ACTIVE, life_from, names_told
from canary.core.names import in_names
from canary.core.plans import FULL_BP, is_active
from canary.core.values import parse_identity
from canary.core.wording import percent
from canary.errors import Refused
from canary.models import ListEntry, Rollout
from canary.services.changing import begin_release, change_rollout, refuse_crossing, refuse_latched
from canary.services.freezing import OVERRIDE, refuse_frozen
from canary.services.waiting import StepUp, keep_waiting

STOPPED: Final = "stopped"
ROLLED_BACK: Final = "rolled_back"


def start_crossover(  # noqa: PLR0913  as every change: who, what, why, when and against which state
    *,
    consumers: Sequence[str],
    period_s: float,
    pairs: int,
    actor: str,
    reason: str,
    expected_version: int | None,
    now: datetime,
    approved: Request | None = None,
    is_despite_freeze: bool = False,
) -> Rollout:
    """Begin a release in which these consumers switch between the versions; all others stay on the stable one.

    The first period begins when every process has read the schedule. The start waits for an approval as a plan does.
    """
    arguments = {"consumers": [*consumers], "period_s": period_s, "pairs": pairs}
    arguments |= {"is_despite_freeze": is_despite_freeze}
    told = ({"request": approved} if approved else {}) | ({OVERRIDE: True} if is_despite_freeze else {})

    def mutate(row: Rollout) -> str | None:
        if sentence := fault_of_crossover(consumers, period_s, pairs):
            raise Refused("bad-crossover", sentence)
        _refuse_unfit(row, consumers)
        if not is_despite_freeze:
            refuse_frozen(row, FULL_BP, now, plan=row.plan, override=OVERRIDE)
        if keep_waiting(row, StepUp(BEGIN_CROSSOVER, arguments, row.weight_bp, actor, reason, now, approved)):
            return REQUEST
        row.plan, row.request = None, None
        begin_release(row, now)
        row.crossover = stored_crossover(now.timestamp() + LEAD_S, period_s, pairs, consumers)
        return None

    return change_rollout(
        verb=BEGIN_CROSSOVER,
        actor=actor,
        reason=reason,
        expected_version=expected_version,
        now=now,
        mutate=mutate,
        evidence=told or None,
    )


def end_crossover(
    *,
    verdict: str = STOPPED,
    actor: str,
    reason: str,
    expected_version: int | None,
    now: datetime,
    evidence: dict[str, Any] | None = None,
) -> Rollout:
    """End the running crossover: all are back on the stable version. The verdict stays until another release."""

    def mutate(row: Rollout) -> None:
        if not end_in(row, verdict, now):
            raise Refused("no-crossover", "No crossover is running.")

    return change_rollout(
        verb="crossover stop" if verdict == STOPPED else "crossover end",
        actor=actor,
        reason=reason,
        expected_version=expected_version,
        now=now,
        mutate=mutate,
        evidence=evidence,
    )


def end_in(row: Rollout, verdict: str, now: datetime) -> bool:
    """Return whether the row had a running crossover, which ends by this."""
    if row.crossover is None or running_crossover(row.crossover) is None:
        return False
    row.crossover = {**row.crossover, "ended_at": now.timestamp(), "verdict": verdict}
    return True


def _refuse_unfit(row: Rollout, consumers: Sequence[str]) -> None:
    """Refuse a crossover where something else decides who is answered by which version."""
    refuse_latched(row)
    refuse_crossing(row)
    if is_active(row.plan):
        raise Refused("plan-active", "A plan is active; `rollback` ends it.")
    if row.weight_bp:
        sentence = f"v2 has {percent(row.weight_bp)}; a crossover begins at 0 %."
        raise Refused("weight-above-zero", in_names(sentence, row.names))
    state, enabled = life_from(row.lifecycle).state, canary_conf().enabled(row.names)
    if state != ACTIVE:
        sentence = f"v1 is {state}; a crossover needs both versions in service."
        raise Refused("end-of-v1-begun", in_names(sentence, row.names))
    if not all(enabled):
        raise Refused("version-off", "One of the versions is switched off; a crossover needs both.")
    if listed := [name for name in consumers if _is_listed(name)]:
        sentence = f"The lists already choose the version of {names_told(listed)}: take them off first."
        raise Refused("listed", sentence)


def _is_listed(name: str) -> bool:
    identity = parse_identity(name)
    return ListEntry.objects.filter(kind=identity.kind, identifier=identity.id).exists()
