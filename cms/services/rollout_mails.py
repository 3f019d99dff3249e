"""Mails about the rollout, to those who can do something about it; sent by jobs of the worker."""

from typing import Final

from django.core.mail import EmailMessage
from django.db.models import Q, QuerySet
from django.tasks import task

from cms.choices import Role
from cms.models import User
from cms.services.mails import QUEUE

SUBJECTS: Final = {
    "rollout.step": "API rollout: another share of v2",
    "rollout.hold": "API rollout: held, somebody should look",
    "rollout.rollback": "API rollout: rolled back",
    "rollout.lifecycle": "API rollout: the life of v1",
    "rollout.unguarded": "API rollout: no controller runs",
    "rollout.guarded": "API rollout: a controller runs again",
}
TEXT: Final = """\
{sentence}

`manage.py canary status` shows what is in force, `manage.py canary history` how it came to be.
You get this mail because you may change the rollout.
"""
RAMP: Final = ("canary", "ramp")


@task(queue_name=QUEUE)
def announce_rollout(event_type: str, sentence: str) -> int:
    """How many are told: a job for each, so that one address that fails holds up nobody else."""
    ids = [str(pk) for pk in people_in_charge().values_list("pk", flat=True)]
    for user_id in ids:
        send_rollout_mail.enqueue(user_id, event_type, sentence)
    return len(ids)


@task(queue_name=QUEUE)
def send_rollout_mail(user_id: str, event_type: str, sentence: str) -> bool:
    """Whether a mail was sent: not to somebody who is no longer in charge by now."""
    user = people_in_charge().filter(pk=user_id).first()
    if user is None:
        return False
    EmailMessage(SUBJECTS[event_type], TEXT.format(sentence=sentence), to=[user.email]).send()
    return True


def people_in_charge() -> QuerySet[User]:
    """The active admins, and whoever may ramp by a group or by name."""
    app_label, codename = RAMP
    by_group = Q(groups__permissions__content_type__app_label=app_label, groups__permissions__codename=codename)
    by_name = Q(user_permissions__content_type__app_label=app_label, user_permissions__codename=codename)
    people = User.objects.filter(Q(role=Role.ADMIN) | by_group | by_name, is_active=True)
    return people.distinct()
