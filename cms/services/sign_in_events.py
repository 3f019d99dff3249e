"""Logins, failed ones, lockouts and logouts in the audit trail, for the APIs and the admin site alike."""

import datetime
from contextlib import suppress
from typing import Any, Final

from django.contrib.auth.models import AnonymousUser
from django.db import transaction

from cms.errors import InvalidToken
from cms.models import User
from cms.rate_limits import LOGIN_LOCKED, LOGIN_NOTED, Quota, quota_within, take
from cms.services.audit import record_event
from cms.services.origin import current_origin

LOGIN: Final = "auth.login"
LOGIN_FAILED: Final = "auth.login_failed"
LOCKED: Final = "auth.locked"
LOGOUT: Final = "auth.logout"


def note_login(user: User, **after: Any) -> None:
    """Note a login. `after` names its credential: the API session that was opened; nothing for a browser."""
    record_event(user, LOGIN, user, before={}, after=after)


def note_logout(user: User, **after: Any) -> None:
    record_event(user, LOGOUT, user, before={}, after=after)


def note_browser_logout(user: User) -> None:
    """Note it unless the user was suspended meanwhile: the session had ended with that."""
    with suppress(InvalidToken), transaction.atomic():
        note_logout(user)


def note_failed_login(*, account: User | None, counted: Quota, is_locked: bool, now: datetime.datetime) -> None:
    """Note a wrong password for `account`, and once a window and network that no more will be checked.

    For a name that nobody has, the same statements run and leave no row: the time they take tells nothing. Limits of
    what is `counted` bound the rows, also where failed logins have no limit.
    """
    subject = f"{counted.policy.name} {counted.subject}"  # no door uses up the rows of another
    noted = {LOGIN_FAILED: Quota(LOGIN_NOTED, subject)}
    if is_locked:
        noted[LOCKED] = quota_within(Quota(LOGIN_LOCKED, subject), current_origin().ip)
    actions = [action for action, quota in noted.items() if not take([quota], now).retry_after_s]
    with transaction.atomic(), transaction.atomic():  # a savepoint in a transaction that commits either way
        for action in actions:
            record_event(AnonymousUser(), action, account or User(), before={}, after={})
        if account is None:
            transaction.set_rollback(True)
