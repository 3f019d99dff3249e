"""What a plan can find, on the page: shown before the button, with a step down in red."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from tests.canary.pages.conftest import ADDRESS

pytestmark = pytest.mark.django_db
Run = Callable[..., str]
SignedIn = Callable[..., Client]
WHY = ("--reason", "for the test")


def test_the_form_begins_above_the_weight(signed_in_with: SignedIn, run_canary: Run) -> None:
    run_canary("set", "20", *WHY)
    page = signed_in_with("view", "ramp").get(f"{ADDRESS}do/start/").content.decode()
    assert 'value="50,90,100"' in page
    assert "Accept low power" in page


def test_the_page_shows_what_a_plan_can_find_before_the_button(
    signed_in_with: SignedIn, ask_and_send: Callable[..., Any], few_people: None
) -> None:
    client = signed_in_with("view", "ramp")
    page = client.get(f"{ADDRESS}do/start/", {"show": "1", "plan": "10,100"}).content.decode()
    before, _, _ = page.partition("Start a plan now")
    assert "10 %: about 40 users of v2" in before
    assert "This would be refused:" in before
    assert ask_and_send(client, "start", plan="10,100").status_code == 409
    assert ask_and_send(client, "start", plan="10,100", accept_low_power="on").status_code == 302


def test_a_step_down_is_named_in_red(signed_in_with: SignedIn, run_canary: Run) -> None:
    run_canary("set", "50", *WHY)
    client = signed_in_with("view", "ramp")
    asked = client.get(f"{ADDRESS}do/start/", {"show": "1", "plan": "10,100"}).content.decode()
    assert (
        '<p class="canary-banner canary-bad" role="alert"><strong>This is a step down: the plan begins at 10 %' in asked
    )
    assert "step down" not in client.get(f"{ADDRESS}do/start/", {"show": "1", "plan": "60,100"}).content.decode()
