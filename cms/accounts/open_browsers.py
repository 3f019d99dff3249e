"""The browsers in which a user is signed in at the admin site."""

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib.auth import HASH_SESSION_KEY

from cms.accounts.signing_in import opened_at
from cms.models import BrowserSession, User
from cms.services.browser_sessions import DEVICE_KEY, name_of


@dataclass(frozen=True)
class OpenBrowser:
    """A browser in which the user is signed in. `name` stands for its key, which is a credential and changes."""

    name: str
    signed_in_at: datetime.datetime | None
    agent: str
    ip: str
    expires_at: datetime.datetime
    is_current: bool


def open_browsers(*, user: User, current_key: str | None, now: datetime.datetime) -> Sequence[OpenBrowser]:
    """Return the user's open browser sessions, the current one first, then the newest."""
    rows = BrowserSession.objects.filter(user=user, expire_date__gt=now).order_by("-expire_date")
    hashes = {user.get_session_auth_hash(), *user.get_session_auth_fallback_hash()}
    decoded = [(row, row.get_decoded()) for row in rows]
    # Another password or a suspension has ended the older ones: they no longer open the account.
    found = [_opened(row, data, current_key) for row, data in decoded if data.get(HASH_SESSION_KEY) in hashes]
    return sorted(found, key=lambda one: not one.is_current)


def _opened(row: BrowserSession, data: dict[str, Any], current_key: str | None) -> OpenBrowser:
    device = data.get(DEVICE_KEY) or {}
    return OpenBrowser(
        name=name_of(row),
        signed_in_at=opened_at(data),
        agent=device.get("agent", ""),
        ip=device.get("ip", ""),
        expires_at=row.expire_date,
        is_current=row.session_key == current_key,
    )
