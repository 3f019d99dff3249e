"""The unit of a request's evidence (`CANARY["EVIDENCE_UNIT"]`): the person behind its credential.

Called after the response is made, and asks no database: the view has loaded the person.
"""

import datetime

from django.conf import settings
from django.http import HttpRequest

from cms.accounts.authentication import person_behind


def unit_of(request: HttpRequest) -> tuple[str, datetime.datetime, bool] | None:
    """Return the person's id, from when on the person counts alone, and whether the person may choose among keys.

    All keys, tokens and sessions of an account are one person. A new account that nobody vouches for may be one of many
    that its owner has made, and an older one may use that key among fifty which is on the wanted version. None when the
    view knows nobody.
    """
    person = person_behind(request)
    if person is None:
        return None
    may_choose = not person.is_vouched_for
    days = settings.CANARY_TRUST_AGE_DAYS if may_choose else 0
    return str(person.pk), person.created_at + datetime.timedelta(days=days), may_choose
