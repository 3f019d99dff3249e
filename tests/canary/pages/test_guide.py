"""The page in each situation: its first words, people by name, and the form that says who gets which version."""

import datetime
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils.html import escape

from canary.core.histograms import Quantile
from canary.core.names import Names
from canary.metrics import node as nodes
from canary.metrics.counters import Totals
from canary.models import RolloutEvent, UnitMinute, Verdict
from canary.pages import figures, protection
from canary.pages.charts import marks_of
from canary.pages.guiding import guide
from canary.pages.naming import naming
from canary.pages.overview import rollout_line
from canary.reporting.people import People
from cms.models import User
from tests.canary.pages import seen
from tests.canary.pages.conftest import ADDRESS

World = Callable[[str], None]
SignedIn = Callable[..., Client]
STATUS: dict[str, Any] = {
    "latched": False,
    "is_v1_enabled": True,
    "is_v2_enabled": True,
    "lifecycle": "active",
    "stage": 1,
    "controller": {"is_missing": False},
    "weight_bp": 1_000,
    "plan": {"steps_bp": [1_000, 5_000], "state": "running"},
    "request": None,
    "crossover": None,
}


def title_of(reason: str, kind: str = "hold", status: dict[str, Any] | None = None, **numbers: Any) -> str:
    verdict = Verdict(stage=1, kind=kind, sentence="", numbers={"reason": reason, **numbers})
    return guide({**STATUS, **(status or {})}, verdict).title


def test_after_the_sunset_the_title_counts_those_that_v1_still_answers() -> None:
    gone = {**STATUS, "lifecycle": "sunset"}
    assert guide(gone, None).title == "v2 answers everybody, and v1 is out of service"
    assert guide(gone, None, extended=1).title == "v1 is out of service, except for 1 consumer"
    assert guide(gone, None, extended=2).title == "v1 is out of service, except for 2 consumers"


def test_the_number_of_differences_is_that_of_now() -> None:
    verdict = Verdict(stage=1, kind="hold", sentence="", numbers={"reason": "finding", "shadow_differences": 2})
    common = {"route": "GET /tags", "compared": 50, "first_seen_at": "2026-12-01T08:15:00+02:00"}
    common["kind"] = "value"
    rows = [{**common, "path": path, "count": count} for path, count in (("", 2), ("name", 40))]
    assert guide(STATUS, verdict, differences=rows[:1]).title == "Held: v2's responses differ from v1's in 1 way"
    assert guide(STATUS, verdict, differences=rows[:1]).next.startswith("GET /tags differs at the whole answer since ")
    assert guide(STATUS, verdict, differences=rows).next.startswith(
        "GET /tags differs at name since 06:15:00 UTC, in 40 of the release's 50 comparisons. No "
    )
    assert guide(STATUS, verdict).title == "All differences are accepted"


@pytest.mark.parametrize(
    ("kind", "path", "told", "todo"),
    [
        ("status", "200 to 500", "v2 answers GET /posts with 500 where v1 answers 200, since", "Roll back, repair v2"),
        ("status", "200 to 404", "v2 answers GET /posts with 404 where v1 answers 200, since", "Roll back unless"),
        ("status", "", "GET /posts differs at the whole answer since", "Roll back unless"),
    ],
)
def test_a_failure_of_v2_is_not_told_as_a_difference_that_may_be_harmless(
    kind: str, path: str, told: str, todo: str
) -> None:
    verdict = Verdict(stage=1, kind="hold", sentence="", numbers={"reason": "finding", "shadow_differences": 2})
    common = {"compared": 50, "first_seen_at": "2026-12-01T08:15:00+00:00"}
    frequent = {**common, "route": "GET /tags", "path": "name", "kind": "value", "count": 40 if "500" in path else 1}
    rows = [frequent, {**common, "route": "GET /posts", "path": path, "kind": kind, "count": 2}]
    following = guide(STATUS, verdict, differences=rows).next
    assert following.startswith(told)
    assert todo in following
    assert ("harmless" in following) is ("500" not in path)
    with naming(Names("2", "3")):
        renamed = guide(STATUS, verdict, differences=rows).next
    assert renamed.startswith(told.replace("v2", "v3").replace("v1", "v2"))


@pytest.mark.parametrize(
    ("name", "title", "todo"),
    [
        ("empty", "Nothing has started: v1 answers everybody", "Start a plan."),
        ("middle", "Waiting for 31 more users, about 6 minutes", "Nothing to do"),
        ("passing", "Passed: 50 % follows now", "the controller takes the step by itself"),
        ("held", "Held: v2's responses differ from v1's in 12 ways", "Roll back unless you know that they are"),
        ("crossing", "Crossover: no harm so far, period 9 of 20", "it ends by itself"),
        ("tripped", "Rolled back: v1 answers everybody", "Repair v2, then acknowledge"),
        ("unguarded", "Nobody guards the rollout", "manage.py run_canary_controller"),
    ],
)
def test_the_page_says_what_goes_on_and_what_to_do_before_any_figure(
    quiet_world: World, signed_in_with: SignedIn, name: str, title: str, todo: str
) -> None:
    quiet_world(name)
    page = signed_in_with("view", "ramp").get(ADDRESS)
    first, _, _ = page.content.decode().partition('id="canary-protection"')
    assert page.context["guide"].title == title
    assert re.search(rf'canary-headline">{re.escape(title.replace("'", "&#x27;"))}<', first)
    assert todo in first


def test_every_reason_of_a_verdict_has_words() -> None:
    assert title_of("not_safe", safe=seen.SAFE) == "Waiting for 31 more users, no estimate yet"
    assert title_of("not_safe", eta_s=30.0, safe=seen.SAFE) == "Waiting for 31 more users, about 30 seconds"
    assert title_of("not_safe", eta_s=9_000.0, safe={**seen.SAFE, "clean_missing": 1}).endswith(
        "1 more user, about 2.5 hours"
    )
    failing = {**seen.SAFE, "failing": 9}
    assert title_of("not_safe", safe=failing) == "Held: 9 of 155 users of v2 had an error, too many to pass"
    assert title_of("too_early", eta_s=3_000.0) == "No harm so far: 50 min of the minimum time left"
    assert title_of("mismatch") == title_of("guard") == "Held: the measuring is broken"
    numbers = {"reason": "mismatch", "sample_ratio": {"v1": 745, "v2": 15, "expected": 76.0}}
    told = guide(STATUS, Verdict(stage=1, kind="hold", sentence="", numbers=numbers)).next
    assert told.startswith("15 of 760 users arrived on v2, where 76.0 are expected. Look for requests that are not ")
    assert title_of("finding", repeats=[{"route": "GET /tags"}]) == "Held: v2 repeats a statement on GET /tags"
    assert title_of("finding") == "Held: one test looks worse on v2"
    assert title_of("no_v2", "no_data") == "Waiting for the first users of v2"
    assert title_of("no_outcome", "no_data") == "Waiting for the first outcomes of v2"
    assert title_of("breaker", "harm") == "v2 does harm"
    gates = {"gates": [{"gate": "orders", "verdict": "hold"}, {"gate": "p99", "verdict": "fault"}]}
    assert title_of("gate", status=gates) == "Held by a gate: orders"
    assert title_of("gate_fault", status=gates) == "Held: a gate has a fault: p99"
    plan = {"steps_bp": [1_000, 5_000], "state": "running", "not_before": "2026-12-07T08:00:00+01:00"}
    assert title_of("calendar", status={"plan": plan}) == "Passed: no step before 2026-12-07 08:00 +01:00"
    assert title_of("gate_unanswered", status=gates) == "Waiting for the answer of a gate"
    assert title_of("") == "Held"  # a verdict of an older release


def test_an_interval_that_says_nothing_is_left_out_and_no_power_of_ten_is_shown() -> None:
    wide, narrow = Quantile(9_682.4, 1.7e-7, 5.5e14), Quantile(12.34, 10.0, 1_500.2)
    assert figures._quantile(figures._sensible(wide)) == "9,682 ms"
    assert figures._quantile(figures._sensible(narrow)) == "12.3 ms (10 to 1,500)"
    assert figures._quantile(Quantile(999.6, None, None)) == "1,000 ms"


def test_waiting_tells_users_from_the_minimum_time_and_a_young_stage_from_a_quiet_site() -> None:
    def words(age_s: float, eta_s: float | None) -> tuple[str, str]:
        began = datetime.datetime(2026, 12, 1, tzinfo=datetime.UTC)
        judged = (began + datetime.timedelta(seconds=age_s)).isoformat()
        plan = {"steps_bp": [1_000, 5_000], "state": "running", "min_s": 7 * 86_400.0}
        numbers = {"reason": "not_safe", "safe": seen.SAFE, "eta_s": eta_s, "judged_at": judged}
        verdict = Verdict(stage=1, kind="hold", sentence="", numbers=numbers)
        told = guide({**STATUS, "plan": plan, "stage_started_at": began.isoformat()}, verdict)
        return told.title, told.next

    assert words(60, 7 * 86_400.0 - 60)[0] == "Waiting for 31 more users; the minimum time lasts 7 days more"
    assert words(60, 8 * 86_400.0)[0] == "Waiting for 31 more users, about 8 days"
    young = words(299, None)[1]
    assert young.startswith("Nothing to do yet: in a few minutes this tells when the step can pass")
    assert young.endswith("146 users of v2 were judged at this step, none with an error in the first three requests.")
    said = "146 users of v2 were judged at this step, none with an error in the first three requests. If"
    assert words(300, None)[1].startswith(said)
    assert words(300, None)[0] == "Too few users come. Waiting for 31 more users"
    assert "start a crossover, which needs only a few clients" in words(300, None)[1]
    failing = {**seen.SAFE, "failing": 2}
    verdict = Verdict(stage=1, kind="hold", sentence="", numbers={"reason": "not_safe", "safe": failing, "eta_s": 60.0})
    assert guide(STATUS, verdict).next.startswith("2 users of v2 had an error so far, so more are needed.")


@pytest.mark.parametrize(
    ("kind", "numbers"),
    [
        ("no_data", {"reason": "no_outcome"}),
        ("pass", {"reason": "safe"}),
        ("hold", {"reason": "not_safe", "eta_s": 30.0, "safe": seen.SAFE}),
        ("hold", {"reason": "too_early", "eta_s": 30.0}),
    ],
)
def test_a_paused_plan_is_told_whatever_is_waited_for(kind: str, numbers: dict[str, Any]) -> None:
    paused = {**STATUS, "plan": {"steps_bp": [1_000, 5_000], "state": "paused"}}
    told = guide(paused, Verdict(stage=1, kind=kind, sentence="", numbers=numbers)).next
    assert told.endswith("The plan is paused, so no step is taken by itself. Resume it when it may go on.")


def test_a_verdict_on_another_step_is_not_told_as_this_ones() -> None:
    assert title_of("safe", "pass", {"stage": 2}).startswith("Just begun")


def test_the_last_step_leads_to_the_end_of_v1() -> None:
    plan = {"steps_bp": [10_000], "state": "done"}
    assert title_of("safe", "pass", {"weight_bp": 10_000, "plan": plan}) == "Done: v2 answers everybody"
    assert title_of("safe", "pass", {"plan": None}) == "Passed at 10 %"


def test_the_second_thing_that_holds_is_told_too(quiet_world: World, signed_in_with: SignedIn) -> None:
    quiet_world("held")
    assert (
        signed_in_with("view")
        .get(ADDRESS)
        .context["guide"]
        .next.endswith("Besides, v2 repeats a statement on GET /posts.")
    )


def test_who_is_on_v2s_list_is_not_counted_as_answered_by_v1() -> None:
    nothing = {**STATUS, "weight_bp": 0, "plan": None}
    assert (
        guide(nothing, None, allowed=2).title
        == "Nothing has started: v1 answers everybody except the 2 identities on v2's list"
    )
    assert guide({**nothing, "latched": True}, None, allowed=1).title.endswith(
        "everybody except the 1 identity on v2's list"
    )


def test_nobody_watches_the_breakers_without_a_controller(quiet_world: World, signed_in_with: SignedIn) -> None:
    quiet_world("unguarded")
    facts = {fact.label: fact.text for fact in signed_in_with("view").get(ADDRESS).context["protection"]}
    assert facts["Breakers"] == "nobody watches"


def test_a_breaker_that_tripped_is_told_by_its_sentence(quiet_world: World, signed_in_with: SignedIn) -> None:
    quiet_world("tripped")
    text = signed_in_with("view").get(ADDRESS).content.decode()
    before, _, _ = text.partition('id="canary-state"')
    assert "Breaker “total failure”:" in before
    assert "36 of 36 answers to 12 users" in before


def test_workers_that_died_are_told_with_the_breaker_that_they_tripped(
    quiet_world: World, signed_in_with: SignedIn
) -> None:
    quiet_world("crashed")
    page = signed_in_with("view").get(ADDRESS)
    [dead] = [fact for fact in page.context["protection"] if fact.label == "Workers that died"]
    assert dead.text == "3, 6 requests lost"
    assert dead.hint == "while they answered v2, in this release and the last 10 min; more than 2 roll back"
    before, _, _ = page.content.decode().partition('id="canary-protection"')
    assert "Breaker “crashes”:" in before
    assert "v2 takes workers down: 3 died within the last 10 min" in before


def test_requests_that_hang_are_told_by_version(
    quiet_world: World, signed_in_with: SignedIn, own_folder: nodes.Node
) -> None:
    quiet_world("middle")
    counted = Totals()
    counted.count("canary_hangs", ("2",), 3)
    own_folder.publish(counted.dump())
    [hung] = [fact for fact in signed_in_with("view").get(ADDRESS).context["protection"] if fact.label == "Hung"]
    assert (hung.text, hung.hint) == (
        "v1 0, v2 3",
        "no answer for 10 s; on this server, in all releases since it started",
    )


def test_harm_that_shadow_reads_find_is_told_before_a_start() -> None:
    numbers = {"reason": "pairs", "pairs": {"errors": {"votes": 249, "against": 249}}}
    verdict = Verdict(stage=1, kind="harm", sentence="", numbers=numbers)
    told = guide({**STATUS, "weight_bp": 0, "plan": None}, verdict)
    assert (told.mood, told.title) == (
        "harm",
        "Do not start before v2 is repaired: it failed 249 reads that v1 answered",
    )
    assert told.action == ""
    assert guide({**STATUS, "weight_bp": 0, "plan": None, "stage": 2}, verdict).action == "start"
    assert guide({**STATUS, "weight_bp": 0}, verdict).title == told.title
    late = Verdict(stage=1, kind="harm", sentence="", numbers={"reason": "harm", "pairs": {}})
    assert guide({**STATUS, "weight_bp": 0, "plan": None}, late).title == "Do not start: v2 does harm"


def test_a_step_by_hand_is_warned_of_what_holds(quiet_world: World, signed_in_with: SignedIn) -> None:
    quiet_world("held")
    form = signed_in_with("view", "ramp").get(f"{ADDRESS}do/promote/").content.decode()
    told = escape("Held: v2's responses differ from v1's in 12 ways.")
    assert f'<p class="canary-banner canary-bad" role="alert"><strong>{told}</strong></p>' in form


def test_what_protects_users_is_shown(quiet_world: World, signed_in_with: SignedIn) -> None:
    quiet_world("middle")
    facts = {fact.label: fact.text for fact in signed_in_with("view").get(ADDRESS).context["protection"]}
    assert facts["Failed over"] == "0 reads"
    assert facts["Users refused by v2"] == "4"
    assert facts["Failed on v2 alone"] == "1 of 4 pairs"
    assert facts["Pairs slower on v2"] == "98 of 214 pairs"
    assert facts["Breakers"] == "none tripped"
    assert facts["In flight"].startswith("v1 ")
    assert facts["Workers that died"] == "0"


@pytest.mark.django_db
def test_failovers_are_summed_up_by_an_index_however_many_minutes_there_are(now: datetime.datetime) -> None:
    keep = {"stage": 1, "api_version": 2, "answers": 3, "failures": 3, "reads": 3, "refused_reads": 0, "halvings": 0}
    for release, count in ((1, 3), (1, 0), (2, 1)):
        counts = {"failed_over": count, "failed_twice": 0, "unit": f"{count:032x}"}
        UnitMinute.objects.create(start_at=now, release=release, **keep, **counts)
    with CaptureQueriesContext(connection) as asked:
        told = {
            fact.label: fact.text
            for fact in protection.facts({**STATUS, "release": 1, "weight_bp": 0, "plan": None}, None, {}, now)
        }
    assert told["Failed over"] == "3 reads"
    if connection.vendor == "postgresql":  # SQLite takes no partial index for a parameter
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL enable_seqscan = off")
            [sums] = [one["sql"] for one in asked if "failed_over" in one["sql"]]
            cursor.execute(f"EXPLAIN {sums}")
            assert "canary_unitminute_again" in str(cursor.fetchall())


def test_people_stand_there_by_name(
    quiet_world: World, signed_in_with: SignedIn, make_user: Callable[..., User]
) -> None:
    quiet_world("middle")
    mia = make_user("editor")
    RolloutEvent.objects.filter(version=1).update(actor=f"user:{mia.pk}")
    client = signed_in_with("view")
    events = [event for page in "12" for event in client.get(ADDRESS, {"events": page}).context["events"]]
    assert {event["actor"] for event in events} == {"chief", mia.username}
    people = People([f"user:{mia.pk}", "user:nobody", "key:ab12 user:nobody"])
    assert people.actor("key:ab12 alice") == "alice by API key"
    assert people.actor(f"key:ab12 user:{mia.pk}") == f"{mia.username} by API key"
    assert people.actor("key:ab12 user:nobody") == "user:nobody by API key"
    assert people.actor(f"user:{mia.pk} former_name") == mia.username
    assert people.actor("cli:root") == "root by command"
    assert people.actor("user:nobody") == "user:nobody"
    assert people.actor("controller") == "controller"
    assert people.identity(f"user:{mia.pk}") == mia.username
    assert people.identity("key:1") == ""


@pytest.mark.parametrize("wanted", ["client:tester-01", "client:tester-00"])
def test_the_page_says_which_version_somebody_gets(quiet_world: World, signed_in_with: SignedIn, wanted: str) -> None:
    quiet_world("middle")
    page = signed_in_with("view").get(ADDRESS, {"identity": wanted})
    version = "v1: the list keeps them on v1" if wanted.endswith("0") else "v2: the list sends them to v2"
    assert page.context["question"].lines[0] == f"{wanted} gets {version}."


def test_somebody_may_be_asked_about_by_username(
    quiet_world: World, signed_in_with: SignedIn, make_user: Callable[..., User]
) -> None:
    quiet_world("middle")
    name, client = make_user("editor").username, signed_in_with("view")
    line = client.get(ADDRESS, {"identity": name}).context["question"].lines[0]
    assert re.fullmatch(rf"{name} gets v[12]: their bucket [\d.]+ % is (not )?below the weight 50 %\.", line)
    for wrong in ("nobody-here", "robot:7", "user:", "\0"):
        answer = client.get(ADDRESS, {"identity": wrong})
        assert answer.status_code == 200
        assert not answer.context["question"].lines
    assert "No user is named" in client.get(ADDRESS, {"identity": "nobody-here"}).content.decode()


def test_errors_and_latency_have_marks_of_what_was_done(world: World, signed_in_with: SignedIn) -> None:
    world("middle")
    page = signed_in_with("view").get(ADDRESS, {"span": "24h"})
    charts = dict(page.context["course"])
    assert charts.keys() == {"Failed answers", "Mean latency"}
    assert [line.name for line in charts["Failed answers"].lines] == ["v1", "v2"]
    told = [text for mark in page.context["course_marks"] for _, text in mark.tells]
    assert "promote (10 % → 50 %)" in told
    assert any("allow add (11 times)" in text for text in told)


def test_what_was_done_within_a_minute_stands_behind_one_time() -> None:
    start = datetime.datetime(2026, 3, 1, 12, tzinfo=datetime.UTC)
    tells = [
        (start + datetime.timedelta(seconds=seconds), text)
        for seconds, text in ((1, "set"), (40, "rollback"), (61, "ack"))
    ]
    (mark,) = marks_of(tells, (start, start + datetime.timedelta(hours=1)))
    assert mark.tells == [(tells[0][0], "set, rollback"), (tells[2][0], "ack")]


def test_the_line_of_the_first_page_counts_the_differences_that_hold(
    quiet_world: World, signed_in_with: SignedIn
) -> None:
    quiet_world("held")
    line = rollout_line(signed_in_with("view").get(ADDRESS).wsgi_request)
    assert line is not None
    assert line[1] == "Held: v2's responses differ from v1's in 12 ways"
