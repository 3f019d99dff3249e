"""Signing in through a provider: who may, with the limits and audit events of a login with a password."""

import datetime
import logging
from typing import Final

from django.conf import settings
from django.views.decorators.debug import sensitive_variables

from cms.costs.turns import Busy
from cms.errors import RateLimited, SecondFactorMissing, SecondFactorRequired, SignInRefused, sentence
from cms.models import User
from cms.rate_limits import (
    LOGIN_ADDRESS,
    LOGIN_BEGUN,
    LOGIN_PROVIDER,
    LOGIN_TRIES,
    SIGN_IN_ATTEMPT,
    Quota,
    address_quotas,
    give_back,
    name_quota,
    take,
    take_or_refuse,
)
from cms.services.origin import current_origin
from cms.services.second_factors.factors import has_second_factor, lacks_second_factor
from cms.services.sign_in_events import note_failed_login
from cms.services.single_sign_on.identities import link_identity, linked_user, user_with_address_of
from cms.services.single_sign_on.provider import Attempt, ask_who_came, authorization_url
from cms.tokens.id_tokens import Identity

logger: Final = logging.getLogger("tandem.single_sign_on")


def begin_single_sign_on(*, attempt: Attempt, redirect_uri: str, now: datetime.datetime) -> str:
    """Return the provider's page for a browser. Raises SignInRefused, Busy, or RateLimited by the client's address."""
    take_or_refuse(address_quotas(LOGIN_BEGUN, current_origin().ip), now, "logins")
    return authorization_url(attempt, redirect_uri)


@sensitive_variables("code")
def finish_single_sign_on(*, attempt: Attempt, code: str, redirect_uri: str, now: datetime.datetime) -> User:
    """Return the user of ours whom the provider has signed in.

    An attempt is good for one call. Raises SignInRefused, RateLimited or Busy. SecondFactorRequired or
    SecondFactorMissing where our own factor is still to be proved or set up, as after a password.
    """
    ip = current_origin().ip
    address, tries = address_quotas(LOGIN_ADDRESS, ip), address_quotas(LOGIN_TRIES, ip)
    # Taken before the provider is asked: it answers no more tries than there may be.
    take_or_refuse([*address, *tries], now, "failed logins")
    if take([Quota(SIGN_IN_ATTEMPT, attempt.state)], now).retry_after_s:
        raise SignInRefused(sentence("This sign-in has been used already. Start again."))
    try:
        user = _admitted(ask_who_came(attempt, code, redirect_uri, now), now)
    except Busy:
        give_back(address)  # no failure, and a try: others wait for the provider as well
        raise
    give_back(address)
    if not is_second_factor_trusted():
        if lacks_second_factor(user):
            raise SecondFactorMissing(user)
        if has_second_factor(user):
            raise SecondFactorRequired(user)
    return user


def is_second_factor_trusted() -> bool:
    """Whether the provider asks everybody for a second factor, so that ours is not asked for."""
    return bool(settings.OIDC_SECOND_FACTOR == "provider")


def _admitted(identity: Identity, now: datetime.datetime) -> User:
    user, is_linked = linked_user(identity), True
    if user is None:
        user, is_linked = user_with_address_of(identity), False
    # Apart from passwords: strangers can try those, and only who was let in by the provider comes here.
    place = Quota(LOGIN_PROVIDER, str(user.pk)) if user else name_quota(" ".join(identity[:2]), LOGIN_PROVIDER)
    taken = take([place], now)
    if taken.retry_after_s:
        raise RateLimited("failed logins", taken.retry_after_s)
    # Roles are ours alone: nothing that the provider says makes a user one of the staff.
    if user and user.is_staff and (is_linked or link_identity(user, identity)):
        give_back([place])
        return user
    is_last = any(not standing.remaining for standing in taken.standings)
    logger.warning("Single sign-on: no user may sign in as the subject %r of %s", identity.subject, identity.issuer)
    note_failed_login(account=user, counted=place, is_locked=is_last, now=now)
    raise SignInRefused(_reason(identity))


def _reason(identity: Identity) -> str:
    name = settings.OIDC_NAME
    if identity.verified_email is None:
        return sentence(
            "%(provider)s does not say that your e-mail address is verified. Verify it there, then try again. If that"
            " is not possible, log in with your password.",
            provider=name,
        )
    return sentence(
        "You have signed in at %(provider)s, but your account there gives no access to this site. Ask an admin of "
        "this site to create a user with the same e-mail address, to mark the address as verified, or to unlink the "
        "user from an earlier account at %(provider)s.",
        provider=name,
    )
