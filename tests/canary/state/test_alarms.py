"""The alarm about one identity: over all workers that still tell of themselves."""

import datetime

import pytest

from canary.models import Recorder
from canary.state.alarms import Alarm, alarm

pytestmark = pytest.mark.django_db
NOW = datetime.datetime(2026, 11, 25, 12, 0, tzinfo=datetime.UTC)


def test_an_identity_that_sends_a_fifth_of_all_workers_requests_is_an_alarm() -> None:
    def told(worker: str, top: str, requests: int, at: datetime.datetime = NOW) -> None:
        Recorder.objects.create(
            worker=worker, batch=1, at=at, top_identity=top, top_requests=requests, window_requests=500
        )

    assert alarm(NOW) is None
    told("1", "client:hungry", 90)
    told("2", "client:other", 80)
    told("3", "client:gone", 499, NOW - datetime.timedelta(minutes=5))
    assert alarm(NOW) is None
    told("4", "client:hungry", 300)
    found = alarm(NOW)
    assert found == Alarm("client:hungry", 390 / 1_500, 390)
