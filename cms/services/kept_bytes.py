"""How much one account makes the server keep: bytes in a day, beyond what its resources have now, and own changes.

Revisions count, except the first of a post, and so do the responses stored for an `Idempotency-Key`. Commands and
importers have no account. Each write first looks whether anything is left, and counts what it has stored. An accepted
write is stored whole, and the last one may go beyond the budget.
"""

import datetime
from typing import Final

from django.conf import settings

from cms import policy
from cms.errors import TooMuchKept
from cms.models import User
from cms.policy import Actor
from cms.rate_limits import (
    KEPT_KB,
    NEW_TAGS,
    OWN_CHANGES,
    OWN_CHANGES_ADDRESS,
    Quota,
    address_quotas,
    count,
    take_amount_or_refuse,
    take_or_refuse,
)
from cms.services.origin import current_origin

KILOBYTE: Final = 1_000


def refuse_if_spent(actor: Actor, now: datetime.datetime) -> None:
    """Raise TooMuchKept when nothing is left for this account. For before the work of a write that keeps something."""
    if retry_after_s := spent_for_s(actor, now):
        raise TooMuchKept(settings.RATE_LIMIT_KEPT_MB, retry_after_s)


def spent_for_s(actor: Actor, now: datetime.datetime) -> int:
    """Return the seconds until this account has something left, 0 if it has."""
    quota = _quota_of(actor)
    return count(quota, 0, now) if quota else 0


def note_kept(actor: Actor, size: int, now: datetime.datetime) -> None:
    """Count so many bytes, rounded up to kilobytes: no row is free. A change that fails after this stays counted."""
    if quota := _quota_of(actor):
        count(quota, max(1, -(-size // KILOBYTE)), now)


def take_own_change(actor: Actor, now: datetime.datetime) -> None:
    """Count a change of what is one's own, which leaves a row of the audit trail, for a user who may not moderate.

    Also by the client's address: accounts are free. Raises RateLimited. Revoking a key and deleting a comment or the
    account are never counted: they end something.
    """
    if isinstance(actor, User) and not policy.may_moderate(actor):
        by_address = address_quotas(OWN_CHANGES_ADDRESS, current_origin().ip)
        take_or_refuse([Quota(OWN_CHANGES, str(actor.pk)), *by_address], now, "changes")


def take_new_tags(actor: Actor, number: int, now: datetime.datetime) -> None:
    """Count tags that a user who may not manage them makes by naming them. The last post may go beyond the limit.

    Raises RateLimited when none is left.
    """
    if number and isinstance(actor, User) and not policy.may_manage_terms(actor):
        take_amount_or_refuse(Quota(NEW_TAGS, str(actor.pk)), number, now, "new tags")


def _quota_of(actor: Actor) -> Quota | None:
    return Quota(KEPT_KB, str(actor.pk)) if isinstance(actor, User) else None
