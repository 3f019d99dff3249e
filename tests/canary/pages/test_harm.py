"""What the page tells of a release that does harm, while it does and after the rollback: requests, users, what to do."""

import datetime
import re
from collections.abc import Callable
from typing import Any

from django.test import Client
from django.utils import timezone

from canary.metrics import node as nodes
from canary.metrics.counters import Totals
from canary.models import MetricBucket, Observation, Rollout, RolloutEvent
from canary.pages import harm
from tests.canary.pages.conftest import ADDRESS

World = Callable[[str], None]
SignedIn = Callable[..., Client]


def test_requests_that_v2_still_holds_are_told_beside_a_rollback(
    quiet_world: World, signed_in_with: SignedIn, own_folder: nodes.Node
) -> None:
    quiet_world("tripped")
    began = timezone.now()
    rollback = RolloutEvent.objects.filter(verb="rollback")
    rollback.update(at=began)
    client, told = (
        signed_in_with("view"),
        "v2 still holds 8 requests on this server: if they do not end within a minute, ",
    )
    assert told not in client.get(ADDRESS).content.decode()
    dumped = Totals().dump()
    own_folder.publish({**dumped, "gauges": {**dumped["gauges"], "canary_in_flight": [[["2"], 8.0]]}})
    before, _, _ = client.get(ADDRESS).content.decode().partition('id="canary-state"')
    assert told in before
    rollback.update(at=began - datetime.timedelta(seconds=61))
    text = client.get(ADDRESS).content.decode()
    assert "v2 still holds 8 requests on this server. If they are from before the rollback, v2 hangs or" in text


def test_a_rollback_by_hand_without_a_failure_asks_for_no_repair(
    quiet_world: World, signed_in_with: SignedIn, ask_and_send: Callable[..., Any]
) -> None:
    quiet_world("middle")
    client = signed_in_with("view", "ramp", "rollback")
    assert ask_and_send(client, "rollback").status_code == 302
    assert client.get(ADDRESS).context["guide"].next.startswith("Nothing failed on v2. Acknowledge")
    row = Rollout.objects.get()
    common = {"release": row.release, "stage": 1, "weight_bp": 1_000, "api_version": 2, "route": "GET /tags"}
    at = timezone.now() - datetime.timedelta(hours=1, minutes=1)  # merged into the row of its hour, long ago
    MetricBucket.objects.create(
        start_at=at.replace(minute=0, second=0), worker="1h", judged=False, requests=9, status_5xx=9, **common
    )
    harm._known.cache_clear()
    assert client.get(ADDRESS).context["guide"].next.startswith("Repair v2, then acknowledge")


def test_failures_of_this_minute_come_before_any_verdict(quiet_world: World, signed_in_with: SignedIn) -> None:
    quiet_world("middle")
    row, client = Rollout.objects.get(), signed_in_with("view")
    common = {"release": row.release, "stage": row.stage, "weight_bp": 1_000, "api_version": 2, "route": "GET /tags"}
    bucket = MetricBucket.objects.create(
        start_at=timezone.now(), worker="a", judged=True, requests=22, status_5xx=20, **common
    )
    told = client.get(ADDRESS).context["guide"]
    assert (told.mood, told.title) == ("harm", "v2 fails: 20 of its last 22 requests")
    assert "roll back by hand now" in told.next
    MetricBucket.objects.filter(pk=bucket.pk).update(status_5xx=10)
    assert client.get(ADDRESS).context["guide"].title == "Waiting for 31 more users, about 6 minutes"


def test_who_was_refused_is_harmed(
    quiet_world: World, signed_in_with: SignedIn, ask_and_send: Callable[..., Any]
) -> None:
    quiet_world("middle")
    client = signed_in_with("view", "ramp", "rollback")
    row = Rollout.objects.get()
    common = {"release": row.release, "stage": 1, "weight_bp": 1_000, "api_version": 2, "route": "GET /tags"}
    for metric in ("seen", "refusal"):
        Observation.objects.create(
            metric=metric, unit="e" * 32, network="a", is_authenticated=True, at=timezone.now(), **common
        )
    assert ask_and_send(client, "rollback").status_code == 302
    context = client.get(ADDRESS).context
    assert context["guide"].next.startswith("Repair v2, then acknowledge")
    assert context["harm"] == ["v2 refused a request of 1 of its 1 user."]


def test_a_rollback_by_hand_of_differences_asks_for_their_repair(
    quiet_world: World, signed_in_with: SignedIn, ask_and_send: Callable[..., Any]
) -> None:
    quiet_world("held")
    client = signed_in_with("view", "ramp", "rollback")
    assert ask_and_send(client, "rollback").status_code == 302
    todo = client.get(ADDRESS).context["guide"].next
    assert re.match(
        r"No request failed, but responses differ: GET /\S+ differs at .*, in \d+ comparisons\. Repair", todo
    )
