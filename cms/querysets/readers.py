"""A reader as far as a query's text depends on them: their role. Their id is a parameter of the query."""

from dataclasses import dataclass
from typing import Any, cast

from django.contrib.auth.models import AnonymousUser

from cms.choices import Role
from cms.policy import Account, Actor


@dataclass(frozen=True)
class Reader:
    """`role` is None for those who are nobody's account, or an account that isn't active."""

    role: Role | None

    @classmethod
    def of(cls, actor: Actor) -> "Reader":
        if isinstance(actor, AnonymousUser) or not actor.is_active:
            return cls(None)
        return cls(Role(actor.role))

    def with_id(self, user_id: Any) -> Actor:
        """Return the reader with their id, or with the parameter that stands for it."""
        return AnonymousUser() if self.role is None else cast("Account", _Known(user_id, self.role))


@dataclass(frozen=True)
class _Known:
    """The part of an account that the rules of visibility read."""

    pk: Any
    role: Role
    is_active: bool = True
    is_authenticated: bool = True

    def has_perm(self, perm: str) -> bool:
        return False
