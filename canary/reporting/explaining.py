"""Explain which version answers an identity and why, now or at a past instant, and which identity it was before."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final

from canary.core.approvals import EXTEND, SUNSET
from canary.core.bucketing import bucket
from canary.core.consumers import end_for, is_extended
from canary.core.lifecycle import iso
from canary.core.plans import FULL_BP
from canary.core.routing import CROSSOVER, choose
from canary.core.values import Decision, Identity, Snapshot, is_storable
from canary.errors import Refused
from canary.models import ListEntry, RolloutEvent, SeenIdentity
from canary.reporting.history import check_log
from canary.reporting.past import ADOPTED_S, Past, first_instant, misdated, past_of, recent_change
from canary.reporting.people import People
from canary.state.coming import waiting_change

MOVES_SHOWN: Final = 20
SWITCHES: Final = (
    "The event log doesn't contain USE_LEGACY_API_V1 and API_V2_ENABLED: both versions are taken as switched on."
)
LATELY: Final = (
    "Version {} was decided in the {} s before: a server that had not read it yet answered by the state before it."
)
MISDATED: Final = "Version {} is dated after this instant, and a later one before it: clocks of machines did not agree."
DOUBTFUL: Final = "No known key has sealed some of the events up to then: `history --verify` names them."
BROKEN: Final = "The event log is broken at version {}, so nothing proves this answer."
UNKNOWN_COHORT: Final = (
    "The decision at {} is unknown: the salt of its cohort was not kept. `--salt` tries one that you know."
)


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
        "api_version": snapshot.names.told(decision.api_version),
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

    `list` is the list that the identity stands on, with the reason and the person. `extension` says until when v1
    answers it after its end. `moved_from` is the identity that
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
        account["list"] = _listed(entry.list, entry.reason, entry.actor)
    account |= _extension_of(identity, snapshot, now_s)
    if seen:
        account["moved_from"] = _standing(Identity(seen.before_kind, seen.before_identifier), snapshot, now_s)
    later = [Identity(row.kind, row.identifier) for row in became.order_by("-last_seen_at")[:MOVES_SHOWN]]
    if later:
        account["moved_to"] = [_standing(one, snapshot, now_s) for one in later]
    return account


def explain_at(identity: Identity, at: datetime, now: datetime, *, salt: str | None = None) -> dict[str, Any]:
    """Return the decision of a past instant, computed from the chain of events.

    Raises Refused for an instant that it does not cover, and for a bucket whose salt is lost. `notes` are sentences
    about what the chain does not contain.
    """
    past = past_of(identity, _covered(at, now))
    assert past is not None
    told = explain(identity, past.snapshot, at.timestamp(), salt=salt)
    told |= still_in_force(identity, past.snapshot, at, salt=salt)
    if salt is None and not past.is_salt_known:
        if any(_hangs_on_salt(each) for each in (told, told.get("in_force", {}))):
            raise Refused("cohort-unknown", UNKNOWN_COHORT.format(at.isoformat()))
        told["bucket"] = None
    told |= {"at": at.isoformat(), "version": past.event.version, "latched": past.snapshot.latched}
    if listing := past.listing:
        told["list"] = _listed(listing.verb.split()[0], listing.reason, listing.actor)
    told |= _extension_of(identity, past.snapshot, at.timestamp())
    return told | _doubts(past, at, is_waiting="in_force" in told)


def _covered(at: datetime, now: datetime) -> datetime:
    """Return the instant if the event log covers it."""
    first = first_instant()
    if at > now:
        raise Refused("in-the-future", f"{at.isoformat()} is in the future: `whatif` shows what a change would do.")
    if first is None:
        raise Refused("before-first-event", "The event log has no events yet, so nothing is known of the past.")
    if at < first:
        began = first.astimezone(UTC).isoformat()
        raise Refused("before-first-event", f"The event log begins at {began}: nothing is known of {at.isoformat()}.")
    return at


def _hangs_on_salt(told: dict[str, Any]) -> bool:
    """Return whether the salt decides: by the bucket, or by the draw of a crossover."""
    reason = told.get("reason")
    return reason == CROSSOVER or (reason == "bucket" and 0 < told["weight_bp"] < FULL_BP)


def _doubts(past: Past, at: datetime, *, is_waiting: bool) -> dict[str, Any]:
    """Return what the answer takes for granted, and as `error` why it is not proven."""
    check, version = check_log(), past.event.version
    notes = [SWITCHES]
    if not is_waiting and (lately := recent_change(past, at)) is not None:
        notes.append(LATELY.format(lately, ADOPTED_S))
    if (wrong := misdated(past, at)) is not None:
        notes.append(MISDATED.format(wrong))
    if any(one <= version for one in check.doubtful):
        notes.append(DOUBTFUL)
    if check.broken_at is None or check.broken_at > version:
        return {"notes": notes}
    return {"notes": notes, "error": BROKEN.format(check.broken_at), "current": None}


def _listed(name: str, reason: str, actor: str) -> dict[str, str]:
    return {"name": name, "reason": reason, "actor": actor, "actor_name": People([actor]).actor(actor)}


def _extension_of(identity: Identity, snapshot: Snapshot, now_s: float) -> dict[str, Any]:
    """Return until when v1 answers the identity after its end, and who has decided that; nothing without an extension.

    A sunset itself extended those whom nobody had told.
    """
    name = str(identity)
    if not is_extended(snapshot.life, name, now_s):
        return {}
    until = end_for(snapshot.life, name)
    events = RolloutEvent.objects.filter(version__lte=snapshot.version).order_by("-version")
    event = events.filter(verb=EXTEND, evidence__consumer=name).first() or events.filter(verb=SUNSET).first()
    told = {"until": None if until is None else iso(until)}
    if event is not None:
        told |= {"reason": event.reason, "actor": event.actor, "actor_name": People([event.actor]).actor(event.actor)}
    return {"extension": told}


def _standing(identity: Identity, snapshot: Snapshot, now_s: float) -> dict[str, Any]:
    explained = explain(identity, snapshot, now_s)
    return {name: explained[name] for name in ("identity", "bucket", "api_version", "reason")}
