"""Send identities to one version regardless of their bucket: the allow list to v2, the exclude list to v1."""

from datetime import datetime

from canary.core.values import Identity
from canary.errors import Refused
from canary.models import ListEntry, Rollout
from canary.services.changing import REASON_MAX, change_rollout, storable

IDENTIFIER_MAX = 400


def add_to_list(
    *, list: str, identity: Identity, actor: str, reason: str, expected_version: int | None, now: datetime
) -> Rollout:
    """Put the identity on the list; it leaves the other one."""

    def mutate(row: Rollout) -> None:
        _check(list, identity)
        ListEntry.objects.update_or_create(
            kind=identity.kind,
            identifier=identity.id,
            defaults={"list": list, "reason": storable(reason)[:REASON_MAX], "actor": storable(actor), "added_at": now},
        )

    return change_rollout(
        verb=f"{list} add",
        actor=actor,
        reason=reason,
        expected_version=expected_version,
        now=now,
        mutate=mutate,
        evidence={"identity": str(identity)},
    )


def remove_from_list(
    *, list: str, identity: Identity, actor: str, reason: str, expected_version: int | None, now: datetime
) -> Rollout:
    def mutate(row: Rollout) -> None:
        _check(list, identity)
        removed, _ = ListEntry.objects.filter(list=list, kind=identity.kind, identifier=identity.id).delete()
        if not removed:
            raise Refused("not-listed", f"{identity} is not on the {list} list.")

    return change_rollout(
        verb=f"{list} remove",
        actor=actor,
        reason=reason,
        expected_version=expected_version,
        now=now,
        mutate=mutate,
        evidence={"identity": str(identity)},
    )


def _check(list_name: str, identity: Identity) -> None:
    if list_name not in ListEntry.List.values:
        raise Refused("bad-list", f"{list_name!r} is not a list; the lists are {' and '.join(ListEntry.List.values)}.")
    if len(identity.id) > IDENTIFIER_MAX or storable(identity.id) != identity.id:
        raise Refused("bad-identity", f"An id on a list has at most {IDENTIFIER_MAX} characters of valid text.")
