"""Decide which version answers a request on the entrance, and why. The first rule that matches decides.

`now` is in unix seconds: brownouts are windows of time. With v2 switched off v1 answers in every state of its life,
because one version has to.
"""

from dataclasses import replace
from functools import lru_cache
from typing import Final

from canary.core.bucketing import bucket
from canary.core.consumers import PROVEN, is_extended, running_own
from canary.core.crossover import is_on_candidate
from canary.core.lifecycle import ACTIVE, in_brownout, is_stable_gone
from canary.core.names import Names, in_names
from canary.core.values import CANDIDATE, STABLE, Decision, Identity, Refusal, Snapshot

SUPPORTED = "The supported values of API-Version are {}."
GONE = Refusal(410, "api-v1-gone", "API v1 is gone", "API v1 is no longer in service; API v2 answers at its own path.")
BROWNOUT = Refusal(
    410,
    "api-v1-brownout",
    "API v1 is switched off for a planned test",
    "API v1 is about to end and is switched off for a while; API v2 answers at its own path.",
)

OVERLOADED = Refusal(
    503,
    "version-overloaded",
    "This version is overloaded",
    "As many requests of this version are being answered as one process takes at a time. Try again in a moment.",
    retry_after_s=1,
)
EXTENSION: Final = "extension"
"""Why v1 answers a consumer after the sunset."""
CROSSOVER: Final = "crossover"
"""Why the schedule of a crossover chose the version."""
HALF_BP: Final = 5_000
FULL_BP: Final = 10_000


def choose(
    identity: Identity | None, requested: str | None, snapshot: Snapshot, now: float, *, is_proven: bool = True
) -> Decision | Refusal:
    """Return the decision for one request on the entrance.

    `identity` is None when the request carries none that can be used; `requested` is the text of its API-Version
    header, None without one. `is_proven` is whether a credential of this request names the identity, and no cookie.
    """
    gone, is_extended, life = _stable_refusal(snapshot, now), False, snapshot.life
    if life.extensions or life.own_brownouts:
        own = _own_refusal(gone, identity, snapshot, now, is_proven=is_proven)
        is_extended, gone = gone is GONE and own is None, own
    if requested is not None and (refusal := _refuse_requested(requested, snapshot, gone)):
        return refusal
    if not snapshot.is_candidate_enabled:
        return Decision(STABLE, "lifecycle_v2_off", identity)
    if gone is not None:
        return Decision(CANDIDATE, "lifecycle_v1_gone" if gone is GONE else "lifecycle_brownout", identity)
    if requested is not None:
        decision = Decision(snapshot.names.version_of(requested), "header", identity)
    else:
        decision = _choose_by_identity(identity, snapshot, now)
    return _extended(decision) if is_extended else decision


def choose_pinned(
    api_version: int, snapshot: Snapshot, now: float, identity: Identity | None = None, *, is_proven: bool = True
) -> Decision | Refusal:
    """Return the decision for a path that names its version: that version, as long as there is one.

    The identity matters only where `has_own_rules`.
    """
    if api_version == STABLE:
        gone = _stable_refusal(snapshot, now)
        own = _own_refusal(gone, identity, snapshot, now, is_proven=is_proven) if identity else gone
        return refusal_in(own, snapshot.names) if own else Decision(STABLE, EXTENSION if gone else "pinned")
    if api_version == CANDIDATE and snapshot.is_candidate_enabled:
        return Decision(CANDIDATE, "pinned")
    return unknown_version(snapshot, now)


def leads_to_candidate(before: Snapshot, after: Snapshot) -> bool:
    """Return whether a change sends users from v1 to v2, and nobody to v1 because of another bucket.

    A rollback never does. A crossover does when it begins.
    """
    if after.latched or after.salt != before.salt or after.version == before.version:
        return False
    is_raised = after.weight_bp > before.weight_bp or (after.crossover is not None and before.crossover is None)
    return is_raised or not before.allowed >= after.allowed or not after.excluded >= before.excluded


def stable_version(snapshot: Snapshot | None, now: float) -> int:
    """Return the version that answers when something inside is broken: v1, or v2 when v1 is gone."""
    return CANDIDATE if snapshot is not None and _stable_refusal(snapshot, now) else STABLE


def is_candidate(api_version: int, snapshot: Snapshot, now: float) -> bool:
    """Return whether this version is the one that is being rolled out, beside a stable one that could answer."""
    return api_version == CANDIDATE and _stable_refusal(snapshot, now) is None


def bulkhead(threads: int, weight_bp: int) -> int:
    """Return how many requests of the candidate a process of so many threads answers at a time, at this weight.

    Half of them up to a weight of 50 %, and in proportion to what exceeds it all but one at 100 %; always one.
    """
    half, most = max(1, threads // 2), max(1, threads - 1)
    return half + (most - half) * max(0, weight_bp - HALF_BP) // (FULL_BP - HALF_BP)


def is_in_brownout(snapshot: Snapshot, now: float) -> bool:
    """Return whether v1 is refused now for a planned test; never while a rollback is latched."""
    return _stable_refusal(snapshot, now) is BROWNOUT


def needs_controller(snapshot: Snapshot) -> bool:
    """Return whether the weight or a crossover sends anybody to v2 whom a rollback would send back."""
    is_split = snapshot.is_stable_enabled and snapshot.is_candidate_enabled and not is_stable_gone(snapshot.life)
    return is_split and (snapshot.weight_bp > 0 or snapshot.crossover is not None)


def unknown_version(snapshot: Snapshot, now: float) -> Refusal:
    paths = " and ".join(f"v{version}" for version in supported_versions(snapshot, now))
    return Refusal(
        404, "no-such-api-version", "No such API version", f"This path names no version in service: {paths}."
    )


def supported_versions(snapshot: Snapshot, now: float) -> list[str]:
    """Return the versions in service, as the header and the paths name them."""
    return _supported(snapshot, is_stable_gone=_stable_refusal(snapshot, now) is not None)


@lru_cache(maxsize=16)
def refusal_in(refusal: Refusal, names: Names) -> Refusal:
    """Return GONE or BROWNOUT with the names in force."""
    code, title, detail = (in_names(text, names) for text in (refusal.code, refusal.title, refusal.detail))
    return replace(refusal, code=code, title=title, detail=detail)


def _supported(snapshot: Snapshot, *, is_stable_gone: bool) -> list[str]:
    names = snapshot.names
    return [names.stable] * (not is_stable_gone) + [names.candidate] * snapshot.is_candidate_enabled


def _stable_refusal(snapshot: Snapshot, now: float) -> Refusal | None:
    """Return the refusal for a request that names v1; None as long as v1 is in service."""
    if not snapshot.is_stable_enabled:
        return GONE
    life = snapshot.life
    if life.state == ACTIVE or not snapshot.is_candidate_enabled:
        return None
    if is_stable_gone(life):
        return GONE
    # A rollback outranks a planned test: v2 was found harmful, and nobody is sent there until that is acknowledged.
    return BROWNOUT if in_brownout(life, now) and not snapshot.latched else None


def _own_refusal(
    gone: Refusal | None, identity: Identity | None, snapshot: Snapshot, now: float, *, is_proven: bool
) -> Refusal | None:
    """Return the refusal for this consumer's requests to v1, where `gone` is that for all others."""
    life = snapshot.life
    if identity is None or life.state == ACTIVE or not (snapshot.is_stable_enabled and snapshot.is_candidate_enabled):
        return gone
    name = str(identity)
    if gone is GONE and is_proven and identity.kind in PROVEN and is_extended(life, name, now):
        gone = None
    is_in_own = gone is None and not snapshot.latched and running_own(life, name, now)
    return BROWNOUT if is_in_own else gone


def _extended(decision: Decision) -> Decision:
    """Return what becomes of the decision after the sunset: nothing is split any more, and counts as evidence."""
    if decision.api_version == STABLE:
        return decision._replace(reason=EXTENSION)
    return decision if decision.reason == "header" else Decision(CANDIDATE, "lifecycle_v1_gone", decision.identity)


def _refuse_requested(requested: str, snapshot: Snapshot, gone: Refusal | None) -> Refusal | None:
    """Return why the version that an API-Version header asks for is not available; None when it is."""
    version = snapshot.names.version_of(requested)
    if version == STABLE:
        return gone and refusal_in(gone, snapshot.names)
    if version == CANDIDATE and snapshot.is_candidate_enabled:
        return None
    allowed = SUPPORTED.format(" and ".join(_supported(snapshot, is_stable_gone=gone is not None)))
    return Refusal(400, "unsupported-api-version", "Unsupported API version", f"API-Version: {requested!r}. {allowed}")


def _choose_by_identity(identity: Identity | None, snapshot: Snapshot, now: float) -> Decision:
    if identity is None:
        return Decision(STABLE, "bad_identity")
    # Hashing an identity takes longer than seeing that nobody is listed.
    if snapshot.allowed and identity in snapshot.allowed:
        return Decision(CANDIDATE, "allow", identity)
    if snapshot.excluded and identity in snapshot.excluded:
        return Decision(STABLE, "exclude", identity)
    place = bucket(identity, snapshot.salt)
    if snapshot.crossover is not None:
        is_drawn = is_on_candidate(snapshot.crossover, str(identity), now, snapshot.salt)
        if is_drawn is not None:
            return Decision(CANDIDATE if is_drawn else STABLE, CROSSOVER, identity, place)
    version = CANDIDATE if place < snapshot.weight_bp else STABLE
    # As Decision(…) does, in half the time.
    return tuple.__new__(Decision, (version, "bucket", identity, place))
