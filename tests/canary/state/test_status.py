"""The status object: what each worker serves, by the workers that are still there."""

import datetime

import pytest

from canary.models import Worker
from canary.state.status import HEARD_OF_S, status

pytestmark = pytest.mark.django_db


def test_a_worker_that_was_not_heard_of_lately_is_not_listed(now: datetime.datetime) -> None:
    for name, ago_s in (("working", HEARD_OF_S - 1), ("ended", HEARD_OF_S + 1)):
        Worker.objects.create(name=name, version=3, seen_at=now - datetime.timedelta(seconds=ago_s))
    assert [(worker["worker"], worker["version"]) for worker in status(now)["workers"]] == [("working", 3)]
