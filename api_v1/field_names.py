"""Where v1 calls a field or a role otherwise than the domain does: its refusals come back in v1's words."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Final

from cms.errors import FieldError, InvalidInput

_IN_V1: Final = {"categories": "category", "scopes": "permissions"}


@contextmanager
def names_of_v1() -> Iterator[None]:
    try:
        yield
    except InvalidInput as refusal:
        raise InvalidInput([_in_v1(error) for error in refusal.errors]) from refusal


def _in_v1(error: FieldError) -> FieldError:
    message = error.message
    if error.field == "role" and error.code == "invalid_choice":
        named, allowed = message.rsplit(": ", 1)
        message = f"{named}: {', '.join(role.capitalize() for role in allowed.split(', '))}"
    return replace(error, field=_IN_V1.get(error.field, error.field), message=message)
