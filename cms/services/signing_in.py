"""Signing in from outside: the check of a password, and how often one may try."""

import datetime

from django.views.decorators.debug import sensitive_variables

from cms.models import User
from cms.origin import current_origin
from cms.rate_limits import LOGIN_ADDRESS, address_quota, give_back, name_quota, take_or_refuse
from cms.services.users import authenticate_user


@sensitive_variables("password")
def sign_in(*, username_or_email: str, password: str, now: datetime.datetime) -> User:
    """The active user whose password this is. Raises InvalidCredentials, or RateLimited after too many failures.

    Counted before the password is looked at and given back when it was right: many tries at once then get no further
    than one after the other, and a refusal says nothing about the password.
    """
    quotas = [name_quota(username_or_email), address_quota(LOGIN_ADDRESS, current_origin().ip)]
    take_or_refuse(quotas, now, "failed logins")
    user = authenticate_user(username_or_email=username_or_email, password=password)
    give_back(quotas)
    return user
