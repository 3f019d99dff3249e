"""Ending sessions of browsers at the admin site; `cms/accounts/open_browsers.py` lists the open ones."""

import datetime
from typing import Final

from django.db import transaction
from django.utils.crypto import salted_hmac

from cms import policy
from cms.errors import PermissionRefused
from cms.models import AuthSession, BrowserSession, User
from cms.policy import Actor
from cms.services.audit import record_event
from cms.services.locks import lock_row
from cms.services.sessions import begin_epoch
from cms.services.users import end_logins

_SALT: Final = "cms.services.browser_sessions"


def name_of(session_key: str) -> str:
    """Return what a page may call a session by: nobody gets its key out of it."""
    return salted_hmac(_SALT, session_key, algorithm="sha256").hexdigest()[:32]


def end_browser_session(*, user: User, name: str, now: datetime.datetime) -> None:
    """End one of the user's own. Ending one twice is not an error."""
    rows = BrowserSession.objects.filter(user=user, expire_date__gt=now)
    keys = [row.session_key for row in rows if name_of(row.session_key) == name]
    with transaction.atomic():
        if BrowserSession.objects.filter(user=user, session_key__in=keys).delete()[0]:
            record_event(user, "user.sessions_closed", user, before={}, after={"browsers": 1})


def end_other_logins(*, user: User, current_key: str | None, now: datetime.datetime) -> int:
    """End every session of the user except the browser's own, and logins under way; return how many sessions.

    The browser's own must be bound again to the user's `session_epoch`, which grows here.
    """
    with transaction.atomic():
        begin_epoch(user)
        browsers = BrowserSession.objects.filter(user=user).exclude(session_key=current_key or "").delete()[0]
        clients: int = AuthSession.objects.filter(user=user, revoked_at=None).update(revoked_at=now, updated_at=now)
        if browsers or clients:
            record_event(user, "user.sessions_closed", user, before={}, after={"count": clients, "browsers": browsers})
    return browsers + clients


def end_all_logins(*, actor: Actor, user: User, now: datetime.datetime) -> None:
    """Sign another user out everywhere, by an admin; API keys stay."""
    if not policy.may_manage_users(actor):
        raise PermissionRefused("Only admins end the sessions of others.")
    with transaction.atomic():
        user = lock_row(user)
        end_logins(user, now)
        record_event(actor, "user.sessions_closed", user, before={}, after={"all": True})
