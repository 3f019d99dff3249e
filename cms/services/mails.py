"""Mails about accounts, sent by jobs of the worker: a job holds the id of a user and neither an address nor a token."""

import datetime
from typing import Final

from django.conf import settings
from django.core.mail import EmailMessage
from django.tasks import task

from cms import clock
from cms.choices import Role
from cms.errors import InvalidInput
from cms.models import Invitation, User
from cms.rate_limits import MAIL_ACCOUNT, MAIL_ADDRESS, MAIL_NAME, Quota, address_quota, name_quota, take_or_refuse
from cms.services.checks import check_email
from cms.services.origin import current_origin
from cms.tokens.invitations import make_invitation_token
from cms.tokens.mail import Purpose, make_mail_token

QUEUE: Final = "mail"
RESET_TEXT: Final = """\
Somebody, most likely you, has asked for a new password of your account {username}.

{way}

It is good for {hours} and for one use. The new password ends all logins and API keys of the account. If it wasn't you,
do nothing: your password stays as it is.
"""
VERIFICATION_TEXT: Final = """\
This address was given for the account {username}. Confirm that it is yours:

{way}

It is good for {hours} and for one use. If it isn't your account, do nothing.
"""
FIRST_VERIFICATION_TEXT: Final = f"""\
{VERIFICATION_TEXT}
API keys that were made before it end then: make new ones.
"""
INVITATION_TEXT: Final = """\
You are invited to write for this site, as {role}. Choose a username and a password:

{way}

The link is good until {end} UTC and for one use. If you did not expect it, do nothing.
"""
NOTICES: Final = {
    "added": "A second factor was added to your account {username}.",
    "removed": "A second factor was removed from your account {username}.",
    "reset": "An administrator has removed the second factors of your account {username}. All its sessions have ended.",
}
NOTICE_TEXT: Final = """\
{notice}

If you did not expect this, set a new password and write to the administrators of the site.
"""


def take_mail_quotas(email: str, now: datetime.datetime, *, account: User | None = None) -> None:
    """For asking for a mail: so many about an address, known or not, so many by one client's address and one account.

    Raises InvalidInput for an invalid address, or RateLimited.
    """
    if errors := check_email("email", email):
        raise InvalidInput(errors)
    quotas = [name_quota(email, MAIL_NAME), address_quota(MAIL_ADDRESS, current_origin().ip)]
    if account is not None:
        quotas.append(Quota(MAIL_ACCOUNT, str(account.pk)))
    take_or_refuse(quotas, now, "requests for mails")


@task(queue_name=QUEUE)
def send_invitation(invitation_id: str, admin_url: str) -> bool:
    """Whether a mail was sent, with a link to the admin site at this address."""
    invitation = Invitation.objects.open(clock.now()).filter(pk=invitation_id).first()
    if invitation is None:
        return False
    way = f"{admin_url}invitation/{make_invitation_token(invitation.pk)}/"
    role, end = Role(invitation.role).label.lower(), f"{invitation.expires_at:%Y-%m-%d %H:%M}"
    EmailMessage("Your invitation", INVITATION_TEXT.format(way=way, role=role, end=end), to=[invitation.email]).send()
    return True


@task(queue_name=QUEUE)
def send_second_factor_notice(user_id: str, notice: str) -> bool:
    """Whether a mail was sent. `notice` is a key of NOTICES."""
    user = User.objects.filter(pk=user_id, is_active=True).first()
    if user is None:
        return False
    body = NOTICE_TEXT.format(notice=NOTICES[notice].format(username=user.username))
    EmailMessage("Your second factor", body, to=[user.email]).send()
    return True


@task(queue_name=QUEUE)
def send_password_reset(user_id: str | None, page: str = "") -> bool:
    """Whether a mail was sent. None is the job of an address that nobody has: asked for it looks like any other.

    `page` takes the place of the setting PASSWORD_RESET_URL.
    """
    user = User.objects.filter(pk=user_id, is_active=True).first() if user_id else None
    if user is None:
        return False
    way = _way(page or settings.PASSWORD_RESET_URL, Purpose.PASSWORD_RESET, user, "/api/v2/auth/password-reset/confirm")
    _send(user, "Set a new password", RESET_TEXT, way, settings.PASSWORD_RESET_LIFETIME_S, to=user.email)
    return True


@task(queue_name=QUEUE)
def send_email_verification(user_id: str | None) -> bool:
    """Whether a mail was sent: to the address that the user has by now, unless it is verified meanwhile."""
    user = User.objects.filter(pk=user_id, is_active=True, email_verified=False).first() if user_id else None
    if user is None:
        return False
    subject = "Confirm your e-mail address"
    text = VERIFICATION_TEXT if user.is_vouched_for else FIRST_VERIFICATION_TEXT
    send_verification_token(user, Purpose.EMAIL_VERIFICATION, subject, text, to=user.email)
    return True


def send_verification_token(user: User, purpose: Purpose, subject: str, text: str, *, to: str) -> None:
    """Send a token of `purpose` for `/auth/verify-email`; `text` has places for it, its lifetime and both addresses."""
    way = _way(settings.EMAIL_VERIFICATION_URL, purpose, user, "/api/v2/auth/verify-email")
    _send(user, subject, text, way, settings.EMAIL_VERIFICATION_LIFETIME_S, to=to)


def _way(url: str, purpose: Purpose, user: User, api_path: str) -> str:
    """The page of the site's own front end, or where that isn't known the token and where to send it."""
    token = make_mail_token(purpose, user, clock.now())
    return url.replace("{token}", token) if url else f"Token: {token}\nSend it to POST {api_path}."


def _send(user: User, subject: str, text: str, way: str, lifetime_s: int, *, to: str) -> None:
    count = lifetime_s // 3600
    hours = "one hour" if count == 1 else f"{count} hours"
    body = text.format(username=user.username, pending_email=user.pending_email, way=way, hours=hours)
    EmailMessage(subject, body, to=[to]).send()
