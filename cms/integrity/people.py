"""Checks of users and of what they may still sign in with."""

import datetime
from collections.abc import Iterator, Sequence

from django.db.models import Q

from cms.choices import Role
from cms.integrity.findings import Check, Finding, found, one_by_one
from cms.models import ApiKey, AuthSession, Erasure, User
from cms.policy import SYSTEM
from cms.services.audit import record_event
from cms.services.ending import end_sessions
from cms.services.erasing import OVERDUE, erase_batch


def find_states(now: datetime.datetime) -> Iterator[Finding]:
    users = User.objects.order_by("pk").values_list("pk", flat=True)
    yield from found("user", users.filter(deleted_at__isnull=False, is_active=True), "is deleted and active")
    yield from found("user", users.exclude(role__in=Role.values), "has a role that does not exist")


def mend_state(finding: Finding, now: datetime.datetime) -> bool:
    """Give the least of rights where nobody knows which were meant."""
    user = User.objects.select_for_update(no_key=True).filter(pk=finding.object_id).first()
    if user is None:
        return False
    before = {"role": user.role, "is_active": user.is_active}
    if user.role not in Role.values:
        user.role = Role.SUBSCRIBER
    if user.deleted_at is not None:
        user.is_active = False
    user.updated_at = now
    user.save(update_fields=["role", "is_active", "updated_at"])
    if not user.is_active:
        end_sessions(user, now)
    after = {"role": user.role, "is_active": user.is_active, "repaired": "user_states"}
    action = "user.updated" if before["role"] == user.role else "user.role_changed"
    record_event(SYSTEM, action, user, before=before, after=after)
    return True


def find_open_credentials(now: datetime.datetime) -> Iterator[Finding]:
    sessions = AuthSession.objects.filter(user__is_active=False, revoked_at=None, expires_at__gt=now)
    keys = ApiKey.objects.filter(owner__is_active=False, is_active=True)
    owners = Q(pk__in=sessions.values("user_id")) | Q(pk__in=keys.values("owner_id"))
    ids = User.objects.filter(owners).order_by("pk").values_list("pk", flat=True)
    return found("user", ids, "is not active and has open sessions or keys")


def close_credentials(finding: Finding, now: datetime.datetime) -> bool:
    user = User.objects.select_for_update(no_key=True).filter(pk=finding.object_id, is_active=False).first()
    if user is None:
        return False
    end_sessions(user, now)
    record_event(SYSTEM, "user.updated", user, before={}, after={"repaired": "open_credentials"})
    return True


def find_unerased(now: datetime.datetime) -> Iterator[Finding]:
    """Find persons whose erasure should have ended long ago: its job was lost, or no worker runs."""
    ids = Erasure.objects.filter(created_at__lt=now - OVERDUE).order_by("pk").values_list("pk", flat=True)
    return found("user", ids, "is deleted and still named in the records")


def erase_now(findings: Sequence[Finding], now: datetime.datetime) -> int:
    """Erase in batches, each in a transaction of its own."""
    for finding in findings:
        while erase_batch(finding.object_id, is_again=True):
            pass
    return len(findings)


def find_no_admin(now: datetime.datetime) -> Iterator[Finding]:
    if User.objects.exists() and not User.objects.filter(role=Role.ADMIN, is_active=True).exists():
        yield Finding("site", "", "has no active admin: `manage.py users create --role admin` makes one")


CHECKS = (
    Check("user_states", "Every user is in a state that exists.", find_states, one_by_one(mend_state)),
    Check(
        "open_credentials",
        "Suspended and deleted users have no open session and no key.",
        find_open_credentials,
        one_by_one(close_credentials),
    ),
    Check("erasures", "Nothing names a deleted user any more.", find_unerased, erase_now),
    Check("last_admin", "There is an active admin.", find_no_admin, is_warning=True),
)
