"""Logins, failed ones, lockouts and logouts in the audit trail, for the APIs and the admin site alike."""

import datetime
from typing import Any, Final

from django.contrib.auth.models import AnonymousUser
from django.db import transaction

from cms.models import User
from cms.rate_limits import LOGIN_LOCKED, LOGIN_NOTED, Policy, Quota, take
from cms.services.audit import record_event

LOGIN: Final = "auth.login"
LOGIN_FAILED: Final = "auth.login_failed"
LOCKED: Final = "auth.locked"
LOGOUT: Final = "auth.logout"


def note_login(user: User, **after: Any) -> None:
    """`after` says by what: the API session that was opened; nothing for a browser."""
    record_event(user, LOGIN, user, before={}, after=after)


def note_logout(user: User, **after: Any) -> None:
    record_event(user, LOGOUT, user, before={}, after=after)


def note_failed_login(*, account: User | None, subject: str, is_locked: bool, now: datetime.datetime) -> None:
    """Note a wrong password for `account`, and once a window that no more will be checked.

    For a name that nobody has, the same statements run and leave no row: the time they take tells nothing. Limits of
    `subject` bound the rows, also where failed logins have no limit.
    """
    noted = [(LOGIN_FAILED, LOGIN_NOTED), *([(LOCKED, LOGIN_LOCKED)] if is_locked else [])]
    actions = [action for action, policy in noted if _is_open(policy, subject, now)]
    with transaction.atomic(), transaction.atomic():  # a savepoint in a transaction that commits either way
        for action in actions:
            record_event(AnonymousUser(), action, account or User(), before={}, after={})
        if account is None:
            transaction.set_rollback(True)


def _is_open(policy: Policy, subject: str, now: datetime.datetime) -> bool:
    return not take([Quota(policy, subject)], now).retry_after_s
