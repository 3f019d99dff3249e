"""Signing in from outside: the check of a password and of a second factor, and how often one may try."""

import datetime
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from django.contrib.auth.hashers import check_password, make_password
from django.views.decorators.debug import sensitive_variables

from cms import limits
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
    LOGIN_ACCOUNT,
    LOGIN_ACCOUNT_ANYWHERE,
    LOGIN_ADDRESS,
    LOGIN_NAME_ANYWHERE,
    LOGIN_PROOF,
    LOGIN_RUNNING,
    LOGIN_TRIES,
    Quota,
    Standing,
    address_quotas,
    give_back,
    name_quota,
    quota_within,
    take,
    wider_quotas,
)
from cms.services.checks import check_characters
from cms.services.origin import current_origin
from cms.services.proofs import Proof
from cms.services.second_factors.factors import has_second_factor, lacks_second_factor
from cms.services.second_factors.verifying import one_try, use_code
from cms.services.sign_in_events import note_failed_login


@sensitive_variables("password", "code")
def sign_in(*, username_or_email: str, password: str, now: datetime.datetime, code: str | None = None) -> User:
    """Return the active user whose password this is, and whose second factor the code is of, where there is one.

    `second_factor_at` of the user marks the latter, for the session that this login opens.
    Raises InvalidCredentials, InvalidSecondFactor, RateLimited after too many failures, or Busy. After the right
    password alone: SecondFactorRequired without a code, SecondFactorMissing for a role that needs a factor without one.
    """
    account, typed, ip = _find_account(username_or_email), name_quota(username_or_email), current_origin().ip
    anywhere = Quota(LOGIN_NAME_ANYWHERE, typed.subject)
    with _one_try(quota_within(typed, ip), now, *wider_quotas(typed, ip), anywhere) as one:
        subject = str(account.pk) if account else typed.subject
        own = Quota(LOGIN_ACCOUNT, subject)
        places = [quota_within(own, ip), *wider_quotas(own, ip), Quota(LOGIN_ACCOUNT_ANYWHERE, subject)]
        taken = take(places, now)
        one.is_last = _is_used_up(taken.standings, places)
        if taken.retry_after_s:
            # Used up by its other name. A 429 would tell that both names are one's: refused as one that nobody has.
            account, subject, places = None, typed.subject, []
        by_name, one.places = one.places, [*one.places, *places]
        user = _checked(account, password, Quota(LOGIN_ACCOUNT, subject), is_last=one.is_last, now=now)
        give_back(places)  # codes have a limit of their own
        one.places = by_name
        if lacks_second_factor(user):
            raise SecondFactorMissing(user)
        if has_second_factor(user):
            if code is None:
                raise SecondFactorRequired(user)
            with one_try(user, now, is_address_counted=True):
                use_code(user, code, now)
            user.second_factor_at = now
    return user


@sensitive_variables("code")
def prove_second_factor(*, user: User, code: str, now: datetime.datetime) -> None:
    """Check the second step of a login in two steps. Raises InvalidSecondFactor, or RateLimited after many failures."""
    with one_try(user, now):
        use_code(user, code, now)


@sensitive_variables("password")
def prove_password(*, user: User, password: str, now: datetime.datetime, field: str = "current_password") -> Proof:
    """Check that the signed-in user knows the password. Wrong tries count as logins; InvalidInput is about `field`.

    Call it before any transaction: a password takes longer than all of one, and a wrong one leaves a row.
    """
    place = Quota(LOGIN_PROOF, str(user.pk))  # no login counts here: strangers can try those
    try:
        with _one_try(place, now) as one:
            _checked(user, password, place, is_last=one.is_last, now=now)
    except InvalidCredentials as error:
        raise InvalidInput([wrong_password(field)]) from error
    return Proof.of(user, now)


def wrong_password(field: str) -> FieldError:
    return FieldError(field, "wrong_password", "This is not your current password.")


@dataclass
class _Try:
    """A try at a password."""

    is_last: bool
    """Whether it has the last place of its account."""
    places: list[Quota | None]
    """Given back when the password was right."""


@contextmanager
def _one_try(counted: Quota, now: datetime.datetime, *names: Quota) -> Iterator[_Try]:
    """Count a try before the password is looked at, and give that back when it was right.

    Many tries at once then get no further than one after the other, and a refusal says nothing about the password.
    """
    ip = current_origin().ip
    address, tries = address_quotas(LOGIN_ADDRESS, ip), address_quotas(LOGIN_TRIES, ip)
    running = Quota(LOGIN_RUNNING, counted.subject)
    places: list[Quota | None] = [counted, *names, *address]
    standings = _take_or_refuse([running, *places, *tries], now)
    one = _Try(_is_used_up(standings, [counted]), places)
    returned: list[Quota | None] = [running]
    try:
        yield one
        returned += one.places
    except Busy:
        returned += [*one.places, *tries]
        raise
    except SecondFactorRequired:  # only half of a login, and that half was right
        returned += one.places
        raise
    finally:
        give_back(returned)


def _take_or_refuse(quotas: Sequence[Quota | None], now: datetime.datetime) -> Sequence[Standing]:
    """Take from the quotas. If logins that are still being checked hold every place, one may try again at once."""
    taken = take(quotas, now)
    if not taken.retry_after_s:
        return taken.standings
    running = taken.standings[0]
    if any(one.name.startswith(LOGIN_TRIES.name) and not one.remaining for one in taken.standings):
        raise RateLimited("logins", taken.retry_after_s)
    if running.limit - running.remaining:
        raise RateLimited("logins at once", 1)
    raise RateLimited("failed logins", taken.retry_after_s)


def _is_used_up(standings: Sequence[Standing], quotas: Sequence[Quota]) -> bool:
    """Whether one of the quotas has no place left. One that is off has no standing."""
    names = {quota.policy.name for quota in quotas}
    return any(standing.name in names and not standing.remaining for standing in standings)


def _find_account(username_or_email: str) -> User | None:
    is_storable = not check_characters("", username_or_email)
    return User.objects.named(username_or_email).first() if is_storable else None


@sensitive_variables("password")
def _checked(account: User | None, password: str, counted: Quota, *, is_last: bool, now: datetime.datetime) -> User:
    """Return the account if the password is its own. Raise InvalidCredentials, after the same time, for every failure.

    That time is the one of a current hash. An account that still has an old one takes the old one's time until its next
    login: hiding that would mean to compute the slowest of all old hashes for everybody.
    """
    is_storable = not check_characters("", password) and len(password) <= limits.PASSWORD[1]
    if account is None or not is_storable:
        make_password("")  # costs what checking one costs, so that time tells nothing
    elif _is_right(account, password):
        return account
    note_failed_login(account=account, counted=counted, is_locked=is_last, now=now)
    raise InvalidCredentials


@sensitive_variables("password")
def _is_right(account: User, password: str) -> bool:
    # An outdated hash is upgraded on the way, as Django does. Not for a suspended user: the extra time would show one.
    setter = (lambda raw: _upgrade_hash(account, raw)) if account.is_active else None
    return check_password(password, account.password, setter=setter) and account.is_active


@sensitive_variables("password")
def _upgrade_hash(user: User, password: str) -> None:
    """Leave `user` with the stored hash of this password: sessions are bound to the one in memory."""
    hashed = make_password(password)
    if User.objects.filter(pk=user.pk, password=user.password).update(password=hashed):
        user.password = hashed
        return
    # Another login has upgraded it meanwhile. Or the password was changed: then the outdated hash opens no session.
    stored = User.objects.values_list("password", flat=True).get(pk=user.pk)
    if check_password(password, stored):
        user.password = stored
