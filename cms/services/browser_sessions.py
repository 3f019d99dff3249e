"""Ending sessions of browsers at the admin site; `cms/accounts/open_browsers.py` lists the open ones."""

import datetime
from typing import Final

from django.db import transaction
from django.utils.crypto import salted_hmac

from cms import policy
from cms.errors import NotFound, PermissionRefused
from cms.models import AuthSession, BrowserSession, User
from cms.policy import Actor
from cms.services.audit import record_event
from cms.services.ending import end_logins
from cms.services.locks import lock_row
from cms.services.sessions import begin_epoch

DEVICE_KEY: Final = "device"
"""Where a session keeps in which browser it was opened."""
_SALT: Final = "cms.services.browser_sessions"


def name_of(row: BrowserSession) -> str:
    """Return what a page may call a session by, also after the session got another key: nobody gets a key out of it."""
    device = row.get_decoded().get(DEVICE_KEY) or {}
    # An earlier release gave sessions no id.
    return device.get("id") or salted_hmac(_SALT, row.session_key, algorithm="sha256").hexdigest()[:32]


def end_browser_session(*, user: User, name: str, now: datetime.datetime) -> None:
    """End one of the user's own. Raises NotFound where none has this name any more."""
    with transaction.atomic():
        user = lock_row(user)
        if not delete_browser_session(user, name, now):
            raise NotFound("That browser is not in the list any more.")
        record_event(user, "user.sessions_closed", user, before={}, after={"browsers": 1})


def delete_browser_session(user: User, name: str, now: datetime.datetime) -> bool:
    """Return whether there was such a session. It is found under a key that it gets at this very moment."""
    with transaction.atomic():
        rows = BrowserSession.objects.select_for_update().filter(user=user, expire_date__gt=now).order_by("pk")
        found = [row.pk for row in rows if name_of(row) == name]
        return bool(BrowserSession.objects.filter(pk__in=found).delete()[0])


def end_other_logins(*, user: User, current_key: str | None, now: datetime.datetime) -> int:
    """End every session of the user except the browser's own, and logins under way; return how many sessions.

    The browser's own must be bound again to the user's `session_epoch`, which grows here, in the same transaction.
    Raises NotFound if it has ended or got another key meanwhile.
    """
    with transaction.atomic():
        begin_epoch(user)
        if current_key and not BrowserSession.objects.filter(user=user, session_key=current_key).exists():
            raise NotFound("That browser is not in the list any more.")
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
