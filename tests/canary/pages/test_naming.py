"""The page in the second journey: every word of its own says v2 and v3, and no text of a person changes."""

import datetime
import re
from collections.abc import Callable

import pytest
from django.http import HttpResponse
from django.test import Client
from django.utils.translation import gettext
from pytest_django.fixtures import Settings

from canary.core.lifecycle import ACTIVE, SUNSET, Life, dump_life
from canary.core.names import FIRST, Names, in_names
from canary.models import Rollout, RolloutEvent, Verdict, Worker
from canary.pages.naming import naming
from canary.pages.overview import rollout_line
from canary.state import store
from tests.canary.pages.conftest import ADDRESS

REASON = "v1 was tidy, said mia"


@pytest.fixture
def second_journey(world: Callable[[str], None], settings: Settings) -> Callable[[str], None]:
    def show(name: str) -> None:
        world(name)
        Rollout.objects.update(stable="2", candidate="3")
        RolloutEvent.objects.update(reason=REASON)
        for verdict in Verdict.objects.all():
            verdict.sentence = in_names(verdict.sentence, Names("2", "3"))
            verdict.save()
        lead_on(settings)

    return show


def test_a_button_begins_it(
    quiet_world: Callable[[str], None],
    settings: Settings,
    signed_in_with: Callable[..., Client],
    ask_and_send: Callable[..., HttpResponse],
    now: datetime.datetime,
) -> None:
    quiet_world("zero")
    Worker.objects.update(seen_at=now + datetime.timedelta(hours=1))  # heard of, however long the pages take
    client = signed_in_with("view", "lifecycle")
    assert "lifecycle/advance" not in client.get(ADDRESS).content.decode()
    Rollout.objects.update(lifecycle=dump_life(Life(state=SUNSET, deprecated_at=1, sunset_at=2, sunset_done_at=2)))
    lead_on(settings)
    assert ask_and_send(client, "lifecycle/advance").status_code == 409, "processes of before still answer"
    Worker.objects.all().delete()
    assert "do/lifecycle/advance/" in client.get(ADDRESS).content.decode()
    assert ask_and_send(client, "lifecycle/advance").status_code == 302
    row = Rollout.objects.get()
    assert (row.names, row.weight_bp, row.lifecycle["state"]) == (Names("2", "3"), 0, ACTIVE)
    page = client.get(ADDRESS).content.decode()
    assert "The next journey has begun: nobody has moved." in page
    assert "do/lifecycle/advance/" not in page


def lead_on(settings: Settings) -> None:
    """Name the versions of the second journey in the settings."""
    arms = dict(zip("23", settings.CANARY["ARMS"].values(), strict=True))
    settings.CANARY = {**settings.CANARY, "STABLE": "2", "CANDIDATE": "3", "ARMS": arms}
    store.refresh()


def words_of(client: Client, language: str, address: str = ADDRESS) -> str:
    page = client.get(address, headers={"accept-language": language})
    assert page.status_code == 200
    text = re.sub(r"<(style|script)[^>]*>.*?</\1>|<[^>]+>", " ", page.content.decode(), flags=re.DOTALL)
    return text.replace(REASON, "")


@pytest.mark.parametrize("language", ["en", "ja"])
@pytest.mark.parametrize("name", ["middle", "latched", "brownout"])
def test_all_its_own_words_have_the_names_in_force(
    second_journey: Callable[[str], None], signed_in_with: Callable[..., Client], name: str, language: str
) -> None:
    second_journey(name)
    text = words_of(signed_in_with("view", "ramp", "rollback", "lifecycle"), language)
    assert "v3" in text
    assert [text[max(0, found.start() - 40) : found.end() + 40] for found in re.finditer(r"(?<!/)\bv1\b", text)] == []


def test_the_board_has_the_names_in_force(
    second_journey: Callable[[str], None], signed_in_with: Callable[..., Client], run_canary: Callable[..., str]
) -> None:
    second_journey("brownout")
    said, client, board = run_canary("consumers"), signed_in_with("view"), f"{ADDRESS}consumers/"
    text = words_of(client, "en", board)
    assert {row.known["version"]["api_version"] for row in client.get(board).context["rows"]} == {3}
    assert said.startswith("60 consumers of v2 in the last 30 days, page 1 of 3; v2 is brownout.\n")
    assert "\n  on v3: lifecycle_brownout, bucket " in said
    assert [found for words in (text, said) for found in re.findall(r"(?<!/)\bv1\b.{40}", words)] == []


def test_what_a_person_wrote_stays(
    second_journey: Callable[[str], None], signed_in_with: Callable[..., Client]
) -> None:
    second_journey("middle")
    assert REASON in signed_in_with("view").get(ADDRESS).content.decode()


def test_a_form_says_them_too(second_journey: Callable[[str], None], signed_in_with: Callable[..., Client]) -> None:
    second_journey("middle")
    text = words_of(signed_in_with("view", "ramp"), "en", f"{ADDRESS}do/set/")
    assert "Set v3&#x27;s share" in text


def test_messages_are_the_languages_own_again_afterwards() -> None:
    with naming(Names("2", "3")):
        assert gettext("v2 does harm") == "v3 does harm"
    assert gettext("v2 does harm") == "v2 does harm"
    with naming(FIRST):
        assert gettext("v2 does harm") == "v2 does harm"


def test_the_line_for_other_pages_says_them(
    second_journey: Callable[[str], None], signed_in_with: Callable[..., Client]
) -> None:
    second_journey("middle")
    request = signed_in_with("view").get(ADDRESS).wsgi_request
    line = rollout_line(request)
    assert line is not None
    assert line[0].startswith("v3: ")
