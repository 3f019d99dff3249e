"""Changes from the page: who would move is shown first, nothing is applied without a reason or over somebody else's change."""

import datetime
import html
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from canary.core.lifecycle import BROWNOUT, SUNSET
from canary.models import AcceptedDifference, ConsumerUsage, ListEntry, Rollout, RolloutEvent
from canary.pages.actions import ACTIONS
from canary.reporting.whatif import who_moves
from canary.state import store
from cms.models import Delivery, Job, User
from tests.canary.pages import worlds
from tests.canary.pages.conftest import ADDRESS, plan_now, rollout_now

World = Callable[[str], None]
SignedIn = Callable[..., Client]
Send = Callable[..., Any]
ALL = ("view", "ramp", "rollback", "lifecycle")


def test_who_would_move_is_counted_exactly_and_nothing_is_changed_by_asking(
    quiet_world: World, signed_in_with: SignedIn, now: datetime.datetime
) -> None:
    quiet_world("middle")
    before = (rollout_now().version, RolloutEvent.objects.count(), Job.objects.count(), Delivery.objects.count())
    page = signed_in_with("view", "ramp").get(f"{ADDRESS}do/set/", {"show": "1", "percent": "25"})
    expected = who_moves(store.refresh(), 2_500, now).to_v1
    (move,) = page.context["preview"].moves
    assert (move.target, move.count) == ("v1", len(expected))
    assert move.count > len(move.names) == 10
    assert {name.rpartition("(")[2].removesuffix(")") for name in move.names} <= set(expected)
    assert f"{move.count} identities would move to v1." in page.content.decode()
    assert before == (
        rollout_now().version,
        RolloutEvent.objects.count(),
        Job.objects.count(),
        Delivery.objects.count(),
    )
    assert store.current_snapshot().weight_bp == 5_000


def test_what_was_shown_is_applied_with_the_reason_and_the_name(
    quiet_world: World, signed_in_with: SignedIn, ask_and_send: Send
) -> None:
    quiet_world("middle")
    client = signed_in_with("view", "ramp")
    answer = ask_and_send(client, "set", percent="62.5", reason="fewer complaints")
    assert (answer.status_code, answer["Location"]) == (302, ADDRESS)
    assert rollout_now().weight_bp == 6_250
    event = RolloutEvent.objects.last()
    editor = User.objects.get(role="editor")
    assert (event.verb, event.reason, event.actor) == ("set", "fewer complaints", f"user:{editor.pk}")
    page = client.get(ADDRESS)
    assert page.context["events"][0]["actor"] == editor.username
    assert "62.5 %" in page.content.decode()


@pytest.mark.parametrize(
    ("percent", "told"), [("", "required"), ("101", "not a share"), ("1e1", "not a share"), ("\0", "null")]
)
def test_a_bad_share_is_told_at_its_field(
    quiet_world: World, signed_in_with: SignedIn, percent: str, told: str
) -> None:
    quiet_world("zero")
    client = signed_in_with("view", "ramp")
    for answer in (
        client.get(f"{ADDRESS}do/set/", {"show": "1", "percent": percent}),
        client.post(f"{ADDRESS}do/set/", {"percent": percent, "reason": "x", "expected_version": "1"}),
    ):
        assert told in str(answer.context["options"].errors["percent"]).lower()
    assert rollout_now().weight_bp == 0


@pytest.mark.parametrize(
    "sent", [{"reason": "  "}, {"reason": "x" * 1_001}, {"expected_version": "x"}, {"expected_version": ""}]
)
def test_without_a_reason_or_a_version_nothing_is_changed(
    quiet_world: World, signed_in_with: SignedIn, sent: dict[str, str]
) -> None:
    quiet_world("zero")
    version = rollout_now().version
    data = {"percent": "5", "reason": "a test", "expected_version": str(version), **sent}
    answer = signed_in_with("view", "ramp").post(f"{ADDRESS}do/set/", data)
    assert answer.status_code == 422
    assert answer.context["form"].errors
    assert rollout_now().version == version


def test_two_people_cannot_overwrite_each_other_and_the_second_sees_the_state_now(
    quiet_world: World, signed_in_with: SignedIn, ask_and_send: Send, now: datetime.datetime
) -> None:
    quiet_world("middle")
    client = signed_in_with("view", "ramp")
    answer = ask_and_send(client, "set", percent="90", between=lambda: worlds.pause_by_hand(now))
    text = answer.content.decode()
    assert answer.status_code == 409
    assert "Somebody else was faster" in text
    assert re.search(r"The rollout is at config revision \d+ with 50 %, not at config revision \d+", text)
    assert not re.search(r"serves version|\d+T\d+:", text[text.index("Somebody") : text.index("What would happen")])
    assert "is paused" in text
    assert rollout_now().weight_bp == 5_000
    assert answer.context["form"]["reason"].value() == "a test"
    again = {
        "percent": "90",
        "reason": "a test",
        "expected_version": answer.context["form"]["expected_version"].value(),
    }
    assert client.post(f"{ADDRESS}do/set/", again).status_code == 302
    assert rollout_now().weight_bp == 9_000


def test_a_rollback_takes_two_clicks_and_loses_no_race(
    quiet_world: World, signed_in_with: SignedIn, ask_and_send: Send, now: datetime.datetime
) -> None:
    quiet_world("middle")
    client = signed_in_with("view", "rollback")
    form = client.get(f"{ADDRESS}do/rollback/")
    assert form.context["preview"].moves[0].target == "v1"
    assert "until somebody acknowledges" in form.content.decode()
    sent = {name: form.context["form"][name].value() for name in ("reason", "expected_version")}
    worlds.pause_by_hand(now)
    assert client.post(f"{ADDRESS}do/rollback/", sent).status_code == 302
    row = rollout_now()
    assert (row.latched, row.weight_bp, row.plan) == (True, 0, None)
    banner = client.get(ADDRESS).content.decode().partition('id="canary-state"')[0]
    assert row.changed_at.strftime("%H:%M:%S UTC") in banner
    assert sent["reason"] in banner


def test_the_form_in_the_banner_acknowledges(quiet_world: World, signed_in_with: SignedIn) -> None:
    quiet_world("latched")
    client, version = signed_in_with("view", "ramp"), rollout_now().version
    sent = {"reason": "search is repaired", "expected_version": str(version)}
    assert client.post(f"{ADDRESS}do/ack/", sent).status_code == 302
    row = rollout_now()
    assert (row.latched, row.weight_bp, row.plan) == (False, 0, None)
    assert client.get(ADDRESS).context["guide"].title.startswith("Nothing has started")


def test_what_a_change_does_is_said_before_and_after_it_without_words_of_the_command_line(
    quiet_world: World, signed_in_with: SignedIn, ask_and_send: Send
) -> None:
    quiet_world("middle")
    client = signed_in_with("view", "ramp")
    for words, told in (("pause", "The plan is paused. 50 % of"), ("resume", "The plan runs again. 50 % of")):
        asked = client.get(f"{ADDRESS}do/{words}/").content.decode().partition('id="canary-whatif"')[2]
        assert not re.search(r"`\w+`", asked)
        assert ask_and_send(client, words).status_code == 302
        assert told in client.get(ADDRESS).content.decode()


def test_every_form_says_what_is_done() -> None:
    assert all(action.done for action in {action.words: action for action in reversed(ACTIONS)}.values())


def test_what_would_be_refused_is_told_beforehand_and_refused_with_the_state(
    quiet_world: World, signed_in_with: SignedIn, ask_and_send: Send
) -> None:
    quiet_world("latched")
    client = signed_in_with("view", "ramp")
    asked = client.get(f"{ADDRESS}do/set/", {"show": "1", "percent": "5"})
    assert "stays at 0 % until somebody acknowledges" in asked.context["preview"].refusal
    answer = ask_and_send(client, "set", percent="5")
    assert (answer.status_code, rollout_now().weight_bp) == (409, 0)
    assert "Nothing was changed" in answer.content.decode()


@pytest.mark.parametrize(
    ("words", "permission"),
    [
        ("set", "ramp"),
        ("ack", "ramp"),
        ("allow/add", "ramp"),
        ("rollback", "rollback"),
        ("lifecycle/sunset", "lifecycle"),
    ],
)
def test_each_verb_needs_its_own_permission(
    quiet_world: World, signed_in_with: SignedIn, words: str, permission: str
) -> None:
    quiet_world("middle")
    version = rollout_now().version
    others = signed_in_with(*(name for name in ALL if name != permission))
    sent = {"percent": "1", "identity": "user:1", "reason": "x", "expected_version": str(version)}
    assert others.get(f"{ADDRESS}do/{words}/").status_code == 403
    assert others.post(f"{ADDRESS}do/{words}/", sent).status_code == 403
    assert signed_in_with("view", permission).get(f"{ADDRESS}do/{words}/").status_code == 200
    assert rollout_now().version == version


@pytest.mark.parametrize("words", ["hold", "status", "lifecycle", "allow/list", "x"])
def test_what_is_no_change_has_no_form(quiet_world: World, signed_in_with: SignedIn, words: str) -> None:
    quiet_world("zero")
    assert signed_in_with(*ALL).get(f"{ADDRESS}do/{words}/").status_code == 404


def test_a_change_needs_the_token_of_the_form(quiet_world: World, signed_in_with: SignedIn) -> None:
    quiet_world("middle")
    user_client = signed_in_with(*ALL)
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = user_client.cookies
    assert strict.post(f"{ADDRESS}do/rollback/", {"reason": "x", "expected_version": "1"}).status_code == 403
    assert not rollout_now().latched


def test_somebody_is_put_on_a_list_and_taken_off_again(
    quiet_world: World, signed_in_with: SignedIn, ask_and_send: Send
) -> None:
    quiet_world("zero")
    client = signed_in_with("view", "ramp")
    assert ask_and_send(client, "allow/add", identity="client:née & co").status_code == 302
    assert "client%3An%C3%A9e%20%26%20co" in client.get(ADDRESS).content.decode()
    assert ask_and_send(client, "allow/remove", identity="client:née & co").status_code == 302
    assert not ListEntry.objects.exists()


def test_a_plan_is_started_paused_resumed_and_promoted(
    quiet_world: World, signed_in_with: SignedIn, ask_and_send: Send
) -> None:
    quiet_world("zero")
    client = signed_in_with("view", "ramp")
    asked = client.get(f"{ADDRESS}do/start/", {"show": "1", "plan": "5,50", "min_minutes": "0.5", "fresh_cohort": "on"})
    assert any("fresh cohort" in note.lower() for note in asked.context["preview"].notes)
    assert not any(move.names for move in asked.context["preview"].moves)
    ask_and_send(client, "start", plan="5,50", min_minutes="0.5", fresh_cohort="on")
    assert plan_now().items() >= {"steps_bp": [500, 5_000], "min_s": 30.0, "state": "running"}.items()
    for words, state in (("pause", "paused"), ("resume", "running"), ("promote", "done")):
        assert ask_and_send(client, words).status_code == 302
        assert plan_now()["state"] == state
    assert rollout_now().weight_bp == 5_000


def test_the_life_of_v1_is_changed_with_an_account_of_who_moves_when(
    quiet_world: World, signed_in_with: SignedIn, ask_and_send: Send, now: datetime.datetime
) -> None:
    quiet_world("middle")
    client = signed_in_with("view", "lifecycle")

    def moment(days: int) -> str:
        return f"{now + datetime.timedelta(days=days):%Y-%m-%dT%H:%M}"

    asked = client.get(f"{ADDRESS}do/lifecycle/deprecate/", {"show": "1", "sunset": moment(200)})
    assert "100 %" in asked.context["preview"].refusal
    assert re.search(r'name="override"[^>]*> Override the guards', asked.content.decode().partition('"post"')[2])
    assert ask_and_send(client, "lifecycle/deprecate", sunset=moment(200), override="on").status_code == 302
    window = {"from": moment(60), "to": moment(61), "override": "on"}
    asked = client.get(f"{ADDRESS}do/lifecycle/brownout/add/", {"show": "1", **window})
    assert [move.target for move in asked.context["preview"].during] == ["v2"]
    assert asked.context["preview"].moves == ()
    assert ask_and_send(client, "lifecycle/brownout/add", **window).status_code == 302
    assert rollout_now().lifecycle["state"] == BROWNOUT
    ConsumerUsage.objects.all().delete()
    asked = client.get(f"{ADDRESS}do/lifecycle/sunset/", {"show": "1", "override": "on"})
    assert asked.context["preview"].alarm == ""
    anonymous = {"day": now.date(), "kind": "anon", "route": "GET /posts", "calls": 1_204, "last_seen_at": now}
    ConsumerUsage.objects.create(**anonymous)
    asked = client.get(f"{ADDRESS}do/lifecycle/sunset/", {"show": "1", "override": "on"})
    assert "without a proven name in the last 14 days: 1,204 of 1,204. " in asked.context["preview"].alarm
    assert ask_and_send(client, "lifecycle/sunset", override="on").status_code == 302
    assert rollout_now().lifecycle["state"] == SUNSET
    assert ask_and_send(client, "lifecycle/restore").status_code == 302


def test_the_consumers_that_would_be_told_are_named_and_none_is_told_by_asking(
    quiet_world: World, signed_in_with: SignedIn
) -> None:
    quiet_world("brownout")
    jobs = Job.objects.count()
    asked = signed_in_with("view", "lifecycle").get(f"{ADDRESS}do/lifecycle/notify/")
    (note,) = asked.context["preview"].notes
    assert note.startswith("60 consumers of v1 would get a mail")
    assert Job.objects.count() == jobs


def test_the_rollout_row_is_not_made_by_asking(db: None, signed_in_with: SignedIn) -> None:
    assert signed_in_with("view", "ramp").get(f"{ADDRESS}do/set/", {"show": "1", "percent": "5"}).status_code == 200
    assert not Rollout.objects.exists()


def test_a_difference_is_accepted_by_the_link_beside_it(
    quiet_world: World, signed_in_with: SignedIn, ask_and_send: Send
) -> None:
    quiet_world("held")
    client = signed_in_with("view", "ramp")
    [address, *_] = re.findall(r'href="([^"]*do/differences/accept/[^"]*)"', client.get(ADDRESS).content.decode())
    asked = client.get(html.unescape(address))
    assert "Accept the difference now" in asked.content.decode()
    name = asked.context["options"].cleaned_data
    assert ask_and_send(client, "differences/accept", reason="rounded otherwise; as agreed", **name).status_code == 302
    assert client.get(ADDRESS).context["events"][0]["why"] == "rounded otherwise; as agreed"
    accepted = AcceptedDifference.objects.get()
    assert (accepted.route, accepted.path, accepted.kind) == (name["route"], name["path"], name["kind"])
    assert ask_and_send(client, "differences/revoke", reason="not so benign", **name).status_code == 302
    assert not AcceptedDifference.objects.exists()


def test_one_consumer_gets_an_extension_and_another_a_brownout_and_the_page_shows_both(
    quiet_world: World, signed_in_with: SignedIn, ask_and_send: Send, now: datetime.datetime
) -> None:
    quiet_world("brownout")
    client = signed_in_with("view", "lifecycle")
    moment = (now + datetime.timedelta(days=900)).strftime("%Y-%m-%dT%H:%M")
    refused = client.get(f"{ADDRESS}do/lifecycle/extend/", {"show": "1", "consumer": "client:app", "until": moment})
    assert "Anybody can send the name client:app" in refused.context["refusal"]
    assert (
        "Give either the date"
        in client.get(f"{ADDRESS}do/lifecycle/extend/", {"show": "1", "consumer": "key:ab"}).context["refusal"]
    )
    assert ask_and_send(client, "lifecycle/extend", consumer="key:ab", until=moment).status_code == 302
    start, end = (f"{now + datetime.timedelta(minutes=one):%Y-%m-%dT%H:%M}" for one in (-5, 60))
    window = {"from": start, "to": end, "consumer": "client:app", "override": "on"}
    assert ask_and_send(client, "lifecycle/brownout/add", **window).status_code == 302
    shown = client.get(ADDRESS)
    assert [name for name, _ in shown.context["own_ends"]] == ["key:ab", "client:app"]
    assert "a brownout of its own" in shown.content.decode()
    assert ask_and_send(client, "lifecycle/extend", consumer="key:ab", off="on").status_code == 302
    assert ask_and_send(client, "lifecycle/brownout/end").status_code == 302
    assert client.get(ADDRESS).context["own_ends"] == []
