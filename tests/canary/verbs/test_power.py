"""`power` and `start`: what is said of a plan, what is refused, and what the event keeps of it."""

import datetime
import json
from collections.abc import Callable

import pytest
from django.core.management import CommandError

from canary import services
from canary.models import Rollout, RolloutEvent

pytestmark = pytest.mark.django_db
Run = Callable[..., str]
WHY = ("--reason", "for the test")


def test_a_plan_is_asked_about_without_being_started(run_canary: Run, few_people: None) -> None:
    told = json.loads(run_canary("power", "--plan", "10,50", "--json"))
    assert [step["weight_bp"] for step in told["steps"]] == [1_000, 5_000]
    assert told["better_steps_bp"][0] > 1_000
    lines = run_canary("power", "--plan", "10,50").splitlines()
    assert "400 people used the entrance" in lines[0]
    assert lines[1].startswith("  10 %: about 40 users of v2")
    assert "can hardly pass" in lines[-1]
    assert not Rollout.objects.exists()


def test_a_plan_that_can_hardly_pass_is_refused_unless_that_is_accepted(run_canary: Run, few_people: None) -> None:
    with pytest.raises(CommandError, match=r"10 % can hardly pass .*--accept-low-power"):
        run_canary("start", *WHY)
    assert not RolloutEvent.objects.exists()
    told = json.loads(run_canary("start", "--accept-low-power", *WHY, "--json"))
    assert (told["weight_bp"], told["plan"]["state"]) == (1_000, "running")
    assert RolloutEvent.objects.get().evidence == {"power": told["power"], "is_low_power_accepted": True}


def test_a_plan_that_can_pass_is_started_with_what_is_known_of_it(run_canary: Run, few_people: None) -> None:
    said = run_canary("start", "--plan", "60,100", *WHY)
    assert said.startswith("60 % of identities are answered by v2.")
    assert "  60 %: about 240 users of v2" in said
    assert RolloutEvent.objects.filter(evidence__is_low_power_accepted=False).exists()


def test_on_an_empty_site_a_plan_starts_and_says_that_nothing_is_known(run_canary: Run) -> None:
    assert "10 %: nothing is known." in run_canary("start", *WHY)


@pytest.mark.parametrize(("percent", "steps"), [("10", [5_000, 9_000, 10_000]), ("95", [10_000])])
def test_a_plan_without_steps_begins_above_the_weight(run_canary: Run, percent: str, steps: list[int]) -> None:
    run_canary("set", percent, *WHY)
    assert json.loads(run_canary("start", *WHY, "--json"))["plan"]["steps_bp"] == steps


def test_above_everything_there_is_no_plan_without_steps(run_canary: Run) -> None:
    run_canary("set", "100", *WHY)
    for words in (("power",), ("start", *WHY)):
        with pytest.raises(CommandError, match="v2 has 100 % already"):
            run_canary(*words)


def test_the_latch_is_told_before_the_power(run_canary: Run, few_people: None, now: datetime.datetime) -> None:
    services.roll_back(actor="test", reason="a test", now=now)
    with pytest.raises(CommandError, match="acknowledges"):
        run_canary("start", *WHY)
