"""The proof that a user was there a moment ago: every change of second factors asks for one."""

import datetime
import uuid
from dataclasses import dataclass
from typing import Final

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

    def holds(self, user: User, now: datetime.datetime) -> bool:
        return self.user_id == user.pk and datetime.timedelta(0) <= now - self.given_at <= LIFETIME


def require_proof(proof: Proof, user: User, now: datetime.datetime) -> None:
    if not proof.holds(user, now):
        raise PasswordNeeded


def require_password(proof: Proof | None, user: User, now: datetime.datetime) -> None:
    """Raise InvalidInput about `current_password`: for changes whose door takes it together with them."""
    if proof is None or not proof.holds(user, now):
        raise InvalidInput([PASSWORD_REQUIRED])
