"""Names of people for what the rollout keeps as `user:ID` or `key:ab12 user:ID`: those that they have today.

An older release wrote `user:ID alice` and `key:ab12 alice`. The chain of events keeps these as they are.
"""

import re
from collections.abc import Iterable
from typing import Any, Final

from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError

USER: Final = re.compile(r"user:(\S+)(?: (.+))?", re.DOTALL)
KEY: Final = re.compile(r"key:\S+ (?:user:(\S+)|(.+))", re.DOTALL)


class People:
    """Asks for all users at once."""

    def __init__(self, told: Iterable[str]) -> None:
        wanted = {found[1] for text in told if (found := USER.fullmatch(text) or KEY.fullmatch(text)) and found[1]}
        keys = [key for one in wanted if (key := _key_of(one)) is not None]
        users = get_user_model()._default_manager
        rows = users.filter(pk__in=keys).values_list("pk", users.model.USERNAME_FIELD) if keys else ()
        self._names = {str(key): str(name) for key, name in rows}

    def actor(self, text: str) -> str:
        """Return the username alone where there is one."""
        if found := USER.fullmatch(text):
            return self._names.get(found[1]) or found[2] or text
        if found := KEY.fullmatch(text):
            return f"{found[2] or self._names.get(found[1], f'user:{found[1]}')} by API key"
        return text.removeprefix("cli:") + " by command" if text.startswith("cli:") else text

    def identity(self, text: str) -> str:
        """Return the username of a user's identity, and "" where it has none."""
        found = USER.fullmatch(text)
        return self._names.get(found[1], "") if found else ""

    def told(self, text: str) -> str:
        """Return an identity after its username."""
        name = self.identity(text)
        return f"{name} ({text})" if name else text


def id_of(name: str) -> str | None:
    """Return the id of the user with this username, as identities have it."""
    users = get_user_model()._default_manager
    found = users.filter(**{users.model.USERNAME_FIELD: name}).values_list("pk", flat=True).first()
    return None if found is None else str(found)


def _key_of(text: str) -> Any:
    """Return what a primary key is made of, None for what can't be one."""
    try:
        return get_user_model()._meta.pk.to_python(text)
    except ValidationError:
        return None
