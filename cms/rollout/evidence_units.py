"""The unit of a request's evidence (`CANARY["EVIDENCE_UNIT"]`): the person behind its credential.

Called after the response is made, and asks no database: the view has loaded the person.
"""

import datetime

from django.conf import settings
from django.http import HttpRequest

from cms.accounts.authentication import person_behind


def unit_of(request: HttpRequest) -> tuple[str, datetime.datetime] | None:
    """Return the person's id and from when on the person counts alone; None when the view knows nobody.

    All keys, tokens and sessions of an account are one person. A new account that nobody vouches for may be one of many
    that its owner has made.
    """
    person = person_behind(request)
    if person is None:
        return None
    days = 0 if person.is_vouched_for else settings.CANARY_TRUST_AGE_DAYS
    return str(person.pk), person.created_at + datetime.timedelta(days=days)
