"""Whether a user's e-mail address is theirs: asked by mail, answered by the token in it."""

import datetime

from django.db import transaction
from django.views.decorators.debug import sensitive_variables

from cms.errors import InvalidInput
from cms.ids import with_id
from cms.models import User
from cms.services.audit import record_event
from cms.services.mails import send_email_verification
from cms.services.passwords import BAD_TOKEN, take_mail_quotas
from cms.tokens.mail import Purpose, is_good, user_id_in


def request_email_verification(*, email: str, now: datetime.datetime) -> None:
    """Another mail for an address that isn't verified; of any other nobody learns anything. Raises as for passwords."""
    take_mail_quotas(email, now)
    unverified = User.objects.filter(is_active=True, email_verified=False)
    with transaction.atomic():
        user_id = unverified.with_email(email).values_list("pk", flat=True).first()
        send_email_verification.enqueue(str(user_id) if user_id else None)


@sensitive_variables()
def verify_email(*, token: str, now: datetime.datetime) -> User:
    """The address to which the token was sent is its user's. Raises InvalidInput for a token that isn't good."""
    with transaction.atomic():
        rows = User.objects.select_for_update(no_key=True)
        user = with_id(rows, user_id_in(token)).first()
        if user is None or not is_good(Purpose.EMAIL_VERIFICATION, token, user, now):
            raise InvalidInput([BAD_TOKEN])
        user.email_verified, user.updated_at = True, now
        user.save(update_fields=["email_verified", "updated_at"])
        after = {"email_verified": True}
        record_event(user, "user.email_verified", user, before={"email_verified": False}, after=after)
    return user
