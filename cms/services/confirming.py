"""The current password, asked for again by changes for which a stolen token or an open browser must not suffice.

Each door calls these before the service that takes the proof, and before any transaction.
"""

import datetime
from collections.abc import Mapping
from typing import Any

from django.views.decorators.debug import sensitive_variables

from cms import policy
from cms.errors import InvalidInput
from cms.models import User
from cms.policy import Actor
from cms.services.checks import check_email
from cms.services.proofs import PASSWORD_REQUIRED, Proof
from cms.services.signing_in import prove_password


@sensitive_variables("current_password")
def confirm_deletion(*, actor: Actor, user: User, current_password: str | None, now: datetime.datetime) -> Proof | None:
    """Prove that an account is deleted by its owner's word; None for others. Raises InvalidInput, or RateLimited."""
    return _confirm(user, current_password, now) if policy.is_oneself(actor, user) else None


@sensitive_variables("current_password")
def confirm_changes(
    *, actor: Actor, user: User, changes: Mapping[str, Any], current_password: str | None, now: datetime.datetime
) -> Proof | None:
    """Do the same for changes of an account: one's own e-mail address needs the password, nothing else does."""
    if not policy.is_oneself(actor, user) or check_email("email", changes.get("email", "")):
        return None  # nothing to prove, or a value that will be refused with the others
    is_other = changes["email"] != user.email
    return _confirm(user, current_password, now) if is_other or current_password is not None else None


@sensitive_variables("current_password")
def _confirm(user: User, current_password: str | None, now: datetime.datetime) -> Proof:
    if current_password is None:
        raise InvalidInput([PASSWORD_REQUIRED])
    return prove_password(user=user, password=current_password, now=now)
