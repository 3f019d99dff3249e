import datetime
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from cms.choices import JobStatus
from cms.models import Delivery, Job, User, Webhook
from cms.policy import SYSTEM
from cms.services.tags import create_tag
from cms.services.waiting_work import waiting_since
from cms.services.webhooks import create_webhook, update_webhook

OLD = datetime.timedelta(minutes=3)
BANNER = "Is a worker running?"


@pytest.fixture
def now() -> datetime.datetime:
    return timezone.now()


def _job(now: datetime.datetime, **fields: Any) -> Job:
    job = Job.objects.create(task_path="x", **fields)
    Job.objects.filter(pk=job.pk).update(created_at=now - OLD)
    return job


def test_admins_are_told_when_a_job_waits_and_others_are_not(
    now: datetime.datetime, admin: User, editor: User, signed_in: Callable[[User], Client]
) -> None:
    assert BANNER not in signed_in(admin).get("/admin/").content.decode()
    _job(now)
    page = signed_in(admin).get("/admin/").content.decode()
    assert BANNER in page
    assert "have waited for 3 minutes" in page
    assert BANNER not in signed_in(editor).get("/admin/").content.decode()


@pytest.mark.django_db
def test_work_that_is_done_in_hand_or_not_due_yet_does_not_wait(now: datetime.datetime) -> None:
    for status in (JobStatus.RUNNING, JobStatus.SUCCESSFUL, JobStatus.DEAD):
        _job(now, status=status)
    _job(now, run_after=now + OLD)
    Job.objects.create(task_path="new")
    assert waiting_since(now) is None
    _job(now, run_after=now - OLD)
    assert waiting_since(now) == now - OLD


@pytest.mark.django_db
def test_a_delivery_waits_unless_its_webhook_is_switched_off(now: datetime.datetime) -> None:
    fields: Any = {"url": "https://hooks.example.org/in", "events": ["tag.created"]}
    webhook = create_webhook(actor=SYSTEM, fields=fields, now=now)
    create_tag(actor=SYSTEM, fields={"name": "told of"}, now=now)
    Delivery.objects.update(next_attempt_at=now - OLD)
    assert waiting_since(now) == now - OLD
    update_webhook(actor=SYSTEM, webhook=Webhook.objects.get(pk=webhook.pk), changes={"is_active": False}, now=now)
    assert waiting_since(now) is None
