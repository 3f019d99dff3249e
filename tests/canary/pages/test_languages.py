"""The page of the rollout in Japanese: whole, with the same figures, and as many statements as in English."""

import re
from collections.abc import Callable

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from canary.pages.actions import ACTIONS
from cms.models import User
from tests.canary.pages import worlds
from tests.canary.pages.conftest import ADDRESS

World = Callable[[str], None]
SignedIn = Callable[..., Client]
ALL = ("view", "ramp", "rollback", "lifecycle")
ENGLISH = re.compile(r"\b[A-Za-z]{2,} [A-Za-z']{2,}\b")
NAMES = re.compile(
    r"\b(GET|POST|UTC|API|SQL|CSV|Tandem|(?:lifecycle|crossover) [a-z]+|allow add|exclude add)\b|/\S*|`[^`]*`"
)
WRITTEN = re.compile(r"<(script|style|code)\b.*?</\1>|<table[^>]*canary-(?:log|listed).*?</table>|<[^>]*>", re.DOTALL)
"""Marks, code, and the tables with reasons that people have written."""


@pytest.fixture
def japanese(signed_in_with: SignedIn) -> Client:
    client = signed_in_with(*ALL)
    User.objects.update(language="ja")
    return client


def english_in(page: str, place: str = 'id="canary"') -> list[str]:
    _, _, content = page.partition(place)
    lines = [NAMES.sub("", line) for line in WRITTEN.sub("\n", content).splitlines()]
    return [line.strip() for line in lines if ENGLISH.search(line) and line.strip() not in worlds.LONG]


@pytest.mark.parametrize("name", ["empty", *worlds.WORLDS])
def test_every_world_is_in_japanese(quiet_world: World, japanese: Client, name: str) -> None:
    quiet_world(name)
    page = japanese.get(ADDRESS).content.decode()
    assert 'lang="ja"' in page
    assert english_in(page) == []


def test_the_migration_board_is_in_japanese(quiet_world: World, japanese: Client) -> None:
    quiet_world("migrating")
    page = japanese.get(f"{ADDRESS}consumers/").content.decode()
    assert "個別のブラウンアウト：" in page
    assert english_in(page, 'id="canary-board"') == []


@pytest.mark.parametrize("words", sorted({action.words for action in ACTIONS}))
def test_every_form_is_in_japanese(quiet_world: World, japanese: Client, words: str) -> None:
    quiet_world("middle")
    page = japanese.get(f"{ADDRESS}do/{words}/").content.decode()
    _, _, form = page.partition('class="canary canary-form"')
    lines = [NAMES.sub("", line) for line in WRITTEN.sub("\n", form).splitlines()]
    assert [line.strip() for line in lines if ENGLISH.search(line)] == []


def test_a_change_is_made_and_told_in_japanese(
    quiet_world: World, japanese: Client, ask_and_send: Callable[..., object]
) -> None:
    quiet_world("zero")
    ask_and_send(japanese, "set", percent="25")
    page = japanese.get(ADDRESS).content.decode()
    assert "割合を設定しました。" in page
    assert "識別子の25 %に v2 が応答しています。" in page


def test_a_refusal_is_told_in_japanese(quiet_world: World, japanese: Client) -> None:
    quiet_world("latched")
    page = japanese.get(f"{ADDRESS}do/set/", {"show": "1", "percent": "25"}).content.decode()
    assert "ロールバックされたため、誰かが確認するまで0 %のままです。" in page
    page = japanese.get(f"{ADDRESS}do/set/", {"show": "1", "percent": "x"}).content.decode()
    assert "割合ではありません" in page


def test_another_language_costs_no_statement(quiet_world: World, japanese: Client) -> None:
    quiet_world("middle")
    counts = []
    for language in ("ja", "en"):
        User.objects.update(language=language)
        japanese.get(ADDRESS)
        with CaptureQueriesContext(connection) as asked:
            japanese.get(ADDRESS)
        counts.append(len(asked))
    assert counts[0] == counts[1]
