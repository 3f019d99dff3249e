"""The page in the second journey: every word of its own says v2 and v3, and no text of a person changes."""

import re
from collections.abc import Callable

import pytest
from django.test import Client
from django.utils.translation import gettext
from pytest_django.fixtures import Settings

from canary.core.names import FIRST, Names, in_names
from canary.models import Rollout, RolloutEvent, Verdict
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
        arms = dict(zip("23", settings.CANARY["ARMS"].values(), strict=True))
        settings.CANARY = {**settings.CANARY, "STABLE": "2", "CANDIDATE": "3", "ARMS": arms}
        store.refresh()

    return show


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
