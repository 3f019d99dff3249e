"""Which version answers a request on the entrance, and why. The first rule that matches decides."""

from canary.core.bucketing import bucket
from canary.core.values import V1, V2, Decision, Identity, Refusal, Snapshot

SUPPORTED = "The supported values of API-Version are {}."


def choose(identity: Identity | None, requested: str | None, snapshot: Snapshot) -> Decision | Refusal:
    """The decision for one request on the entrance.

    `identity` is None when the request carries none that can be used; `requested` is the text of its API-Version
    header, None without one.
    """
    if requested is not None and (refusal := refuse_requested(requested, snapshot)):
        return refusal
    if not snapshot.is_v2_enabled:
        return Decision(V1, "lifecycle_v2_off", identity)
    if not snapshot.is_v1_enabled:
        return Decision(V2, "lifecycle_v1_gone", identity)
    if requested is not None:
        return Decision(int(requested), "header", identity)
    return _choose_by_identity(identity, snapshot)


def choose_pinned(api_version: int, snapshot: Snapshot) -> Decision | Refusal:
    """The decision for a path that names its version: that version, as long as there is one."""
    if api_version == V1 and not snapshot.is_v1_enabled:
        return _gone()
    if api_version == V2 and not snapshot.is_v2_enabled:
        return unknown_version(snapshot)
    if api_version not in (V1, V2):
        return unknown_version(snapshot)
    return Decision(api_version, "pinned")


def stable_version(snapshot: Snapshot | None) -> int:
    """Who answers when something inside is broken: v1, or v2 when v1 is gone."""
    return V2 if snapshot is not None and not snapshot.is_v1_enabled else V1


def refuse_requested(requested: str, snapshot: Snapshot) -> Refusal | None:
    """Why the version that an API-Version header asks for can't be had; None when it can."""
    if requested == "1" and not snapshot.is_v1_enabled:
        return _gone()
    if requested in supported_versions(snapshot):
        return None
    allowed = SUPPORTED.format(" and ".join(supported_versions(snapshot)))
    return Refusal(400, "unsupported-api-version", "Unsupported API version", f"API-Version: {requested!r}. {allowed}")


def unknown_version(snapshot: Snapshot) -> Refusal:
    paths = " and ".join(f"v{version}" for version in supported_versions(snapshot))
    return Refusal(
        404, "no-such-api-version", "No such API version", f"This path names no version in service: {paths}."
    )


def supported_versions(snapshot: Snapshot) -> list[str]:
    """The versions in service, as the header and the paths name them."""
    enabled = ((V1, snapshot.is_v1_enabled), (V2, snapshot.is_v2_enabled))
    return [str(version) for version, is_enabled in enabled if is_enabled]


def _choose_by_identity(identity: Identity | None, snapshot: Snapshot) -> Decision:
    if identity is None:
        return Decision(V1, "bad_identity")
    if identity in snapshot.allowed:
        return Decision(V2, "allow", identity)
    if identity in snapshot.excluded:
        return Decision(V1, "exclude", identity)
    place = bucket(identity, snapshot.salt)
    return Decision(V2 if place < snapshot.weight_bp else V1, "bucket", identity, place)


def _gone() -> Refusal:
    return Refusal(
        410, "api-v1-gone", "API v1 is gone", "API v1 is no longer in service; API v2 answers at its own path."
    )
