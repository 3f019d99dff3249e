"""Mails about a change of an account's e-mail address, sent by jobs of the worker."""

from typing import Final

from django.core.mail import EmailMessage
from django.tasks import task
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from cms.models import AuditEvent, User
from cms.services.mails import QUEUE, language_of, send_verification_token
from cms.tokens.mail import Purpose

CHANGE_TEXT: Final = gettext_noop("""\
This address was given as the new address of the account {username}. Confirm that it is yours:

{way}

It is valid for {hours} and works once. If it isn't your account, do nothing.
""")
CONSENT_TEXT: Final = gettext_noop("""\
Somebody who is signed in as {username} wants to change the address of this account to {pending_email}.

If it was you, agree to the change here. A mail to the new address then asks for confirmation:

{way}

It is valid for {hours}. If it wasn't you, do not agree: your address stays as it is. Set a new password, which ends all
logins.
""")
NOTICE_TEXT: Final = gettext_noop("""\
Somebody who knows the password of your account {username} wants to change its address to {pending_email}.

If it was you, open the mail that went to the new address. If it wasn't you, set a new password now: this cancels the
change and ends all logins.
""")
CHANGED_TEXT: Final = gettext_noop("""\
An administrator has changed the address of the account {username} from {old} to {new}.

Mails about the account go to the new address from now on. Ask the administrators if you did not expect this.
""")


@task(queue_name=QUEUE)
def send_email_change(user_id: str, request: str = "") -> bool:
    """Whether a mail was sent to the new address. One that belongs to another account gets none."""
    user = _user_who_waits(user_id, request)
    if user is None or User.objects.exclude(pk=user.pk).with_email(user.pending_email).exists():
        return False
    subject = gettext_noop("Confirm your e-mail address")
    send_verification_token(user, Purpose.EMAIL_CHANGE, subject, [CHANGE_TEXT], to=user.pending_email)
    return True


@task(queue_name=QUEUE)
def send_email_change_consent(user_id: str, request: str = "") -> bool:
    """Whether a mail was sent: to the address in force, which has to agree when no password was given."""
    user = _user_who_waits(user_id, request)
    if user is None:
        return False
    subject = gettext_noop("Do you want to change your e-mail address?")
    send_verification_token(user, Purpose.EMAIL_CHANGE_CONSENT, subject, [CONSENT_TEXT], to=user.email)
    return True


@task(queue_name=QUEUE)
def send_email_change_notice(user_id: str, request: str = "") -> bool:
    """Whether a mail was sent: to the address in force, which hears of the change before it is made."""
    user = _user_who_waits(user_id, request)
    if user is None:
        return False
    with language_of(user):
        text = _(NOTICE_TEXT).format(username=user.username, pending_email=user.pending_email)
        EmailMessage(_("Your e-mail address is about to change"), text, to=[user.email]).send()
    return True


@task(queue_name=QUEUE)
def send_address_changed(user_id: str, event_id: str) -> int:
    """Send the mails; return their number. They go to the old address, and to the new one unless it verifies itself.

    The addresses are those of the audit event, from where deleting the user erases them.
    """
    event = AuditEvent.objects.filter(pk=event_id, object_id=user_id).first()
    user = User.objects.filter(pk=user_id, deleted_at=None).first()
    if event is None or user is None:
        return 0
    old, new = event.before["email"], event.after["email"]
    addresses = [old, new] if user.email_verified else [old]
    with language_of(user):
        text = _(CHANGED_TEXT).format(username=user.username, old=old, new=new)
        for address in addresses:
            EmailMessage(_("The e-mail address of your account was changed"), text, to=[address]).send()
    return len(addresses)


def _user_who_waits(user_id: str, request: str) -> User | None:
    """Return the user whose request it still is; an older release gave its requests and jobs no name."""
    return User.objects.filter(pk=user_id, is_active=True, pending_request=request).exclude(pending_email="").first()
