"""Which second factors a user has, and whether one has to be set up."""

from cms import policy
from cms.errors import PermissionRefused
from cms.models import AuthenticatorApp, Passkey, RecoveryCode, User
from cms.services.audit import record_event
from cms.services.mails import send_second_factor_notice


def has_second_factor(user: User) -> bool:
    has_app = AuthenticatorApp.objects.filter(user=user).exclude(confirmed_at=None).exists()
    return has_app or Passkey.objects.filter(user=user).exists()


def lacks_second_factor(user: User) -> bool:
    """Whether the user has to set one up before anything else."""
    return policy.needs_second_factor(user) and not has_second_factor(user)


def note_added(user: User, kind: str) -> None:
    record_event(user, "auth.second_factor_added", user, before={}, after={"kind": kind})
    send_second_factor_notice.enqueue(str(user.pk), "added")


def remove_factor(user: User, factor: AuthenticatorApp | Passkey, kind: str) -> None:
    """Remove one of the user's own, and the recovery codes with the last. `user` is locked by the caller."""
    factor.delete()
    if not has_second_factor(user):
        if policy.needs_second_factor(user):
            raise PermissionRefused("Your role needs a second factor: add another one before you remove this one.")
        RecoveryCode.objects.filter(user=user).delete()
    record_event(user, "auth.second_factor_removed", user, before={"kind": kind}, after={})
    send_second_factor_notice.enqueue(str(user.pk), "removed")


def forget_second_factors(user: User) -> int:
    """Delete all of them with their recovery codes; how many factors that were."""
    RecoveryCode.objects.filter(user=user).delete()
    factors = (AuthenticatorApp.objects.filter(user=user), Passkey.objects.filter(user=user))
    return sum(rows.delete()[0] for rows in factors)
