"""Signing in from outside: the check of a password and of a second factor, and how often one may try."""

import datetime
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from django.views.decorators.debug import sensitive_variables

from cms.costs.turns import Busy
from cms.errors import (
    FieldError,
    InvalidCredentials,
    InvalidInput,
    RateLimited,
    SecondFactorMissing,
    SecondFactorRequired,
)
from cms.models import User
from cms.rate_limits import (
    LOGIN_ADDRESS,
    LOGIN_RUNNING,
    LOGIN_TRIES,
    Quota,
    address_quota,
    give_back,
    name_quota,
    take,
)
from cms.services.origin import current_origin
from cms.services.second_factors.factors import has_second_factor, lacks_second_factor
from cms.services.second_factors.proofs import Proof
from cms.services.second_factors.verifying import one_try, use_code
from cms.services.users import authenticate_user


@sensitive_variables("password", "code")
def sign_in(*, username_or_email: str, password: str, now: datetime.datetime, code: str | None = None) -> User:
    """Return the active user whose password this is, and whose second factor the code is of, where there is one.

    Raises InvalidCredentials, InvalidSecondFactor, RateLimited after too many failures, or Busy. After the right
    password alone: SecondFactorRequired without a code, SecondFactorMissing for a role that needs a factor without one.
    """
    with _one_try(username_or_email, now):
        user = authenticate_user(username_or_email=username_or_email, password=password)
        if lacks_second_factor(user):
            raise SecondFactorMissing(user)
        if has_second_factor(user):
            if code is None:
                raise SecondFactorRequired(user)
            with one_try(user, now, is_address_counted=True):
                use_code(user, code, now)
    return user


@sensitive_variables("code")
def prove_second_factor(*, user: User, code: str, now: datetime.datetime) -> None:
    """The second step of a login in two steps. Raises InvalidSecondFactor, or RateLimited after too many failures."""
    with one_try(user, now):
        use_code(user, code, now)


@sensitive_variables("password")
def prove_password(*, user: User, password: str, now: datetime.datetime, field: str = "current_password") -> Proof:
    """That the signed-in user knows the password. Wrong tries count as failed logins; InvalidInput is about `field`."""
    try:
        with _one_try(user.username, now):
            found = authenticate_user(username_or_email=user.username, password=password)
    except InvalidCredentials as error:
        raise InvalidInput([FieldError(field, "wrong_password", "This is not your current password.")]) from error
    return Proof(found.pk, now)


@contextmanager
def _one_try(username_or_email: str, now: datetime.datetime) -> Iterator[None]:
    """Count a login before the password is looked at, and give that back when it was right.

    Many tries at once then get no further than one after the other, and a refusal says nothing about the password.
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
        yield
        returned += [name, address]
    except Busy:
        returned += [name, address, tries]
        raise
    except SecondFactorRequired:  # only half of a login, and that half was right
        returned += [name, address]
        raise
    finally:
        give_back(returned)


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
