"""What a plan can find, on the page: shown before the button, with a step down in red."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from canary.models import Rollout, RolloutEvent
from tests.canary.pages.conftest import ADDRESS

pytestmark = pytest.mark.django_db
Run = Callable[..., str]
SignedIn = Callable[..., Client]
WHY = ("--reason", "for the test")


def test_the_form_begins_above_the_weight(signed_in_with: SignedIn, run_canary: Run) -> None:
    run_canary("set", "20", *WHY)
    page = signed_in_with("view", "ramp").get(f"{ADDRESS}do/start/").content.decode()
    assert 'value="50,90,100"' in page
    assert re.findall(r'name="max_(errors|slowdown)" value="([^"]+)"', page) == [("errors", "2"), ("slowdown", "3")]
    assert "Start although it can hardly pass" in page


def test_the_page_shows_what_a_plan_can_find_before_the_button(
    signed_in_with: SignedIn, ask_and_send: Callable[..., Any], few_people: None
) -> None:
    client = signed_in_with("view", "ramp")
    page = client.get(f"{ADDRESS}do/start/", {"show": "1", "plan": "10,100"}).content.decode()
    before, _, _ = page.partition("Start a plan now")
    assert "10 %: about 40 users of v2" in before
    assert "This would be refused:" in before
    assert "With fewer than 50 clients, a crossover finds more." in before
    assert ask_and_send(client, "start", plan="10,100").status_code == 409


def test_the_refusal_names_no_word_of_the_command_line_and_has_a_box_to_start_all_the_same(
    signed_in_with: SignedIn, few_people: None
) -> None:
    client, address = signed_in_with("view", "ramp"), f"{ADDRESS}do/start/"
    asked = client.get(address, {"show": "1", "plan": "10,100"})
    _, _, form = asked.content.decode().partition('method="post"')
    assert re.search(r'<input type="checkbox" name="accept_low_power"[^>]*> Start although it can hardly pass', form)
    assert asked.context is not None
    sent = dict(asked.context["options"].sent) | {"reason": "a test", "expected_version": "0"}
    refused = client.post(address, sent)
    assert (refused.status_code, Rollout.objects.exists()) == (409, False)
    for answer in (asked, refused):
        own = answer.content.decode().partition('class="canary canary-form"')[2]
        assert "can hardly pass in" in own
        assert not re.search(r"--[a-z]", re.sub(r"<[^>]+>", "", own.partition("</form>")[0]))
    assert client.post(address, sent | {"accept_low_power": "on"}).status_code == 302
    assert (RolloutEvent.objects.get().evidence or {})["is_low_power_accepted"] is True


def test_a_box_that_was_ticked_stays_so_when_the_reason_is_missing(signed_in_with: SignedIn, few_people: None) -> None:
    sent = {"plan": "10,100", "accept_low_power": "on", "reason": "", "expected_version": "0"}
    answer = signed_in_with("view", "ramp").post(f"{ADDRESS}do/start/", sent)
    assert answer.status_code == 422
    assert '<input type="hidden" name="accept_low_power" value="True">' in answer.content.decode()


def test_a_plan_that_can_pass_has_no_such_box_beside_its_button(signed_in_with: SignedIn, few_people: None) -> None:
    page = signed_in_with("view", "ramp").get(f"{ADDRESS}do/start/", {"show": "1", "plan": "60,100"}).content.decode()
    assert "accept_low_power" not in page
    assert "a crossover finds more" not in page


def test_a_step_down_is_named_in_red(signed_in_with: SignedIn, run_canary: Run) -> None:
    run_canary("set", "50", *WHY)
    client = signed_in_with("view", "ramp")
    asked = client.get(f"{ADDRESS}do/start/", {"show": "1", "plan": "10,100"}).content.decode()
    assert (
        '<p class="canary-banner canary-bad" role="alert"><strong>This is a step down: the plan begins at 10 %' in asked
    )
    assert "step down" not in client.get(f"{ADDRESS}do/start/", {"show": "1", "plan": "60,100"}).content.decode()
