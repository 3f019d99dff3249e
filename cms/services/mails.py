"""Mails about accounts, sent by jobs of the worker: a job holds the id of a user and neither an address nor a token."""

from typing import Final

from django.conf import settings
from django.core.mail import EmailMessage
from django.tasks import task

from cms import clock
from cms.choices import Role
from cms.models import Invitation, User
from cms.tokens.invitations import make_invitation_token
from cms.tokens.mail import Purpose, make_mail_token

QUEUE: Final = "mail"
RESET_TEXT: Final = """\
Somebody, most likely you, has asked for a new password of your account {username}.

{way}

It is good for {hours} and for one use. If it wasn't you, do nothing: your password stays as it is.
"""
VERIFICATION_TEXT: Final = """\
This address was given for the account {username}. Confirm that it is yours:

{way}

It is good for {hours} and for one use. If it isn't your account, do nothing.
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
    _send(user, "Set a new password", RESET_TEXT, way, settings.PASSWORD_RESET_LIFETIME_S)
    return True


@task(queue_name=QUEUE)
def send_email_verification(user_id: str | None) -> bool:
    """Whether a mail was sent: to the address that the user has by now, unless it is verified meanwhile."""
    user = User.objects.filter(pk=user_id, is_active=True, email_verified=False).first() if user_id else None
    if user is None:
        return False
    way = _way(settings.EMAIL_VERIFICATION_URL, Purpose.EMAIL_VERIFICATION, user, "/api/v2/auth/verify-email")
    _send(user, "Confirm your e-mail address", VERIFICATION_TEXT, way, settings.EMAIL_VERIFICATION_LIFETIME_S)
    return True


def _way(url: str, purpose: Purpose, user: User, api_path: str) -> str:
    """The page of the site's own front end, or where that isn't known the token and where to send it."""
    token = make_mail_token(purpose, user, clock.now())
    return url.replace("{token}", token) if url else f"Token: {token}\nSend it to POST {api_path}."


def _send(user: User, subject: str, text: str, way: str, lifetime_s: int) -> None:
    hours = lifetime_s // 3600
    body = text.format(username=user.username, way=way, hours="one hour" if hours == 1 else f"{hours} hours")
    EmailMessage(subject, body, to=[user.email]).send()
