"""The demo accounts, and which of them the published password opens to others."""

import datetime
from collections.abc import Mapping
from typing import Any, Final

from django.conf import settings
from django.contrib.auth.hashers import check_password
from django.core.checks import CheckMessage, Error, register
from django.db import DatabaseError

from cms.models import User

ACCOUNTS: Final = ("admin", "editor", "author", "subscriber")
DOMAIN: Final = "@example.com"
PASSWORD: Final = "tandem-demo-2026"
LOOPBACK: Final = frozenset({"localhost", ".localhost", "127.0.0.1", "[::1]"})
HINT: Final = (
    "Suspend the accounts or set other passwords: `manage.py users suspend`, `manage.py users reset-password`."
)


def exposed_accounts() -> list[str]:
    """Return the active demo accounts with the published password; none while only this machine is served."""
    if LOOPBACK.issuperset(settings.ALLOWED_HOSTS):
        return []
    users = User.objects.filter(is_active=True, username__in=ACCOUNTS, email__endswith=DOMAIN).order_by("username")
    # Not the user's own method, which would store the hash again.
    return [user.username for user in users if check_password(PASSWORD, user.password)]


def no_account_is_exposed(now: datetime.datetime, wanted: Mapping[str, Any]) -> tuple[bool, str]:
    """Answer for the checklist of a deployment."""
    names = exposed_accounts()
    if names:
        return False, f"The published demo password opens {', '.join(names)}. {HINT}"
    return True, "The published demo password opens no account to others."


@register("demo_accounts", deploy=True)
def check_demo_accounts(app_configs: Any, **options: Any) -> list[CheckMessage]:
    try:
        names = exposed_accounts()
    except DatabaseError:  # the checklist says so; a build without a database has no accounts
        return []
    told = f"The published demo password opens {', '.join(names)}"
    return [Error(f"{told}.", hint=HINT, id="cms.E002")] if names else []
