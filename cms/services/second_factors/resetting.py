"""The way back for a user who has lost every second factor: an admin or a command removes them."""

import datetime

from django.db import transaction

from cms import policy
from cms.errors import NotFound, PermissionRefused
from cms.models import User
from cms.policy import Actor
from cms.services.audit import record_event
from cms.services.ending import end_logins
from cms.services.locks import lock_row
from cms.services.mails import send_second_factor_notice
from cms.services.second_factors.factors import forget_second_factors


def reset_second_factors(*, actor: Actor, user: User, now: datetime.datetime) -> None:
    """Remove all factors and recovery codes of another user, end that user's sessions and send a mail about it.

    API keys go on. Raises NotFound for a user without a factor, PermissionRefused for oneself: that takes the password.
    """
    if policy.is_known(actor) and actor.pk == user.pk:
        raise PermissionRefused("Remove your own second factors on the page “Two-factor sign-in”.")
    if not policy.may_manage_users(actor):
        raise PermissionRefused("Only admins reset the second factors of others.")
    with transaction.atomic():
        user = lock_row(user)
        if not forget_second_factors(user):
            raise NotFound("This user has no second factor.")
        end_logins(user, now)
        record_event(actor, "auth.second_factor_removed", user, before={"kind": "all"}, after={"is_reset": True})
        send_second_factor_notice.enqueue(str(user.pk), "reset")
