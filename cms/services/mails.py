"""Mails about accounts, sent by jobs of the worker: a job holds the id of a user and neither an address nor a token."""

import datetime
from collections.abc import Iterable
from typing import Final

from django.conf import settings
from django.core.mail import EmailMessage
from django.tasks import task
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop, ngettext

from cms import clock
from cms.choices import Role
from cms.errors import InvalidInput
from cms.models import Invitation, User
from cms.rate_limits import (
    MAIL_ACCOUNT,
    MAIL_ADDRESS,
    MAIL_CHANGE,
    MAIL_CHANGE_ANYWHERE,
    MAIL_CONSENT,
    MAIL_CONSENT_ANYWHERE,
    MAIL_IN_FORCE,
    MAIL_NEWCOMER,
    MAIL_NONE,
    MAIL_VERIFICATION,
    Policy,
    Quota,
    address_quotas,
    name_quota,
    quota_within,
    take,
    take_or_refuse,
    wider_quotas,
)
from cms.services.checks import check_email
from cms.services.origin import current_origin
from cms.tokens.invitations import make_invitation_token
from cms.tokens.mail import Purpose, make_mail_token

QUEUE: Final = "mail"
RESET_TEXT: Final = gettext_noop("""\
Somebody, most likely you, has asked for a new password for your account {username}.

{way}

It is valid for {hours} and works once. The new password ends all logins and API keys of the account. If it wasn't you,
do nothing: your password stays as it is.
""")
VERIFICATION_TEXT: Final = gettext_noop("""\
This address was given for the account {username}. Confirm that it is yours:

{way}

It is valid for {hours} and works once. If it isn't your account, do nothing.
""")
KEYS_END: Final = gettext_noop("Confirming ends all API keys that the account has now: create new ones afterwards.")
INVITATION_TEXT: Final = gettext_noop("""\
You are invited to write for this site, as {role}. Choose a username and a password:

{way}

The link works once, until {end} UTC. If you did not expect it, do nothing.
""")
NOTICES: Final = {
    "added": gettext_noop("A second factor was added to your account {username}."),
    "removed": gettext_noop("A second factor was removed from your account {username}."),
    "reset": gettext_noop(
        "An administrator has removed the second factors of your account {username}. All its sessions have ended."
    ),
}
NOTICE_TEXT: Final = gettext_noop("""\
{notice}

If you did not expect this, set a new password and write to the administrators of the site.
""")


def take_mail_quotas(by_name: Iterable[Quota], now: datetime.datetime, *, account: User | None = None) -> None:
    """Count a request for mails by their addresses, known or not, by the client's address, and by the account.

    Raises RateLimited.
    """
    by_account = [] if account is None else [Quota(MAIL_ACCOUNT, str(account.pk))]
    take_or_refuse([*by_name, *_by_client(), *by_account], now, "requests for mails")


def take_change_quotas(account: User, email: str, now: datetime.datetime, *, is_proved: bool) -> None:
    """Count a request for a new address, and the mail to the one in force. Raises RateLimited."""
    near, anywhere = (MAIL_CHANGE, MAIL_CHANGE_ANYWHERE) if is_proved else (MAIL_CONSENT, MAIL_CONSENT_ANYWHERE)
    in_force = name_quota(account.email, MAIL_IN_FORCE)
    take_mail_quotas([*_of_new_address(email, near, anywhere), in_force], now, account=account)


def take_agreed_quotas(account: User, now: datetime.datetime) -> None:
    """Count the mail to a new address to which the one in force has agreed. Raises RateLimited."""
    take_mail_quotas(_of_new_address(account.pending_email, MAIL_CHANGE, MAIL_CHANGE_ANYWHERE), now, account=account)


def _of_new_address(email: str, near: Policy, anywhere: Policy) -> list[Quota]:
    named, ip = name_quota(email, near), current_origin().ip
    return [quota_within(named, ip), *wider_quotas(named, ip), Quota(anywhere, named.subject)]


def may_mail_newcomer(email: str, now: datetime.datetime) -> bool:
    """Count the mail of a registration, and return whether it may be sent."""
    return not take([name_quota(email, MAIL_NEWCOMER), *_by_client()], now).retry_after_s


def may_mail_again(email: str, now: datetime.datetime, *, is_unverified: bool) -> bool:
    """Count another mail for an unverified address, and return whether it may be sent; alike for all addresses."""
    policy = MAIL_VERIFICATION if is_unverified else MAIL_NONE
    return is_unverified & (not take([name_quota(email, policy)], now).retry_after_s)


def _by_client() -> list[Quota]:
    return address_quotas(MAIL_ADDRESS, current_origin().ip)


def refuse_invalid(email: str) -> None:
    """Raise InvalidInput for an invalid address."""
    if errors := check_email("email", email):
        raise InvalidInput(errors)


@task(queue_name=QUEUE)
def send_invitation(invitation_id: str, admin_url: str) -> bool:
    """Whether a mail was sent, with a link to the admin site at this address."""
    invitation = Invitation.objects.open(clock.now()).filter(pk=invitation_id).first()
    if invitation is None:
        return False
    way = f"{admin_url}invitation/{make_invitation_token(invitation.pk)}/"
    with language_of(None):  # the reader has no account that names one
        role, end = Role(invitation.role).label.lower(), f"{invitation.expires_at:%Y-%m-%d %H:%M}"
        body = _(INVITATION_TEXT).format(way=way, role=role, end=end)
        EmailMessage(_("Your invitation"), body, to=[invitation.email]).send()
    return True


@task(queue_name=QUEUE)
def send_second_factor_notice(user_id: str, notice: str) -> bool:
    """Whether a mail was sent. `notice` is a key of NOTICES."""
    user = User.objects.filter(pk=user_id, is_active=True).first()
    if user is None:
        return False
    with language_of(user):
        body = _(NOTICE_TEXT).format(notice=_(NOTICES[notice]).format(username=user.username))
        EmailMessage(_("Your second factor"), body, to=[user.email]).send()
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
    _send(
        user, gettext_noop("Set a new password"), [RESET_TEXT], way, settings.PASSWORD_RESET_LIFETIME_S, to=user.email
    )
    return True


@task(queue_name=QUEUE)
def send_email_verification(user_id: str | None) -> bool:
    """Whether a mail was sent: to the address that the user has by now, unless it is verified meanwhile."""
    user = User.objects.filter(pk=user_id, is_active=True, email_verified=False).first() if user_id else None
    if user is None:
        return False
    subject = gettext_noop("Confirm your e-mail address")
    texts = [VERIFICATION_TEXT] if user.is_vouched_for else [VERIFICATION_TEXT, KEYS_END]
    send_verification_token(user, Purpose.EMAIL_VERIFICATION, subject, texts, to=user.email)
    return True


def send_verification_token(user: User, purpose: Purpose, subject: str, texts: list[str], *, to: str) -> None:
    """Send a token for `/auth/verify-email`. The texts have places for it, its lifetime and both addresses."""
    way = _way(settings.EMAIL_VERIFICATION_URL, purpose, user, "/api/v2/auth/verify-email")
    _send(user, subject, texts, way, settings.EMAIL_VERIFICATION_LIFETIME_S, to=to)


def _way(url: str, purpose: Purpose, user: User, api_path: str) -> str:
    """Return the address of the site's own page; where that isn't known, the token and where to send it."""
    token = make_mail_token(purpose, user, clock.now())
    return url.replace("{token}", token) if url else f"Token: {token}\nSend it to POST {api_path}."


def _send(user: User, subject: str, texts: list[str], way: str, lifetime_s: int, *, to: str) -> None:
    """Send the translations of these texts, in the language of the user."""
    count = lifetime_s // 3600
    with language_of(user):
        hours = ngettext("one hour", "%(count)d hours", count) % {"count": count}
        known = {"username": user.username, "pending_email": user.pending_email, "way": way, "hours": hours}
        body = "\n".join(_(text).rstrip("\n").format(**known) + "\n" for text in texts)
        EmailMessage(_(subject), body, to=[to]).send()


def language_of(user: User | None) -> translation.override:
    """Return a context in the language that the user has chosen for the admin site, else in the site's."""
    chosen = user.language if user else ""
    return translation.override(chosen if chosen in dict(settings.LANGUAGES) else settings.LANGUAGE_CODE)
