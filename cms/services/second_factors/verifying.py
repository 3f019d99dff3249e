"""Checking the code of a login, whichever factor it is of, and how often one may try."""

import datetime
from collections.abc import Iterator
from contextlib import contextmanager

from django.views.decorators.debug import sensitive_variables

from cms.errors import InvalidSecondFactor
from cms.models import User
from cms.rate_limits import (
    LOGIN_ADDRESS,
    LOGIN_CODE,
    LOGIN_CODE_ACCOUNT,
    LOGIN_CODE_DAY,
    address_quotas,
    give_back,
    name_quota,
    take_or_refuse,
)
from cms.services.audit import record_event
from cms.services.origin import current_origin
from cms.services.second_factors.apps import looks_like_app_code, use_app_code
from cms.services.second_factors.recovery_codes import use_recovery_code


@sensitive_variables("code")
def use_code(user: User, code: str, now: datetime.datetime) -> None:
    """Use up a code of the user's app or a recovery code. Raises InvalidSecondFactor."""
    use = use_app_code if looks_like_app_code(code) else use_recovery_code
    if not use(user, code, now):
        raise InvalidSecondFactor


@contextmanager
def one_try(user: User, now: datetime.datetime, *, is_address_counted: bool = False) -> Iterator[None]:
    """Count a try by the account, since a code is only six digits, and by the client's address unless that was counted.

    Raises RateLimited. A try that succeeds is given back, one that fails is in the audit trail.
    """
    address = [] if is_address_counted else address_quotas(LOGIN_ADDRESS, current_origin().ip)
    # By the password too: a thief whose stolen password was changed leaves places for the new one.
    account = f"{user.pk.hex} {user.password}"
    tries = [name_quota(account, LOGIN_CODE), name_quota(account, LOGIN_CODE_DAY)]
    quotas = [*tries, name_quota(user.pk.hex, LOGIN_CODE_ACCOUNT), *address]
    take_or_refuse(quotas, now, "failed codes")
    try:
        yield
    except InvalidSecondFactor:
        record_event(user, "auth.second_factor_failed", user, before={}, after={})
        raise
    give_back(quotas)
