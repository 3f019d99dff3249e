"""What the page tells of a release that does harm, while it does and after the rollback: requests, users, what to do."""

import datetime
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.db.models import F
from django.test import Client
from django.utils import timezone
from django.utils.html import escape

from canary import services
from canary.core.histograms import cell_of, dump
from canary.core.values import CANDIDATE, STABLE
from canary.metrics import node as nodes
from canary.metrics.counters import Totals
from canary.models import Crash, MetricBucket, Observation, Rollout, RolloutEvent, Verdict
from canary.pages import harm
from canary.pages.guiding import guide
from canary.pages.situations import Failing
from canary.pages.standing import LATELY
from tests.canary.pages.conftest import ADDRESS
from tests.canary.pages.test_guide import STATUS

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
    page = client.get(ADDRESS)
    assert "v2 still holds 8 requests on this server. Unless testers or people on v2" in page.content.decode()
    assert page.context["guide"].next.startswith("Repair v2, then acknowledge")
    requests(2, 2, ago_s=70, histogram=dump({cell_of(3, 12_000.0): 2}))
    harm._known.cache_clear()
    told = client.get(ADDRESS).context["guide"]
    assert told.title == "Rolled back: v1 answers everybody. v2 hangs"
    assert told.next.startswith("Restart the server: that frees the places that v2 holds. Then repair v2")
    services.acknowledge(actor="ops", reason="repaired", expected_version=None, now=timezone.now())
    told = client.get(ADDRESS).context["guide"]
    assert (told.title, told.mood) == ("Nothing has started, and v2 still holds requests", "hold")
    assert told.next.startswith("v2 still holds 8 requests on this server. Unless testers")
    assert told.next.endswith("Start a plan once they have ended.")
    asked = {"show": "1", "plan": "5,50", "min_minutes": "0.5"}
    form = signed_in_with("view", "ramp").get(f"{ADDRESS}do/start/", asked).content.decode()
    assert "Nothing has started, and v2 still holds requests." in form
    rollback.update(at=began - datetime.timedelta(minutes=61))
    assert client.get(ADDRESS).context["guide"].title == "Nothing has started: v1 answers everybody"
    rollback.update(at=began)
    own_folder.publish(Totals().dump())
    assert client.get(ADDRESS).context["guide"].title == "Nothing has started: v1 answers everybody"


def test_a_slow_v2_that_holds_nothing_any_more_asks_for_its_cause(
    quiet_world: World, signed_in_with: SignedIn, own_folder: nodes.Node
) -> None:
    quiet_world("tripped")
    requests(2, 2, ago_s=70, histogram=dump({cell_of(3, 12_000.0): 2}))
    own_folder.publish(Totals().dump())
    told = signed_in_with("view").get(ADDRESS).context["guide"]
    assert told.title == "Rolled back: v1 answers everybody. v2 was slow or hung"
    assert told.next.startswith("Find what v2 waited for, such as the database or another service. Repair v2, then ")


@pytest.fixture(autouse=True)
def _fresh() -> None:
    harm._known.cache_clear()


def requests(
    count: int, errors: int, *, ago_s: float = 0, version: int = CANDIDATE, route: str = "GET /tags", **fields: Any
) -> MetricBucket:
    row = Rollout.objects.get()
    at = timezone.now() - datetime.timedelta(seconds=ago_s)
    common = {"release": row.release, "stage": row.stage, "weight_bp": 1_000, "worker": f"a:{ago_s}", "start_at": at}
    return MetricBucket.objects.create(
        **{"api_version": version, "route": route, "judged": True, **common, **fields},
        requests=count,
        status_5xx=errors,
    )


def values_of(bucket: MetricBucket) -> dict[str, Any]:
    return {field.attname: getattr(bucket, field.attname) for field in bucket._meta.concrete_fields}


def rolled_back(by: str = "user:1") -> None:
    evidence = {"kind": "harm"} if by == "controller" else None
    services.roll_back(actor=by, reason="a test", now=timezone.now(), evidence=evidence)


def test_whose_reads_failed_before_a_start_is_told(quiet_world: World, signed_in_with: SignedIn) -> None:
    quiet_world("zero")
    row = Rollout.objects.get()
    numbers = {"reason": "pairs", "pairs": {"errors": {"votes": 5, "against": 5}}}
    common = {"release": row.release, "stage": row.stage, "at": timezone.now()}
    Verdict.objects.create(kind="harm", sentence="", numbers=numbers, **common)
    common |= {"weight_bp": 0, "route": "GET /tags"}
    for unit, version in (("a", CANDIDATE), ("a", CANDIDATE), ("b", CANDIDATE), ("c", STABLE)):
        Observation.objects.create(
            metric="pair_error", unit=32 * unit, api_version=version, network="a", is_authenticated=True, **common
        )
    told = signed_in_with("view").get(ADDRESS).context["guide"]
    assert told.title == "Do not start before v2 is repaired: it failed 3 reads of 2 users that v1 answered"
    assert f"The last failure was at {common['at']:%Y-%m-%d %H:%M:%S} UTC." in told.next


def test_a_rollback_by_hand_neither_accuses_nor_acquits(quiet_world: World, signed_in_with: SignedIn) -> None:
    quiet_world("middle")
    client = signed_in_with("view")
    rolled_back()
    context = client.get(ADDRESS).context
    told = "Acknowledge the rollback once its reason is gone. Until then, nobody and no restart can change the weight."
    assert (context["guide"].next, context["harm"]) == (told, [])
    requests(9, 9, ago_s=60)
    harm._known.cache_clear()
    context = client.get(ADDRESS).context
    assert (context["guide"].next, context["harm"][0][:33]) == (told, "v2 failed all of its 9 requests s")


def test_failures_that_no_verdict_counts_are_told_apart(quiet_world: World, signed_in_with: SignedIn) -> None:
    """Those of testers, or of everybody while a store is away."""
    quiet_world("middle")
    requests(9, 8, ago_s=60, judged=False)
    requests(90, 70, ago_s=60, judged=False, version=STABLE)
    rolled_back("controller")
    context = signed_in_with("view").get(ADDRESS).context
    assert context["harm"] == ["v2 failed 8 of 9 requests that no verdict counts, v1 70 of 90."]


@pytest.mark.parametrize(("errors", "is_of_both"), [(9, False), (10, True), (49, False), (50, True)])
def test_a_failure_of_both_versions_is_told_of_both(
    quiet_world: World, signed_in_with: SignedIn, errors: int, is_of_both: bool
) -> None:
    """Ten of v1, and 5 % of its requests."""
    quiet_world("middle")
    count = 100 if errors < 20 else 1_000
    requests(100, 90, ago_s=20)
    requests(count, errors, ago_s=20, version=STABLE)
    requests(500, 0, ago_s=60, version=STABLE)
    rolled_back("controller")
    requests(5_000, 0, ago_s=-20, version=STABLE)
    context = signed_in_with("view").get(ADDRESS).context
    assert context["harm"][1] == f"v1 failed {errors} of its {count} requests in that time."
    of_both, of_v2 = (
        "Repair the cause, which may be v2 or something that both versions use.",
        "Find v2's errors in the logs",
    )
    assert context["guide"].next.startswith(of_both if is_of_both else of_v2)


def test_a_controllers_rollback_has_v2_repaired_whatever_it_saw(quiet_world: World, signed_in_with: SignedIn) -> None:
    """A gate or a latency is harm without any failure."""
    quiet_world("middle")
    rolled_back("controller")
    assert signed_in_with("view").get(ADDRESS).context["guide"].next.startswith("Repair v2, then acknowledge")


def test_requests_after_the_rollback_thin_out_no_failure(quiet_world: World, signed_in_with: SignedIn) -> None:
    """Testers and those with a header go on asking v2."""
    quiet_world("middle")
    requests(30, 30, ago_s=20)
    rolled_back("controller")
    requests(9_970, 0, ago_s=-400)
    assert signed_in_with("view").get(ADDRESS).context["harm"][0].startswith("v2 failed all of its 30 requests since")


def test_harm_of_another_day_has_a_date(quiet_world: World, signed_in_with: SignedIn) -> None:
    quiet_world("middle")
    requests(3, 3, ago_s=91 * 86_400)
    rolled_back("controller")
    RolloutEvent.objects.filter(verb="rollback").update(at=timezone.now() - datetime.timedelta(days=91, seconds=-20))
    [told] = signed_in_with("view").get(ADDRESS).context["harm"]
    assert re.match(
        r"v2 failed all of its 3 requests since \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC: GET /tags \(3 of 3\)\.", told
    )


def test_routes_beyond_three_are_an_extract(quiet_world: World, signed_in_with: SignedIn) -> None:
    quiet_world("middle")
    for number in range(5):
        requests(10, 1, ago_s=20, route=f"GET /r{number}")
    rolled_back("controller")
    told = signed_in_with("view").get(ADDRESS).context["harm"][0]
    assert re.match(
        r"v2 failed 5 of its 50 requests since (\S+ )?\d\d:\d\d:\d\d UTC, among them GET /r\d \(1 of 10\), ", told
    )


def test_a_rollback_while_v1_is_off_does_not_say_that_it_answers() -> None:
    title = guide({**STATUS, "latched": True, "is_v1_enabled": False}, None).title
    assert title == "Rolled back, but v1 is switched off: v2 answers everybody"


def test_failures_of_this_minute_come_before_any_verdict(quiet_world: World, signed_in_with: SignedIn) -> None:
    quiet_world("middle")
    client = signed_in_with("view", "ramp")
    bucket = requests(22, 20)
    told = client.get(ADDRESS).context["guide"]
    assert (told.mood, told.title) == ("harm", "v2 fails: 20 of its last 22 requests")
    assert "roll back by hand now" in told.next
    assert client.get("/admin/").content.decode().count(told.title) == 1
    assert f"{told.title}." in client.get(f"{ADDRESS}do/promote/").content.decode()
    assert f"{told.title}." in client.get(f"{ADDRESS}do/set/?show=1&percent=75").content.decode()
    MetricBucket.objects.filter(pk=bucket.pk).update(status_5xx=10)
    for other in ({"judged": False}, {"stage": bucket.stage - 1}, {"start_at": bucket.start_at - LATELY}):
        ids = {"pk": None, "worker": str(other), **other}
        MetricBucket.objects.create(**{**values_of(bucket), **ids})
    assert client.get(ADDRESS).context["guide"].title == "Waiting for 31 more users, about 6 minutes"


def test_failures_of_this_minute_on_both_versions_are_not_said_of_one(
    quiet_world: World, signed_in_with: SignedIn
) -> None:
    quiet_world("middle")
    requests(22, 20)
    requests(200, 150, version=STABLE)
    told = signed_in_with("view").get(ADDRESS).context["guide"]
    assert told.title == "Both versions fail: 20 of v2's last 22 requests, 150 of v1's last 200"
    assert "Roll back by hand if in doubt" in told.next


@pytest.mark.parametrize(
    ("stable", "is_of_both"),
    [((45, 100), True), ((44, 100), False), ((3, 6), False), ((2, 10), False), ((5, 10), True)],
)
def test_few_failures_of_v1_are_not_an_outage_of_both(stable: tuple[int, int], is_of_both: bool) -> None:
    """Half of v2's share, three failures, of ten requests."""
    assert Failing(90, 100, *stable).is_of_both == is_of_both


def test_failures_of_the_release_before_are_not_those_of_this_one(quiet_world: World, signed_in_with: SignedIn) -> None:
    quiet_world("middle")
    requests(22, 20)
    Rollout.objects.update(release=Rollout.objects.get().release + 1)
    assert not signed_in_with("view").get(ADDRESS).context["guide"].title.startswith("v2 fails")


@pytest.mark.parametrize(
    ("change", "title"),
    [
        ({"is_v2_enabled": False}, "v2 is switched off"),
        ({"lifecycle": "sunset"}, "v2 answers everybody, and v1 is out of service"),
        ({"weight_bp": 0, "plan": None}, "Nothing has started: v1 answers everybody"),
    ],
)
def test_failures_that_no_rollback_ends_come_after_the_situation(change: dict[str, Any], title: str) -> None:
    assert guide({**STATUS, **change}, None, failing=Failing(30, 30, 0, 40)).title == title


def test_failures_during_a_crossover_are_told() -> None:
    status = {**STATUS, "weight_bp": 0, "crossover": {"state": "runs", "period": 1, "periods": 4}}
    told = guide(status, None, failing=Failing(30, 30, 0, 40))
    assert told.title == "v2 fails: 30 of its last 30 requests"


def test_a_rollback_by_hand_of_differences_asks_for_their_repair(
    quiet_world: World, signed_in_with: SignedIn, ask_and_send: Callable[..., Any]
) -> None:
    quiet_world("held")
    client = signed_in_with("view", "ramp", "rollback")
    assert ask_and_send(client, "rollback").status_code == 302
    context = client.get(ADDRESS).context
    told = r"GET /\S+ differs at .* since \d\d:\d\d:\d\d UTC, in \d+ of the release's \d+ comparisons\."
    assert re.match(told, context["harm"][-1])
    assert context["guide"].next.startswith("Repair v2 or accept the difference before another plan. Acknowledge ")


def test_users_of_a_v2_that_failed_all_after_a_wait_are_told_to_have_waited(
    world: World, signed_in_with: SignedIn
) -> None:
    world("tripped")
    requests(24, 24, judged=False, histogram=dump({cell_of(3, 12_000.0): 24}))
    client = signed_in_with("view")
    failed = "v1 answered 24 failed reads in v2's place"
    assert f"{failed}, so their users saw no error there." in client.get(ADDRESS).context["harm"]
    MetricBucket.objects.filter(api_version=CANDIDATE).update(status_5xx=F("requests"))
    harm._known.cache_clear()
    assert f"{failed}: their users waited, but saw no error there." in client.get(ADDRESS).context["harm"]


def test_deaths_come_first_with_what_v1_lost_by_them(quiet_world: World, signed_in_with: SignedIn) -> None:
    quiet_world("crashed")
    row = Rollout.objects.get()
    first = Crash.objects.earliest("pk")
    Crash.objects.create(
        worker=first.worker, death=first.death, release=row.release, stage=1, api_version=1, requests=4, at=first.at
    )
    requests(6, 6, ago_s=260)
    requests(50, 13, ago_s=250, version=STABLE)
    context = signed_in_with("view").get(ADDRESS).context
    assert context["harm"][0].startswith("6 requests of v2 and 4 of v1 were lost with workers that died: ")
    assert "v1 failed 13 of its 50 requests in that time." in context["harm"]
    assert context["guide"].title.endswith("v1 answers everybody. v2 took workers down")
    assert context["guide"].next.startswith("Check that the site answers again. Find in the logs")
    MetricBucket.objects.filter(api_version=STABLE).update(status_5xx=4)
    harm._known.cache_clear()
    assert "v1 failed no other request in that time." in signed_in_with("view").get(ADDRESS).context["harm"]


def test_a_lone_user_of_v2_is_told_as_one(quiet_world: World, signed_in_with: SignedIn) -> None:
    quiet_world("middle")
    row = Rollout.objects.get()
    common = {"release": row.release, "stage": 1, "weight_bp": 1_000, "api_version": 2, "route": "GET /tags"}
    for metric in ("seen", "error"):
        Observation.objects.create(
            metric=metric, unit="e" * 32, network="a", is_authenticated=True, at=timezone.now(), **common
        )
    requests(3, 3)
    rolled_back("controller")
    context = signed_in_with("view").get(ADDRESS).context
    assert "The only user of v2 in this release had a request that it failed." in context["harm"]
    assert context["guide"].title.endswith("on v2's list. v2 failed requests")


def test_the_page_and_the_form_of_a_start_recall_the_last_rollback(
    quiet_world: World, signed_in_with: SignedIn
) -> None:
    quiet_world("crashed")
    client = signed_in_with("view", "ramp")
    services.acknowledge(actor="user:1", reason="a test", expected_version=None, now=timezone.now())
    address, told = f"{ADDRESS}do/start/?show=1", escape("UTC: Harm at 10 %: v2 takes workers down: 3 died")
    form = client.get(address).content.decode()
    assert "v2 was rolled back last at" in form
    assert told in form
    assert told in client.get(ADDRESS).content.decode().partition('id="canary-protection"')[0]
    RolloutEvent.objects.filter(verb="rollback").update(at=timezone.now() - datetime.timedelta(days=31))
    for later in (address, ADDRESS):
        assert "v2 was rolled back last at" not in client.get(later).content.decode()
