"""The migration board as a page and as a command: bounded, for those who may look, with a way to each change."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from canary.models import ConsumerUsage
from cms.models import User
from tests.canary.pages.conftest import ADDRESS

World = Callable[[str], None]
SignedIn = Callable[..., Client]
BOARD = f"{ADDRESS}consumers/"


@pytest.fixture
def author(make_user: Callable[..., User], now: Any, quiet_world: World) -> User:
    """Of all consumers the one with the most calls."""
    quiet_world("brownout")
    user = make_user("author")
    ConsumerUsage.objects.create(
        day=now.date(), kind="user", identifier=str(user.pk), route="GET /posts", calls=10**9, last_seen_at=now
    )
    return user


def test_the_board_shows_its_consumers_by_pages(author: User, signed_in_with: SignedIn) -> None:
    client = signed_in_with("view")
    first, second = client.get(BOARD), client.get(BOARD, {"page": "2"})
    rows = [*first.context["rows"], *second.context["rows"]]
    calls = [row.known["calls"] for row in rows]
    assert calls == sorted(calls, reverse=True)
    assert len({row.known["consumer"] for row in rows}) == len(rows) == 50
    assert f"{author.username} <code>user:{author.pk}</code>" in first.content.decode()
    assert 'href="?page=2"' in first.content.decode()
    assert [row.known["consumer"] for row in rows if row.is_made_up] == [f"user:{author.pk}"]
    assert first.content.decode().count("not proven by a credential") == 1
    for page in ("0", "-1", "x", "9" * 20, "٣"):
        assert client.get(BOARD, {"page": page}).context["board"]["page"] == 1


def test_an_address_and_the_changes_are_for_those_who_may(author: User, signed_in_with: SignedIn) -> None:
    reader, keeper = signed_in_with("view"), signed_in_with("view", "lifecycle")
    way = f"do/lifecycle/extend/?consumer=user%3A{author.pk}"
    for client, has_way, has_address in (
        (reader, False, False),
        (keeper, True, False),
        (signed_in_with(role="admin"), True, True),
    ):
        said = client.get(BOARD).content.decode()
        assert (way in said, f"mailto:{author.email}" in said) == (has_way, has_address)
    form = keeper.get(f"{ADDRESS}{way}").content.decode()
    assert f'value="user:{author.pk}"' in form
    assert signed_in_with().get(BOARD).status_code == 403
    assert Client().get(BOARD).status_code == 302


def test_the_command_says_the_same_with_addresses_and_the_control_api_without(
    author: User, run_canary: Callable[..., str], client_of: Callable[[User], Client], admin: User
) -> None:
    said = run_canary("consumers")
    assert said.startswith("61 consumers of v1 in the last 30 days, page 1 of 3; v1 is brownout.\n")
    assert f"user:{author.pk}, {author.username} <{author.email}>\n" in said
    assert "1000000000 calls, 0 refused, by unknown agent" in said
    assert said.count("not proven by a credential") == 1
    first = json.loads(run_canary("consumers", "--json"))["consumers"][0]
    assert first["contact"]["address"] == author.email
    asked = client_of(admin).get("/canary/api/consumers", {"page": "1"}).json()["consumers"][0]
    assert (asked["consumer"], asked["contact"]) == (f"user:{author.pk}", None)
    assert asked["name"] == author.username


def test_nobody_called_v1(quiet_world: World, signed_in_with: SignedIn, run_canary: Callable[..., str]) -> None:
    quiet_world("empty")
    assert "Nobody called v1." in signed_in_with("view").get(BOARD).content.decode()
    assert run_canary("consumers") == "0 consumers of v1 in the last 30 days, page 1 of 1; v1 is active.\n"
