"""Checks of single values that several services share: each returns the errors it found, in the order of the fields."""

import datetime
import re
import unicodedata

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils.translation import gettext_noop

from cms import limits
from cms.errors import FieldError, sentence, shown
from cms.media.names import is_unseen

_LANGUAGE = re.compile(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*", re.ASCII)  # RFC 5646 section 2.1, in outline


def check_length(field: str, value: str, minimum: int, maximum: int) -> list[FieldError]:
    """Check the text's length as it is; a required text that is only blanks counts as empty."""
    if minimum and not value.strip():
        return [FieldError(field, "required", "This field can't be empty.")]
    if len(value) < minimum:
        return [
            FieldError(
                field,
                "too_short",
                sentence(
                    "At least %(minimum)s characters are needed; there are %(count)s.",
                    minimum=minimum,
                    count=len(value),
                ),
            )
        ]
    if len(value) > maximum:
        return [
            FieldError(
                field,
                "too_long",
                sentence(
                    "At most %(maximum)s characters are allowed; there are %(count)s.",
                    maximum=maximum,
                    count=len(value),
                ),
            )
        ]
    return []


def check_characters(field: str, value: str) -> list[FieldError]:
    """Refuse NUL, which PostgreSQL can't store, and lone surrogates, which nothing can."""
    try:
        value.encode()
    except UnicodeEncodeError:
        is_storable = False
    else:
        is_storable = "\x00" not in value
    text = gettext_noop("NUL characters and lone surrogates are not allowed.")
    return [] if is_storable else [FieldError(field, "invalid_characters", text)]


def check_text(field: str, value: str, minimum: int, maximum: int) -> list[FieldError]:
    return check_length(field, value, minimum, maximum) or check_characters(field, value)


def check_name(field: str, value: str, minimum: int, maximum: int) -> list[FieldError]:
    """Check a name that strangers choose: as `check_text`, nothing in it is unseen, and something of it shows."""
    errors = check_text(field, value, minimum, maximum)
    is_blank = value and not any(unicodedata.category(character)[0] in "LNPS" for character in value)
    if not errors and (is_blank or any(map(is_unseen, value))):
        text = gettext_noop("Line breaks and invisible characters are not allowed.")
        errors = [FieldError(field, "invalid_characters", text)]
    return errors


def check_instant(field: str, instant: datetime.datetime | None) -> list[FieldError]:
    """Accept years that every reader can be shown, in any time zone, and that every driver can read."""
    first, last = limits.YEARS
    if instant is None or first <= instant.year <= last:
        return []
    text = sentence("The year is outside %(first)s to %(last)s.", first=str(first), last=str(last))
    return [FieldError(field, "out_of_range", text)]


def check_email(field: str, value: str) -> list[FieldError]:
    """Accept ASCII only: lower() of other letters may be ASCII (the Kelvin sign): two addresses would pass for one."""
    errors = check_text(field, value, 3, limits.EMAIL_MAX)
    if errors:
        return errors
    try:
        validate_email(value)
    except ValidationError:
        pass
    else:
        if value.isascii():
            return []
    return [FieldError(field, "invalid_email", "This is no valid e-mail address.")]


def check_old_path(field: str, value: str) -> list[FieldError]:
    """Check the path of a redirect, which is in an index: its bytes in UTF-8 are bounded too."""
    if not value.startswith("/") or not 2 <= len(value) <= limits.OLD_PATH_MAX:
        message = sentence("An old path begins with '/' and has 2 to %(most)s characters.", most=limits.OLD_PATH_MAX)
        return [FieldError(field, "invalid_path", message)]
    if errors := check_characters(field, value):
        return errors
    if (count := len(value.encode())) > limits.OLD_PATH_BYTES_MAX:
        message = sentence(
            "At most %(maximum)s bytes in UTF-8 are allowed; there are %(count)s.",
            maximum=limits.OLD_PATH_BYTES_MAX,
            count=count,
        )
        return [FieldError(field, "invalid_path", message)]
    return []


def check_username(field: str, value: str, *, is_reserved_allowed: bool) -> list[FieldError]:
    errors = check_text(field, value, *limits.USERNAME)
    if not errors and not re.match(limits.USERNAME_PATTERN, value):
        errors = [FieldError(field, "invalid_username", "A username consists of letters A to Z, digits and '_'.")]
    if not errors and not is_reserved_allowed and value.lower() in limits.RESERVED_USERNAMES:
        errors = [FieldError(field, "reserved", sentence("The username %(value)s is reserved.", value=repr(value)))]
    return errors


def check_choice(field: str, value: str, allowed: list[str]) -> list[FieldError]:
    if value in allowed:
        return []
    return [
        FieldError(
            field,
            "invalid_choice",
            sentence("%(value)s is not one of: %(names)s.", value=shown(value), names=", ".join(allowed)),
        )
    ]


def check_language(field: str, value: str) -> list[FieldError]:
    if len(value) <= limits.LANGUAGE_MAX and _LANGUAGE.fullmatch(value):
        return []
    return [FieldError(field, "invalid_language", "This is not a BCP 47 language tag, such as en or pt-BR.")]
