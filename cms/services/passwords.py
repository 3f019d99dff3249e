"""Passwords that users change themselves, with the old one or with a token sent to their address."""

import datetime
import uuid

from django.db import transaction
from django.views.decorators.debug import sensitive_variables

from cms.errors import FieldError, InvalidInput
from cms.ids import with_id
from cms.models import User
from cms.rate_limits import MAIL_RESET, name_quota
from cms.services.locks import lock_row
from cms.services.mails import refuse_invalid, send_password_reset, take_mail_quotas
from cms.services.signing_in import prove_password, wrong_password
from cms.services.users import hash_password, store_password
from cms.tokens.mail import Purpose, is_good, user_id_in

BAD_TOKEN = FieldError("token", "invalid_token", "This token is not valid, was used already or has expired.")


@sensitive_variables()
def change_password(
    *, user: User, current_password: str, password: str, now: datetime.datetime, kept_session_id: uuid.UUID | None
) -> None:
    """Change the password and end every API session except the kept one.

    Wrong tries count as failed logins. Raises InvalidInput or RateLimited.
    """
    proof = prove_password(user=user, password=current_password, now=now)
    hashed = hash_password(password, user, field="new_password")
    with transaction.atomic():
        if not proof.holds(lock_row(user), now):  # changed by another request since
            raise InvalidInput([wrong_password("current_password")])
        store_password(actor=user, user=user, hashed=hashed, now=now, kept_session_id=kept_session_id)


def request_password_reset(*, email: str, now: datetime.datetime, page: str = "") -> None:
    """Send a reset mail to the active user with this address.

    The work is the same for every address, so nobody learns whether a user has it. `page` is the address that the mail
    leads to, with `{token}` in it, where it is not that of the setting PASSWORD_RESET_URL. Raises InvalidInput for an
    invalid address, or RateLimited.
    """
    refuse_invalid(email)
    take_mail_quotas([name_quota(email, MAIL_RESET)], now)
    with transaction.atomic():
        user_id = User.objects.with_email(email).filter(is_active=True).values_list("pk", flat=True).first()
        send_password_reset.enqueue(str(user_id) if user_id else None, **({"page": page} if page else {}))


@sensitive_variables()
def reset_password(*, token: str, password: str, now: datetime.datetime) -> User:
    """Set the password of the user to whom the token was sent; end every session and API key. Raises InvalidInput."""
    user = user_of_reset_token(token=token, now=now)
    hashed = hash_password(password, user)
    with transaction.atomic():
        user = lock_row(user)
        if not is_good(Purpose.PASSWORD_RESET, token, user, now):  # used by another request since
            raise InvalidInput([BAD_TOKEN])
        store_password(actor=user, user=user, hashed=hashed, now=now, ends_keys=True)
    return user


def user_of_reset_token(*, token: str, now: datetime.datetime) -> User:
    """Return the user to whom the token was sent. Raises InvalidInput for one that is used or has expired."""
    user = with_id(User.objects.all(), user_id_in(token)).first()
    if user is None or not is_good(Purpose.PASSWORD_RESET, token, user, now):
        raise InvalidInput([BAD_TOKEN])
    return user
