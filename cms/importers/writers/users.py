"""Writing authors: users who can't sign in until somebody sets their password."""

from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from cms import limits
from cms.choices import Role
from cms.importers.cleaning import Notes, fit_text, numbered_username, username_from
from cms.importers.context import Context
from cms.importers.items import UserItem
from cms.models import User
from cms.policy import RANK, SYSTEM
from cms.services.checks import check_username
from cms.services.preferences import preference_errors
from cms.services.slugs import free_number
from cms.services.users import TEXT_LIMITS, UserFields, create_user, update_user

EMAIL_DOMAIN = "imported.invalid"  # RFC 2606: no mail ever goes there
TRUSTING = "Only `import_content --trust-roles` takes it over, from an export of your own site."


def create(context: Context, item: UserItem, notes: Notes) -> tuple[User, bool]:
    """Return the user and whether it is new: an account with the author's e-mail address is the author's.

    Not one that a stranger has registered: anybody names any address, and would get the author's drafts.
    """
    email = _valid_email(item)
    twin = User.objects.with_email(email).first() if email else None
    is_trusted = twin is not None and (twin.email_verified or twin.is_vouched_for)
    if twin is not None and is_trusted and not context.has_imported("user", twin.pk):
        reason = "An account with this e-mail address exists and stands for the author; nothing of it was changed."
        notes.note("username", item.username, twin.username, reason)
        return twin, False
    username = _free_username(item, notes)
    if not email or twin is not None:
        if twin is not None and not is_trusted:
            reason = "An account has this e-mail address without having verified it, and is not taken for the author."
        elif item.email:
            reason = "The e-mail address is invalid or taken."
        else:
            reason = "No other valid e-mail address is given."
        email = f"{username.lower()}@{EMAIL_DOMAIN}"
        notes.note("email", item.email or None, email, f"{reason} One that gets no mail was made up.")
    fields: UserFields = {"username": username, "email": email, **_texts(item, notes)}
    fields |= _preferences(item, notes) | _rights(context, item, username, notes)
    if item.id is not None:
        fields["id"] = item.id
    return create_user(actor=SYSTEM, fields=fields, password=None, now=context.now), True


def update(context: Context, user: User, item: UserItem, notes: Notes) -> User:
    """Update the texts; name and role of an account stay, and so does its address unless nobody can have used it."""
    if user.deleted_at is not None:
        notes.note("username", None, user.username, "The user was deleted here and stays deleted.")
        return user
    changes = _texts(item, notes)
    email = _valid_email(item)
    if email and _is_unclaimed(user) and not User.objects.with_email(email).exists():
        notes.note("email", user.email, email, f"{user.username} had no address yet, and may ask for a password now.")
        changes["email"] = email
    elif email and email.lower() != user.email.lower():
        notes.note("email", item.email, user.email, "The e-mail address of an account is not changed by an import.")
    return update_user(actor=SYSTEM, user=user, changes=changes, now=context.now)


def _is_unclaimed(user: User) -> bool:
    """Return whether an earlier import made the account and its address, and nobody has used or promoted it since.

    The writer of a file may know the name of an earlier source. They would ask for a new password by mail, and sign in
    as the admin that the author has become.
    """
    is_new = user.last_login is None and not user.has_usable_password() and RANK[Role(user.role)] <= RANK[Role.AUTHOR]
    return is_new and user.email.endswith(f"@{EMAIL_DOMAIN}")


def _rights(context: Context, item: UserItem, username: str, notes: Notes) -> UserFields:
    """Return what opens doors. A source may name any role and address: `context` says whether it is believed."""
    rights: UserFields = {"role": item.role, "is_active": item.is_active, "email_verified": item.email_verified}
    if context.trusts_roles:
        return rights
    if RANK[item.role] > RANK[Role.AUTHOR]:
        rights["role"] = Role.AUTHOR
        reason = f"{username} becomes an author until an admin gives another role. {TRUSTING}"
        notes.note("role", item.role, Role.AUTHOR, reason)
    if item.email_verified:
        rights["email_verified"] = False
        notes.note("email_verified", True, False, f"{username} has to verify the e-mail address here. {TRUSTING}")
    return rights


def _preferences(item: UserItem, notes: Notes) -> UserFields:
    """Return the preferences that this site offers too. Later imports leave them to the user."""
    kept: UserFields = {}
    if preference_errors(item.time_zone, ""):
        notes.note("time_zone", item.time_zone, "", "There is no such time zone here.")
    elif item.time_zone:
        kept["time_zone"] = item.time_zone
    if preference_errors("", item.language):
        notes.note("language", item.language, "", "The admin site does not have this language here.")
    elif item.language:
        kept["language"] = item.language
    return kept


def _valid_email(item: UserItem) -> str:
    try:
        validate_email(item.email)
    except ValidationError:
        return ""
    return item.email if len(item.email) <= limits.EMAIL_MAX else ""


def _free_username(item: UserItem, notes: Notes) -> str:
    is_kept = notes.is_exact and not check_username("username", item.username, is_reserved_allowed=True)
    wanted = item.username if is_kept else username_from(item.username)
    username = wanted
    if _is_taken(wanted):
        number = free_number(lambda number: _is_taken(numbered_username(wanted, number)))
        username = numbered_username(wanted, number)
    if username != item.username:
        reason = "A username has 3 to 30 letters A to Z, digits and '_', and is unique."
        notes.note("username", item.username, username, reason)
    return username


def _is_taken(username: str) -> bool:
    return User.objects.with_username(username).exists()


def _texts(item: UserItem, notes: Notes) -> UserFields:
    texts: UserFields = {}
    for name, maximum in TEXT_LIMITS.items():
        texts[name] = fit_text(name, getattr(item, name), maximum, notes)  # type: ignore[literal-required]
    return texts
