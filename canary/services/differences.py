"""Differences of shadow reads that somebody has found benign: accepted by name and reason, until they are revoked."""

from datetime import datetime
from typing import NamedTuple

from canary.errors import Refused
from canary.models import AcceptedDifference, Rollout, ShadowDifference
from canary.services.changing import REASON_MAX, change_rollout, storable


class Difference(NamedTuple):
    """The name of a difference: v1's verb and template, the place in v1's body, and how the answers differ there."""

    route: str
    path: str
    kind: str

    def __str__(self) -> str:
        return f"{self.route} at {self.path or 'the whole answer'}: {self.kind}"


def accepted_differences() -> dict[Difference, AcceptedDifference]:
    """Return all differences that this journey has accepted, the newest last."""
    rows = AcceptedDifference.objects.filter(accepted_at__gte=Rollout.began_at()).order_by("accepted_at", "pk")
    return {Difference(row.route, row.path, row.kind): row for row in rows}


def accept_difference(
    *, difference: Difference, actor: str, reason: str, expected_version: int | None, now: datetime
) -> Rollout:
    """Accept a difference: it holds no step any more, in any release. Only one that a shadow read found has a name."""

    def mutate(row: Rollout) -> None:
        name = difference._asdict()
        if not ShadowDifference.objects.filter(**name).exists():
            raise Refused("no-such-difference", f"No shadow read has found this difference: {difference}.")
        told = {"reason": storable(reason)[:REASON_MAX], "actor": storable(actor), "accepted_at": now}
        AcceptedDifference.objects.update_or_create(**name, defaults=told)

    return change_rollout(
        verb="differences accept",
        actor=actor,
        reason=reason,
        expected_version=expected_version,
        now=now,
        mutate=mutate,
        evidence=difference._asdict(),
    )


def revoke_difference(
    *, difference: Difference, actor: str, reason: str, expected_version: int | None, now: datetime
) -> Rollout:
    """Let it hold the next step again, where the release in force has it."""

    def mutate(row: Rollout) -> None:
        revoked, _ = AcceptedDifference.objects.filter(**difference._asdict()).delete()
        if not revoked:
            raise Refused("not-accepted", f"This difference is not accepted: {difference}.")

    return change_rollout(
        verb="differences revoke",
        actor=actor,
        reason=reason,
        expected_version=expected_version,
        now=now,
        mutate=mutate,
        evidence=difference._asdict(),
    )
