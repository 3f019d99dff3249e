"""Whether a change has to wait for a second person, and keeping it in the row until then."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from canary.conf import canary_conf
from canary.core.approvals import BEGIN_CROSSOVER, ENDS_OF_STABLE, Request, is_confirmed_by, is_same_person
from canary.errors import Refused
from canary.models import Rollout
from canary.services.changing import REASON_MAX, storable


@dataclass(frozen=True, slots=True)
class StepUp:
    """A change that may be a step up. `approved` is the request that it carries out, None when nobody was asked."""

    verb: str
    arguments: dict[str, Any]
    weight_bp: int
    actor: str
    reason: str
    now: datetime
    approved: Request | None = None
    evidence: dict[str, Any] | None = None


def keep_waiting(row: Rollout, change: StepUp) -> bool:
    """Return whether the change has to wait; the row then keeps it as its request, in the place of an earlier one.

    A plan waits at any weight, because its later steps go up, and so do a crossover and an end of v1. Raises Refused if
    the change carries out a request that is not the row's any more, or that the same person has made.
    """
    if change.approved is not None:
        _check(row, change.approved, change.actor)
        return False
    if not canary_conf().is_approval_needed or not _needs_approval(row, change):
        return False
    row.request = Request(
        verb=change.verb,
        arguments=change.arguments,
        weight_bp=change.weight_bp,
        actor=storable(change.actor),
        reason=storable(change.reason).strip()[:REASON_MAX],
        at=change.now.astimezone(UTC).isoformat(),
        evidence=change.evidence,
    )
    return True


def confirmed(row: Rollout, change: StepUp) -> Request | None:
    """Return the request that this end of v1 carries out: somebody else gave the same verb with the same options."""
    is_so = is_confirmed_by(row.request, change.verb, change.arguments, change.actor)
    return row.request if is_so else None


def _needs_approval(row: Rollout, change: StepUp) -> bool:
    return change.verb in ("start", BEGIN_CROSSOVER, *ENDS_OF_STABLE) or change.weight_bp > row.weight_bp


def _check(row: Rollout, approved: Request, actor: str) -> None:
    if row.request != approved:
        raise Refused("request-changed", "The change you saw was decided or replaced meanwhile. Nothing was changed.")
    if is_same_person(actor, approved["actor"]):
        raise Refused("own-request", "The person who asked for this change can't approve it.")
