"""Signing in from outside: the check of a password, and how often one may try."""

import datetime

from django.views.decorators.debug import sensitive_variables

from cms.errors import RateLimited
from cms.models import User
from cms.rate_limits import LOGIN_ADDRESS, LOGIN_RUNNING, Quota, address_quota, give_back, name_quota, take
from cms.services.origin import current_origin
from cms.services.users import authenticate_user


@sensitive_variables("password")
def sign_in(*, username_or_email: str, password: str, now: datetime.datetime) -> User:
    """The active user whose password this is. Raises InvalidCredentials, or RateLimited after too many failures.

    Counted before the password is looked at and given back when it was right: many tries at once then get no further
    than one after the other, and a refusal says nothing about the password.
    """
    name, address = name_quota(username_or_email), address_quota(LOGIN_ADDRESS, current_origin().ip)
    running = Quota(LOGIN_RUNNING, name.subject)
    _take_or_refuse(name, address, running, now)
    returned: list[Quota | None] = [running]
    try:
        user = authenticate_user(username_or_email=username_or_email, password=password)
        returned += [name, address]
    finally:
        give_back(returned)
    return user


def _take_or_refuse(name: Quota, address: Quota | None, running: Quota, now: datetime.datetime) -> None:
    """Whoever finds every place taken by logins that are still being checked may try again at once."""
    taken = take([running, name, address], now)
    if not taken.retry_after_s:
        return
    being_checked = taken.standings[0].limit - taken.standings[0].remaining
    if being_checked:
        raise RateLimited("logins at once", 1)
    raise RateLimited("failed logins", taken.retry_after_s)
