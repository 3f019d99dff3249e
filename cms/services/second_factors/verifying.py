"""Checking the code of a login, whichever factor it is of. How often one may try stands in `signing_in.py`."""

import datetime

from django.views.decorators.debug import sensitive_variables

from cms.errors import InvalidSecondFactor
from cms.models import User
from cms.services.audit import record_event
from cms.services.second_factors.apps import looks_like_app_code, use_app_code
from cms.services.second_factors.recovery_codes import use_recovery_code


@sensitive_variables("code")
def use_code(user: User, code: str, now: datetime.datetime) -> None:
    """Use up a code of the user's app or a recovery code. Raises InvalidSecondFactor."""
    use = use_app_code if looks_like_app_code(code) else use_recovery_code
    if not use(user, code, now):
        note_failure(user)
        raise InvalidSecondFactor


def note_failure(user: User) -> None:
    record_event(user, "auth.second_factor_failed", user, before={}, after={})
