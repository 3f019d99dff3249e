"""What the page shows, to whom, and what it costs."""

import csv
import datetime
import io
import itertools
import math
import re
import time
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django.utils.html import escape
from pytest_django.fixtures import Settings

from canary import services
from canary.core.histograms import Quantile, cell_of, dump
from canary.core.values import CANDIDATE, STABLE
from canary.models import EvidencePoint, Lease, MetricBucket, Observation, Rollout, ShadowDifference, Worker
from canary.pages import harm
from canary.pages.drawing import evidence_chart
from canary.pages.figures import marks_of
from canary.recording.aggregation import Totals
from canary.services.differences import Difference
from canary.state import store
from tests.canary.pages import seen, worlds
from tests.canary.pages.conftest import ADDRESS

World = Callable[[str], None]
SignedIn = Callable[..., Client]
QUERIES_MAX = 41
COLD_QUERIES_MAX = 50
"""Each process asks once what a rollback was about."""
FIRST_PAGE_QUERIES_MAX = 20
SECONDS_MAX = 1.5


def buttons(client: Client) -> set[str]:
    page = client.get(ADDRESS)
    return set(re.findall(rf"{ADDRESS}do/([a-z/]+)/\"", page.content.decode()))


@pytest.mark.parametrize("name", worlds.WORLDS)
def test_every_world_is_shown_whole(world: World, signed_in_with: SignedIn, name: str) -> None:
    world(name)
    text = signed_in_with("view").get(ADDRESS, {"span": "24h"}).content.decode()
    for section in ("state", "plan", "share", "evidence", "versions", "routes", "shadow", "workers", "life", "events"):
        assert f'id="canary-{section}"' in text
    assert "None" not in re.sub(r"<[^>]+>", "", text)


@pytest.mark.parametrize(
    ("low", "high"), [(12, 70), (12, 700), (0.2, 70), (0.2, 900), (0.2, 9_000), (0.9, 90_000), (0.9, 120_000)]
)
def test_the_labels_of_the_latency_axis_leave_each_other_room_on_a_phone(low: float, high: float) -> None:
    """A chart is some 290 pixels wide there, and of two labels next to each other one may end where its place is."""
    quantiles = [Quantile(value, None, None) for value in (low, high)]
    marks, ticks = marks_of({STABLE: Totals(p50=quantiles[0]), CANDIDATE: Totals(p99=quantiles[1])})
    places = [float(tick.at.rstrip("%")) for tick in ticks]
    assert len(marks) == 2
    assert len(ticks) >= 4
    assert all(after - before >= 20 for before, after in itertools.pairwise(places))
    assert all(len(tick.text) <= len("100 ms") for tick in ticks)
    assert [places[0], places[-1]] == [0, 100]


def test_an_empty_database_is_shown_too(db: None, signed_in_with: SignedIn) -> None:
    page = signed_in_with("view", "ramp", "rollback", "lifecycle").get(ADDRESS)
    assert page.status_code == 200
    assert "Nothing has been changed yet." in page.content.decode()


def test_in_the_middle_of_a_plan_steps_and_evidence_are_told(world: World, signed_in_with: SignedIn) -> None:
    world("middle")
    page = signed_in_with("view").get(ADDRESS)
    text = page.content.decode()
    assert [(step.title, step.standing, step.at_label) for step in page.context["steps"]] == [
        ("10 %", "done", "reached"),
        ("50 %", "now", "since"),
        ("90 %", "next", "not before"),
        ("100 %", "later", "not before"),
    ]
    times = [step.at for step in page.context["steps"]]
    assert times == sorted(times)
    for told in (
        worlds.PASSING,
        "1 not at config revision",
        "node-a:412:9f3e",
    ):
        assert told in text
    assert {line.name for line in page.context["evidence_chart"].lines} >= {"overall", "error", "safe"}
    assert "canary-latch" in text
    assert "Rolled back" not in text


def test_a_statement_that_v2_repeats_is_told(quiet_world: World, signed_in_with: SignedIn) -> None:
    quiet_world("held")
    text = signed_in_with("view").get(ADDRESS).content.decode()
    assert "up to 21 times in one request of v2, 2 on v1" in text


def test_a_latched_rollback_is_told_first_with_its_evidence_and_a_form(
    quiet_world: World, signed_in_with: SignedIn
) -> None:
    quiet_world("latched")
    text = signed_in_with("view", "ramp").get(ADDRESS).content.decode()
    assert text.index("Rolled back: v1 answers everybody") < text.index('id="canary-state"')
    assert escape(seen.HARMING) in text
    assert f'action="{ADDRESS}do/ack/"' in text
    summary = text.partition('id="canary-evidence-fold"')[2].partition("</summary>")[0]
    assert "harm is found" in summary


def test_a_rollback_tells_who_was_hurt_and_where(world: World, signed_in_with: SignedIn) -> None:
    world("tripped")
    row = Rollout.objects.get()
    common = {"release": row.release, "stage": row.stage - 1, "weight_bp": 1_000, "api_version": CANDIDATE}
    who = {"unit": "f" * 32, "network": "a", "is_authenticated": True, "at": timezone.now()}
    Observation.objects.create(metric="seen", route="GET /posts", **common, **who)
    Observation.objects.create(metric="error", route="GET /posts", **common, **who)
    waited = {"start_at": timezone.now(), "worker": "node-a:1:1", "judged": False}
    MetricBucket.objects.create(
        route="GET /posts", requests=7, status_5xx=7, histogram=dump({cell_of(3, 12_000.0): 7}), **common, **waited
    )
    _red, banner = signed_in_with("view").get(ADDRESS).content.decode().split("canary-banner canary-bad")
    told = banner.split('<details id="canary-proof">')[0]
    day = r"(\d{4}-\d\d-\d\d )?"  # yesterday, shortly after midnight
    at = rf"{day}\d\d:\d\d:\d\d UTC"
    asked = rf"v2 failed \d+ of its \d+ requests since {at}(:|, among them) GET /\S+ \(\d+ of \d+\), "
    assert re.search(asked, told)
    assert re.search(r"7 requests of v2 took 10 s or longer. None of them is left on this server, so it needs no", told)
    assert re.search(r"In this release 1 of \d+ users of v2 had a request that it failed\.", told)
    assert escape("v1 answered 24 failed reads in v2's place, so their users saw no error there.") in told


def test_a_rollback_by_dead_workers_tells_what_was_lost(quiet_world: World, signed_in_with: SignedIn) -> None:
    quiet_world("crashed")
    told = signed_in_with("view").get(ADDRESS).content.decode()
    assert "6 requests were lost with workers that died." in told
    assert "Check that the site answers again. Find in the logs of the servers why workers died, repair v2," in told


def test_the_event_log_is_paged_and_an_odd_page_is_no_error(quiet_world: World, signed_in_with: SignedIn) -> None:
    quiet_world("middle")
    client = signed_in_with("view")
    first, second = (client.get(ADDRESS, {"events": page}).context["events"] for page in ("1", "2"))
    assert len(first) == 20
    assert first[-1]["version"] == second[0]["version"] + 1
    assert client.get(ADDRESS, {"events": "x", "span": "\0", "traffic": "7"}).status_code == 200


def test_more_than_there_is_room_for_is_counted(quiet_world: World, signed_in_with: SignedIn) -> None:
    quiet_world("crowded")
    text = signed_in_with("view").get(ADDRESS).content.decode()
    assert "130 identities, 100 of which follow" in text
    assert "The 10 of 1,500 that call the most." in text
    assert "1,000,666" in text


def test_who_calls_v1_is_a_file(quiet_world: World, signed_in_with: SignedIn) -> None:
    quiet_world("middle")
    answer: Any = signed_in_with("view").get(f"{ADDRESS}consumers.csv")
    rows = list(csv.DictReader(io.StringIO(b"".join(answer.streaming_content).decode())))
    assert len(rows) == 60
    assert rows[0].keys() >= {"day", "consumer", "route", "calls"}


def test_a_refresh_does_not_ask_who_calls_v1(world: World, signed_in_with: SignedIn) -> None:
    """Strangers may have made up a million rows: an open page would read them every five seconds."""
    world("middle")
    viewer = signed_in_with("view")
    assert 'id="canary-consumers"' in viewer.get(ADDRESS).content.decode()
    with CaptureQueriesContext(connection) as sent:
        text = viewer.get(f"{ADDRESS}live/").content.decode()
    assert 'id="canary-consumers"' not in text
    assert 'id="canary-life"' in text
    assert not [one for one in sent if "SUM" in one["sql"] and "canary_consumerusage" in one["sql"]]


def test_the_content_that_a_rollback_would_hide_is_counted_and_not_named(
    quiet_world: World, signed_in_with: SignedIn, make_post: Callable[..., object]
) -> None:
    quiet_world("middle")
    make_post(title="A secret draft", is_published=False, language="ja")
    viewer = signed_in_with("view", "rollback")
    for tail in ("", "do/rollback/?show=1"):
        assert f'href="{ADDRESS}debt/"' in viewer.get(ADDRESS + tail).content.decode()
    answer = viewer.get(f"{ADDRESS}debt/")
    counts = {one["feature"]: one["count"] for one in answer.context["debt"]["features"]}
    assert counts["posts in another language"] == 1
    text = answer.content.decode()
    assert "posts in another language" in text
    assert "A secret draft" not in text


def test_without_the_permission_the_page_is_refused_and_not_in_the_menu(
    db: None, signed_in_with: SignedIn, make_user: Callable[..., object]
) -> None:
    stranger, viewer = signed_in_with(), signed_in_with("view")
    for tail in ("", "live/", "consumers.csv", "debt/", "do/set/"):
        assert stranger.get(ADDRESS + tail).status_code == 403
        assert Client().get(ADDRESS + tail)["Location"].startswith("/admin/login/")
    links = [ADDRESS in client.get("/admin/").content.decode() for client in (stranger, viewer)]
    assert links == [False, True]


@pytest.mark.parametrize(
    ("permission", "expected"),
    [
        ("view", set()),
        ("ramp", {"set", "promote", "pause", "allow/add", "exclude/add", "allow/remove", "exclude/remove"}),
        ("rollback", {"rollback"}),
        ("lifecycle", {"lifecycle/deprecate"}),
    ],
)
def test_each_permission_has_its_own_buttons(
    quiet_world: World, signed_in_with: SignedIn, permission: str, expected: set[str]
) -> None:
    quiet_world("middle")
    found = buttons(signed_in_with("view", permission))
    addresses = set(
        re.findall(
            r"do/((?:allow|exclude)/remove)/\?", signed_in_with("view", permission).get(ADDRESS).content.decode()
        )
    )
    assert found | addresses == expected


def test_the_life_of_v1_has_the_buttons_of_its_state(quiet_world: World, signed_in_with: SignedIn) -> None:
    quiet_world("brownout")
    words = {"deprecate", "brownout/add", "brownout/end", "notify", "extend", "sunset", "restore"}
    client = signed_in_with("view", "lifecycle")
    assert buttons(client) == {f"lifecycle/{word}" for word in words}
    page = client.get(ADDRESS).content.decode()
    assert "A brownout is running" in page
    assert "Calls of v1 without a proven name in the last 14 days: " in page


def test_the_number_of_statements_does_not_grow_with_what_there_is_to_show(
    world: World, signed_in_with: SignedIn
) -> None:
    client = signed_in_with("view", "ramp", "rollback", "lifecycle")
    counts = []
    for name in ("zero", "middle"):
        world(name)
        client.get(ADDRESS)
        with CaptureQueriesContext(
            connection,
        ) as few:
            client.get(ADDRESS, {"span": "24h"})
        counts.append(len(few))
    now = timezone.now()
    Worker.objects.bulk_create(Worker(name=f"more-{number}", version=1, seen_at=now) for number in range(50))
    EvidencePoint.objects.bulk_create(EvidencePoint(release=2, at=now, log_e={"overall": 0.0}) for _ in range(800))
    with CaptureQueriesContext(connection) as many:
        client.get(ADDRESS, {"span": "24h"})
    assert len(many) == counts[1]
    assert max(counts) <= QUERIES_MAX


@pytest.mark.parametrize("name", worlds.WORLDS)
def test_no_world_takes_more_statements(quiet_world: World, signed_in_with: SignedIn, name: str) -> None:
    client = signed_in_with("view", "ramp", "rollback", "lifecycle")
    quiet_world(name)
    for address, most in ((ADDRESS, COLD_QUERIES_MAX), ("/admin/", FIRST_PAGE_QUERIES_MAX)):
        harm._known.cache_clear()
        with CaptureQueriesContext(connection) as asked:
            client.get(address)
        assert len(asked) <= most, address


def test_a_day_of_data_is_shown_in_time(world: World, signed_in_with: SignedIn) -> None:
    world("middle")
    client = signed_in_with("view", "ramp", "rollback", "lifecycle")
    client.get(ADDRESS)
    spent = []
    for _ in range(3):
        began = time.process_time()
        assert client.get(ADDRESS, {"span": "24h"}).status_code == 200
        spent.append(time.process_time() - began)
    assert min(spent) < SECONDS_MAX, spent


def test_the_page_holds_no_script_and_no_style_of_its_own(quiet_world: World, signed_in_with: SignedIn) -> None:
    quiet_world("middle")
    client = signed_in_with("view", "ramp", "rollback", "lifecycle")
    for address in (f"{ADDRESS}live/", f"{ADDRESS}do/set/?show=1&percent=25"):
        own = client.get(address).content.decode()
        own = own[own.index('<div class="canary') :] if '<div class="canary' in own else own
        own = own.split('<div id="modal')[0]
        assert not re.findall(r"<script(?! src)|<style|\sstyle=|\son[a-z]+=|javascript:", own.split("</form>")[0])
    assert "<script" not in client.get(f"{ADDRESS}live/").content.decode()


def test_times_are_in_utc_wherever_the_site_stands(
    quiet_world: World, signed_in_with: SignedIn, settings: Settings
) -> None:
    quiet_world("middle")
    client = signed_in_with("view")
    here = times_of(client)
    settings.TIME_ZONE = "Asia/Tokyo"
    assert times_of(client) == here
    assert here
    assert all(text.endswith(" UTC") for _, text in here)


def times_of(client: Client) -> list[tuple[str, str]]:
    """Of the event log, which stays as it is: the machine's and the person's."""
    log = client.get(ADDRESS).content.decode().split('id="canary-events"')[1]
    return re.findall(r'<time datetime="([^"]+)">([^<]+)</time>', log)


def test_a_short_outage_stays_in_the_table_beside_the_chart(world: World, signed_in_with: SignedIn) -> None:
    world("tripped")
    page = signed_in_with("view").get(ADDRESS)
    rows = page.context["course_rows"]
    assert dict(page.context["course"])["Failed answers"].down[-1].text == "100 %"
    assert len(rows) <= 20
    failed = [of_v2 for _, cells in rows for name, _, of_v2 in cells if name == "Failed" and of_v2 != "–"]
    assert max(float(share.removesuffix(" %")) for share in failed) > 60


def test_evidence_is_drawn_as_a_share_of_its_own_limit(now: datetime.datetime) -> None:
    points = [
        (now + datetime.timedelta(minutes=minute), {"error": math.log(40), "safe": math.log(20)}) for minute in (0, 1)
    ]
    chart = evidence_chart(points)
    assert chart is not None
    [rule] = [tick for tick in chart.down if tick.is_rule]
    assert [line.path for line in chart.lines] == [f"M0.0 {rule.at}L1000.0 {rule.at}"] * 2


def test_where_a_rollback_would_move_nobody_no_button_offers_it(quiet_world: World, signed_in_with: SignedIn) -> None:
    for name, expected in (("zero", False), ("unguarded", True), ("tripped", False), ("brownout", True)):
        quiet_world(name)
        assert ("rollback" in buttons(signed_in_with("view", "rollback"))) is expected, name


def test_a_chart_says_that_its_times_are_in_utc(world: World, signed_in_with: SignedIn) -> None:
    world("middle")
    assert signed_in_with("view").get(ADDRESS).content.decode().count("Times are in UTC.") == 4


def test_while_a_rollback_is_latched_no_brownout_is_told_to_run(quiet_world: World, signed_in_with: SignedIn) -> None:
    quiet_world("brownout")
    services.roll_back(actor="tester", reason="v2 is down", now=timezone.now())
    client = signed_in_with("view")
    text = client.get(ADDRESS).content.decode()
    assert "pinned v1 answers 410" not in text
    assert "The planned brownout is off:" in text
    assert "off while a rollback is latched" in text
    assert "running now" not in text
    store.refresh()
    assert client.get("/api/v1/posts").status_code == 200


def test_nobody_who_guards_the_rollout_is_told_first_with_the_command(
    quiet_world: World, signed_in_with: SignedIn
) -> None:
    quiet_world("middle")
    client = signed_in_with("view")
    assert "Nobody guards the rollout" not in client.get(ADDRESS).content.decode()
    Lease.objects.update(done_at=timezone.now() - datetime.timedelta(minutes=20))
    text = client.get(ADDRESS).content.decode()
    assert "Nobody guards the rollout" in text
    assert "No controller has finished a turn for 20 min" in text
    assert ">manage.py run_canary_controller</code>" in text


def test_an_accepted_difference_is_shown_with_who_and_why_and_may_be_revoked(
    quiet_world: World, signed_in_with: SignedIn, now: datetime.datetime
) -> None:
    quiet_world("held")
    one = ShadowDifference.objects.latest("pk")
    name = Difference(one.route, one.path, one.kind)
    change = {"actor": "user:1 mia", "expected_version": None, "now": now}
    services.accept_difference(difference=name, reason="rounded otherwise", **change)  # type: ignore[arg-type]
    viewer, ramper = (signed_in_with(*names).get(ADDRESS).content.decode() for names in (("view",), ("view", "ramp")))
    assert "rounded otherwise" in viewer
    assert "do/differences/" not in viewer
    assert ramper.count("do/differences/accept/?show=1") == 11
    assert ramper.count("do/differences/revoke/?show=1") == 1


def test_a_rollback_names_its_finding_and_folds_the_evidence(quiet_world: World, signed_in_with: SignedIn) -> None:
    quiet_world("latched")
    text = signed_in_with("view").get(ADDRESS).content.decode()
    banner, folded = text.split('<details id="canary-proof">')
    assert "users with an error" in banner
    assert "evidence that v2 is worse" not in banner.partition("canary-banner canary-bad")[2]
    assert "evidence that v2 is worse" in folded.partition("</details>")[0]
