"""Signing in from outside: the check of a password, and how often one may try."""

import datetime
from collections.abc import Sequence

from django.views.decorators.debug import sensitive_variables

from cms.costs.turns import Busy
from cms.errors import RateLimited
from cms.models import User
from cms.rate_limits import LOGIN_ADDRESS, LOGIN_RUNNING, LOGIN_TRIES, Quota, address_quota, give_back, name_quota, take
from cms.services.origin import current_origin
from cms.services.users import authenticate_user


@sensitive_variables("password")
def sign_in(*, username_or_email: str, password: str, now: datetime.datetime) -> User:
    """Return the active user whose password this is. Raises InvalidCredentials, RateLimited or Busy.

    Counted before the password is looked at and given back when it was right: many tries at once then get no further
    than one after the other, and a refusal says nothing about the password.
    """
    ip = current_origin().ip
    name, address, tries = (
        name_quota(username_or_email),
        address_quota(LOGIN_ADDRESS, ip),
        address_quota(LOGIN_TRIES, ip),
    )
    running = Quota(LOGIN_RUNNING, name.subject)
    _take_or_refuse([running, name, address, tries], now)
    returned: list[Quota | None] = [running]
    try:
        user = authenticate_user(username_or_email=username_or_email, password=password)
        returned += [name, address]
    except Busy:
        returned += [name, address, tries]
        raise
    finally:
        give_back(returned)
    return user


def _take_or_refuse(quotas: Sequence[Quota | None], now: datetime.datetime) -> None:
    """Whoever finds every place taken by logins that are still being checked may try again at once."""
    taken = take(quotas, now)
    if not taken.retry_after_s:
        return
    running, *_, last = taken.standings
    if last.name == LOGIN_TRIES.name and not last.remaining:
        raise RateLimited("logins", taken.retry_after_s)
    if running.limit - running.remaining:
        raise RateLimited("logins at once", 1)
    raise RateLimited("failed logins", taken.retry_after_s)
