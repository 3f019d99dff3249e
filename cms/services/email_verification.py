"""Verifying a user's e-mail address, and replacing it by another one, with tokens sent by mail."""

import datetime

from django.db import transaction
from django.views.decorators.debug import sensitive_variables

from cms.errors import Duplicate, FieldError, InvalidInput
from cms.ids import with_id
from cms.models import User
from cms.services.address_mails import send_email_change
from cms.services.audit import record_event
from cms.services.ending import end_keys
from cms.services.mails import (
    may_mail_again,
    refuse_invalid,
    send_email_verification,
    take_agreed_quotas,
    take_mail_quotas,
)
from cms.services.passwords import BAD_TOKEN
from cms.services.users import save_unique
from cms.tokens.mail import Purpose, is_good, user_id_in

TAKEN = FieldError("token", "email_taken", "Another account has this e-mail address by now.")


def request_email_verification(*, email: str, now: datetime.datetime) -> None:
    """Send another mail for an unverified address, which has had few lately. Raises as for passwords.

    Nobody learns anything of others. Only mails that are sent count by their address: a stranger who asks for an
    address that nobody has, or that is verified, keeps no later mail away.
    """
    refuse_invalid(email)
    take_mail_quotas([], now)
    unverified = User.objects.filter(is_active=True, email_verified=False)
    with transaction.atomic():
        user_id = unverified.with_email(email).values_list("pk", flat=True).first()
        is_sent = may_mail_again(email, now, is_unverified=user_id is not None)
        send_email_verification.enqueue(str(user_id) if is_sent else None)


@sensitive_variables()
def verify_email(*, token: str, now: datetime.datetime) -> User:
    """Do what the token was sent for: verify the address, agree to another one, or put that one in force.

    Raises InvalidInput for an invalid token, and when another account has taken the address.
    """
    with transaction.atomic():
        rows = User.objects.select_for_update(no_key=True)
        user = with_id(rows, user_id_in(token)).first()
        if user is None:
            raise InvalidInput([BAD_TOKEN])
        if is_good(Purpose.EMAIL_VERIFICATION, token, user, now):
            _verify(user, now)
        elif is_good(Purpose.EMAIL_CHANGE, token, user, now):
            _change(user, now)
        elif is_good(Purpose.EMAIL_CHANGE_CONSENT, token, user, now):
            take_agreed_quotas(user, now)
            send_email_change.enqueue(str(user.pk), user.pending_request)
        else:
            raise InvalidInput([BAD_TOKEN])
    return user


def _verify(user: User, now: datetime.datetime) -> None:
    user.email_verified, user.updated_at = True, now
    user.save(update_fields=["email_verified", "updated_at"])
    after = {"email_verified": True, **_end_early_keys(user, now)}
    record_event(user, "user.email_verified", user, before={"email_verified": False}, after=after)


def _change(user: User, now: datetime.datetime) -> None:
    """Whether the address is free is asked again: nobody was told when it was not."""
    before = {"email": user.email, "email_verified": user.email_verified}
    user.email, user.email_verified, user.updated_at = user.pending_email, True, now
    user.withdraw_pending_address()
    try:
        save_unique(user)
    except Duplicate as error:
        raise InvalidInput([TAKEN]) from error
    ended = {} if before["email_verified"] else _end_early_keys(user, now)
    after = {"email": user.email, "email_verified": True, **ended}
    record_event(user, "user.email_changed", user, before=before, after=after)


def _end_early_keys(user: User, now: datetime.datetime) -> dict[str, int]:
    """End the keys that were made before the first verification, unless somebody vouches for the account.

    A stranger may have registered the address. Logins stay: a stranger has the password too, until a reset ends all.
    """
    return {} if user.is_vouched_for else end_keys(user, now)
