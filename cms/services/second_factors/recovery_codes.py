"""Recovery codes: ten for each user with a second factor, each valid once, shown once and stored as digests."""

import datetime
from typing import Final

from django.db import transaction
from django.views.decorators.debug import sensitive_variables

from cms.errors import NotFound
from cms.models import RecoveryCode, User
from cms.services.audit import record_event
from cms.services.locks import lock_row
from cms.services.proofs import Proof, require_proof
from cms.services.second_factors.factors import has_second_factor
from cms.tokens.second_factors import digest_of_recovery_code, make_recovery_code, possible_digests

COUNT: Final = 10


def renew_recovery_codes(*, user: User, proof: Proof, now: datetime.datetime) -> list[str]:
    """Return ten codes that take the place of all earlier ones; the only time that anybody sees them."""
    with transaction.atomic():
        user = lock_row(user)
        require_proof(proof, user, now)
        if not has_second_factor(user):
            raise NotFound("Recovery codes are for accounts with a second factor.")
        codes = store_recovery_codes(user)
        record_event(user, "auth.recovery_codes_renewed", user, before={}, after={})
    return codes


def first_recovery_codes(user: User) -> list[str]:
    """Return codes for a user who has none yet, else nothing. Call in the transaction that adds a factor."""
    return [] if RecoveryCode.objects.filter(user=user).exists() else store_recovery_codes(user)


@sensitive_variables()
def store_recovery_codes(user: User) -> list[str]:
    codes = [make_recovery_code() for _ in range(COUNT)]
    RecoveryCode.objects.filter(user=user).delete()
    RecoveryCode.objects.bulk_create(RecoveryCode(user=user, digest=digest_of_recovery_code(code)) for code in codes)
    return codes


@sensitive_variables("code")
def use_recovery_code(user: User, code: str, now: datetime.datetime) -> bool:
    """Whether this was an unused code of the user's. One of two requests with the same code wins."""
    unused = RecoveryCode.objects.filter(user=user, digest__in=possible_digests(code), used_at=None)
    with transaction.atomic():
        if not unused.update(used_at=now):
            return False
        left = count_recovery_codes(user)
        record_event(user, "auth.recovery_code_used", user, before={}, after={"left": left})
    return True


def count_recovery_codes(user: User) -> int:
    """Return how many codes are left."""
    return RecoveryCode.objects.filter(user=user, used_at=None).count()
