"""Notices of the rollout to chat and pagers: a job of the worker for each address, tried again as any job."""

from django.conf import settings
from django.tasks import task
from django.utils.module_loading import import_string

from cms.services.mails import QUEUE


@task(queue_name=QUEUE)
def send_rollout_notice(version: int, position: int) -> bool:
    """Send the notice about one change to the address at this position of the settings: a job keeps no secret."""
    return bool(import_string(settings.SEND_ROLLOUT_NOTICE)(version, position))


def queue_rollout_notice(version: int, position: int) -> None:
    """Queue the job, in the transaction of the change."""
    send_rollout_notice.enqueue(version, position)
