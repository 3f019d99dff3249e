"""Mails about the rollout, to those who can do something about it; sent by jobs of the worker.

The reasons come from the rollout's event log and stay in English.
"""

import re
from collections.abc import Mapping
from typing import Final

from django.core.mail import EmailMessage
from django.db.models import Q, QuerySet
from django.tasks import task
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from cms.choices import Role
from cms.ids import parse_uuid
from cms.models import User
from cms.services.mails import QUEUE, language_of

SUBJECTS: Final = {
    "rollout.step": gettext_noop("API rollout: v2's share has changed"),
    "rollout.hold": gettext_noop("API rollout: held, please check"),
    "rollout.rollback": gettext_noop("API rollout: rolled back"),
    "rollout.lifecycle": gettext_noop("API rollout: v1's lifecycle"),
    "rollout.unguarded": gettext_noop("API rollout: no controller is running"),
    "rollout.guarded": gettext_noop("API rollout: a controller is running again"),
    "rollout.approval": gettext_noop("API rollout: a change waits for approval"),
}
WENT: Final = gettext_noop("{at} UTC, {verb} by {actor}: v2's share went from {was} to {now}.\nWhy: {reason}")
STAYS: Final = gettext_noop("{at} UTC, {verb} by {actor}: v2's share stays at {now}.\nWhy: {reason}")
TEXT: Final = gettext_noop("""\
{sentence}

`manage.py canary status` shows the current state, `manage.py canary history` the changes that led to it.
You get this mail because you may change the rollout.
""")
RAMP: Final = ("canary", "ramp")
USER: Final = re.compile(r"\buser:([0-9a-f-]{36})\b")
"""Somebody, as the rollout's event log names him."""


type Change = Mapping[str, str]
"""The values of WENT and STAYS, by their names."""


@task(queue_name=QUEUE)
def announce_rollout(event_type: str, change: Change | str) -> int:
    """Enqueue a mail for each, so that one address that fails holds up nobody else; return how many.

    An earlier release enqueued the English sentence in place of the change.
    """
    ids = [str(pk) for pk in people_in_charge().values_list("pk", flat=True)]
    for user_id in ids:
        send_rollout_mail.enqueue(user_id, event_type, change)
    return len(ids)


@task(queue_name=QUEUE)
def send_rollout_mail(user_id: str, event_type: str, change: Change | str) -> bool:
    """Whether a mail was sent: not to somebody who is no longer in charge by now."""
    user = people_in_charge().filter(pk=user_id).first()
    if user is None:
        return False
    with language_of(user):
        body = _(TEXT).format(sentence=_with_names(_sentence(change)))
        EmailMessage(_(SUBJECTS[event_type]), body, to=[user.email]).send()
    return True


def _sentence(change: Change | str) -> str:
    if isinstance(change, str):
        return change
    return _(STAYS if change["was"] == change["now"] else WENT).format(**change)


def _with_names(sentence: str) -> str:
    """Return the sentence with usernames for `user:ID`. A job outlives some accounts, so it holds only ids."""
    ids = {key for text in USER.findall(sentence) if (key := parse_uuid(text))}
    names = {str(pk): name for pk, name in User.objects.filter(pk__in=ids).values_list("pk", "username")}
    return USER.sub(lambda found: names.get(found[1], found[0]), sentence)


def people_in_charge() -> QuerySet[User]:
    """Return the active admins, and the users who may ramp by a group or by name."""
    app_label, codename = RAMP
    by_group = Q(groups__permissions__content_type__app_label=app_label, groups__permissions__codename=codename)
    by_name = Q(user_permissions__content_type__app_label=app_label, user_permissions__codename=codename)
    people = User.objects.filter(Q(role=Role.ADMIN) | by_group | by_name, is_active=True)
    return people.distinct()
