"""The proof that a user was there a moment ago: every change of second factors asks for one."""

import datetime
import secrets
import uuid
from dataclasses import dataclass, field
from typing import Final, Self

from django.utils.crypto import constant_time_compare

from cms.errors import FieldError, InvalidInput, PasswordNeeded
from cms.models import User

LIFETIME: Final = datetime.timedelta(minutes=10)
PASSWORD_REQUIRED: Final = FieldError(
    "current_password", "required", "Give your current password: this change needs it."
)


@dataclass(frozen=True)
class Proof:
    """Made by who has just checked the user's password or second factor."""

    user_id: uuid.UUID
    given_at: datetime.datetime
    bound_to: str = field(repr=False)
    """The secret of a browser session: a new password, or the end of all sessions, ends the proof as well."""
    id: str = field(repr=False)
    """A random text that the browser's session alone holds: it tells two browsers with the same password apart."""

    @classmethod
    def of(cls, user: User, given_at: datetime.datetime, proof_id: str | None = None) -> Self:
        """Make a new proof, or restore the one with this id."""
        return cls(user.pk, given_at, user.get_session_auth_hash(), proof_id or secrets.token_urlsafe(16))

    def holds(self, user: User, now: datetime.datetime) -> bool:
        """Return whether it is this user's. A change asks with the row locked: the password may be new by now."""
        if self.user_id != user.pk or not constant_time_compare(self.bound_to, user.get_session_auth_hash()):
            return False
        return datetime.timedelta(0) <= now - self.given_at <= LIFETIME


def require_proof(proof: Proof, user: User, now: datetime.datetime) -> None:
    if not proof.holds(user, now):
        raise PasswordNeeded


def require_password(proof: Proof | None, user: User, now: datetime.datetime) -> None:
    """Raise InvalidInput about `current_password`: for changes whose door takes it together with them."""
    if proof is None or not proof.holds(user, now):
        raise InvalidInput([PASSWORD_REQUIRED])
