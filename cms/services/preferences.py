"""How a user wants to read the admin site: the time zones and languages there are."""

from functools import cache
from typing import Final
from zoneinfo import available_timezones

from django.conf import settings

from cms.errors import FieldError, sentence, shown

_NOT_OF_PEOPLE: Final = ("Etc/", "SystemV/", "US/", "posix/", "right/")


@cache
def time_zones() -> tuple[str, ...]:
    """Return the names of places, as in `Europe/Berlin`, and UTC, in the order of the alphabet."""
    places = {name for name in available_timezones() if "/" in name and not name.startswith(_NOT_OF_PEOPLE)}
    return ("UTC", *sorted(places))


def preference_errors(time_zone: str, language: str) -> list[FieldError]:
    """Return what is wrong with them; empty ones stand for those of the site."""
    errors = []
    if time_zone and time_zone not in time_zones():
        message = sentence(
            "%(value)s is not a time zone; use a name of the IANA database, such as Europe/Berlin.",
            value=shown(time_zone),
        )
        errors.append(FieldError("time_zone", "invalid_choice", message))
    codes = [code for code, _ in settings.LANGUAGES]
    if language and language not in codes:
        message = sentence(
            "%(value)s is not a language of the admin site; use one of %(names)s.",
            value=shown(language),
            names=", ".join(codes),
        )
        errors.append(FieldError("language", "invalid_choice", message))
    return errors
