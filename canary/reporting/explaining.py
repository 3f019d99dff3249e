"""Explain which version answers an identity and why, and which identity it was before."""

from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from canary.core.bucketing import bucket
from canary.core.routing import choose
from canary.core.values import Decision, Identity, Snapshot, is_storable
from canary.models import ListEntry, SeenIdentity
from canary.reporting.people import People
from canary.state.coming import waiting_change

MOVES_SHOWN: Final = 20


def explain(identity: Identity, snapshot: Snapshot, now_s: float, *, salt: str | None = None) -> dict[str, Any]:
    """Return the decision by this snapshot, and by nothing else; `salt` tries another than the rollout's."""
    if salt is not None:
        snapshot = replace(snapshot, salt=salt)
    decision = choose(identity, None, snapshot, now_s)
    assert isinstance(decision, Decision)  # only a header can be refused
    return {
        "identity": str(identity),
        "bucket": bucket(identity, snapshot.salt),
        "weight_bp": snapshot.weight_bp,
        "api_version": decision.api_version,
        "reason": decision.reason,
    }


def still_in_force(identity: Identity, stored: Snapshot, now: datetime, *, salt: str | None = None) -> dict[str, Any]:
    """Return the decision in force until `comes_into_force_at`; empty when it is that of `stored`."""
    waiting = waiting_change(stored, identity, now) if is_storable(identity.id) else None
    if waiting is None:
        return {}
    served, decided = (explain(identity, each, now.timestamp(), salt=salt) for each in (waiting.in_force, stored))
    if served == decided:
        return {}
    return {
        "in_force": {
            "version": waiting.in_force.version,
            **{name: served[name] for name in ("weight_bp", "api_version", "reason")},
        },
        "comes_into_force_at": waiting.stored_comes_at.isoformat(timespec="milliseconds"),
    }


def account_of(identity: Identity, snapshot: Snapshot, now_s: float) -> dict[str, Any]:
    """Return the facts that the database adds; a member is missing where there is nothing to report.

    `list` is the list that the identity stands on, with the reason and the person. `moved_from` is the identity that
    the same client had before it was authenticated. `moved_to` are the identities that this one became, each with the
    version that answers it.
    """
    if not is_storable(identity.id):
        return {}
    entry = ListEntry.objects.filter(kind=identity.kind, identifier=identity.id).first()
    seen = SeenIdentity.objects.filter(kind=identity.kind, identifier=identity.id).exclude(before_identifier="").first()
    became = SeenIdentity.objects.filter(before_kind=identity.kind, before_identifier=identity.id)
    account: dict[str, Any] = {}
    if entry:
        name = People([entry.actor]).actor(entry.actor)
        account["list"] = {"name": entry.list, "reason": entry.reason, "actor": entry.actor, "actor_name": name}
    if seen:
        account["moved_from"] = _standing(Identity(seen.before_kind, seen.before_identifier), snapshot, now_s)
    later = [Identity(row.kind, row.identifier) for row in became.order_by("-last_seen_at")[:MOVES_SHOWN]]
    if later:
        account["moved_to"] = [_standing(one, snapshot, now_s) for one in later]
    return account


def _standing(identity: Identity, snapshot: Snapshot, now_s: float) -> dict[str, Any]:
    explained = explain(identity, snapshot, now_s)
    return {name: explained[name] for name in ("identity", "bucket", "api_version", "reason")}
