"""Notices through Apprise's own services, pointed at a local server, and the jobs that send them."""

import datetime
import json
import logging
import threading
from collections.abc import Callable, Iterator
from typing import Any

import apprise.plugins.pagerduty
import apprise.plugins.slack
import pytest
from django.db import connection
from django.utils import timezone
from pytest_django.fixtures import Settings

from canary.core.values import Identity
from canary.models import Rollout
from canary.notices.sending import NoticeNotSentError, send_notice
from canary.services import acknowledge, add_to_list, hold_plan, roll_back, set_weight, start_plan
from cms.jobs.execution import run_job
from cms.jobs.queue import claim_job
from cms.models import Job
from tests.canary.serving import Service, serving

pytestmark = pytest.mark.django_db
SLACK = "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/"
KEY = "0123456789abcdef0123456789abcdef"
PAGERDUTY = f"pagerduty://{KEY}@apikey12345/tandem/canary"
PAGE = "https://cms.example/admin/canary/"


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    """In the place of both services: their addresses are constants of Apprise's plugins."""
    with serving() as found:
        monkeypatch.setattr(apprise.plugins.slack.NotifySlack, "webhook_url", f"{found.url}/services")
        addresses = apprise.plugins.pagerduty.PAGERDUTY_API_LOOKUP
        monkeypatch.setitem(addresses, "us", f"{found.url}/v2/enqueue")
        found.answer = (200, b"ok")
        yield found


@pytest.fixture
def notify(rollout: Callable[..., None], settings: Settings) -> Callable[..., None]:
    """`notify(all=[SLACK])`: the URLs for each kind of change, sent by Tandem's jobs."""

    def configure(quiet_s: float = 3_600, **urls: list[str]) -> None:
        by_job = "cms.services.rollout_notices.queue_rollout_notice"
        rollout(NOTIFY_URLS=urls, NOTIFY_QUIET_S=quiet_s, NOTIFY_BY=by_job, PAGE_URL=PAGE)

    return configure


def change(now: datetime.datetime) -> dict[str, Any]:
    return {"actor": "cli:root", "reason": "for the test", "expected_version": None, "now": now}


def run_jobs() -> None:
    while job := claim_job(worker="w", now=timezone.now() + datetime.timedelta(seconds=1)):
        run_job(job, clock=timezone.now)


def test_slack_gets_the_number_the_next_action_and_a_link(
    service: Service, notify: Callable[..., None], now: datetime.datetime
) -> None:
    notify(all=[SLACK])
    set_weight(weight_bp=1_000, **change(now))
    assert service.asked == []
    run_jobs()
    [asked] = service.asked
    assert asked.path == "/services/T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ"
    [attachment] = json.loads(asked.body)["attachments"]
    assert attachment["title"] == "v2 0 % → 10 %: step taken. Nothing to do."
    assert attachment["text"].splitlines() == ["for the test", "set by cli:root, revision 1.", PAGE]


def test_pagerduty_gets_an_event_of_a_rollback_and_slack_alone_the_step(
    service: Service, notify: Callable[..., None], now: datetime.datetime
) -> None:
    notify(step=[SLACK], rollback=[PAGERDUTY])
    set_weight(weight_bp=1_000, **change(now))
    roll_back(actor="controller", reason="Harm at 10 %: errors.", now=now)
    run_jobs()
    assert [asked.path.partition("/T1")[0] for asked in service.asked] == ["/services", "/v2/enqueue"]
    event = json.loads(service.asked[1].body)
    assert (event["routing_key"], event["event_action"]) == (KEY, "trigger")
    assert event["payload"]["summary"].startswith("v2 10 % → 0 %: rolled back. Repair v2, then run `canary ack`.")
    assert "Harm at 10 %: errors." in event["payload"]["summary"]
    assert PAGE in event["payload"]["summary"]
    assert event["payload"]["severity"] == "critical"


def test_the_same_hold_is_told_once_and_lists_are_not_told(
    service: Service, notify: Callable[..., None], now: datetime.datetime
) -> None:
    notify(all=[SLACK])
    add_to_list(list="allow", identity=Identity("user", "1"), **change(now))
    start_plan(steps_bp=[1_000, 5_000], min_s=0, is_fresh_cohort=False, **change(now))
    running = Rollout.objects.get().plan
    for minutes in (1, 2):
        hold_plan(**change(now + datetime.timedelta(minutes=minutes)))
        Rollout.objects.update(plan=running)
    run_jobs()
    titles = [json.loads(asked.body)["attachments"][0]["title"] for asked in service.asked]
    assert titles == [
        "v2 0 % → 10 %: step taken. Nothing to do.",
        "v2 at 10 %: held. Read the reason, then repair v2 or wait.",
    ]


def test_a_step_after_a_rollback_is_told_again(
    service: Service, notify: Callable[..., None], now: datetime.datetime
) -> None:
    notify(all=[SLACK])
    minute = datetime.timedelta(minutes=1)
    set_weight(weight_bp=9_000, **change(now))
    roll_back(actor="cli:root", reason="for the test", now=now + minute)
    acknowledge(**change(now + 2 * minute))
    set_weight(weight_bp=9_000, **change(now + 3 * minute))
    run_jobs()
    titles = [json.loads(asked.body)["attachments"][0]["title"] for asked in service.asked]
    assert [title.partition(":")[0] for title in titles] == ["v2 0 % → 90 %", "v2 90 % → 0 %", "v2 0 % → 90 %"]


def test_a_notice_that_is_refused_is_tried_again_and_its_url_is_in_no_log_and_no_job(
    service: Service, notify: Callable[..., None], now: datetime.datetime, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    notify(all=[SLACK, PAGERDUTY, f"pagerduty://{KEY}@apikey12345/?severity=absurd", "nosuch://hunter2"])
    service.answer = (403, b"no")
    set_weight(weight_bp=1_000, **change(now))
    run_jobs()
    assert Job.objects.filter(status="ready").count() == 4
    kept = caplog.text + "".join(str(vars(job)) for job in Job.objects.all())
    assert "slack did not take the notice about revision 1" in kept
    assert "The URL of nosuch for notices is not one that Apprise knows" in kept
    for secret in ("TIiajkdnlazkcOXrIdevi7FQ", KEY, "apikey12345", "hunter2"):
        assert secret not in kept


def test_a_url_that_left_the_settings_is_told_nothing(
    service: Service, notify: Callable[..., None], now: datetime.datetime
) -> None:
    notify(all=[SLACK])
    set_weight(weight_bp=1_000, **change(now))
    notify()
    assert send_notice(1, 0) is False
    assert service.asked == []


def test_a_refused_notice_is_an_error_for_any_queue(
    service: Service, notify: Callable[..., None], now: datetime.datetime
) -> None:
    notify(all=[PAGERDUTY])
    set_weight(weight_bp=1_000, **change(now))
    service.answer = (500, b"")
    with pytest.raises(NoticeNotSentError, match="pagerduty did not take"):
        send_notice(1, 0)


@pytest.mark.django_db(transaction=True)
def test_a_site_without_jobs_sends_from_a_thread_after_the_commit(
    service: Service, rollout: Callable[..., None], now: datetime.datetime
) -> None:
    if connection.vendor == "sqlite":
        pytest.skip("Django never closes the connection of a thread to a database in memory")
    rollout(NOTIFY_URLS={"all": [SLACK]})
    set_weight(weight_bp=1_000, **change(now))
    for thread in threading.enumerate():
        if thread.name.startswith("canary-notice"):
            thread.join(60)
    assert len(service.asked) == 1


def test_a_reason_is_no_markup_where_a_service_takes_html(
    service: Service, notify: Callable[..., None], now: datetime.datetime
) -> None:
    notify(all=[f"json://{service.url.removeprefix('http://')}/?format=html"])
    set_weight(weight_bp=100, **change(now) | {"reason": "<img src=x>\nand more"})
    run_jobs()
    [(_, _, body)] = service.asked
    said = json.loads(body)["message"]
    assert "&lt;img" in said
    assert "<img" not in said
    assert "<br" in said
