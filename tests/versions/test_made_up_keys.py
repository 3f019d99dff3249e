"""API keys that strangers make up: no cookie carries them, none counts as a consumer of v1, and no sunset waits for them."""

from collections.abc import Iterator

import pytest
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone

from canary.core.values import Identity
from canary.models import ConsumerUsage, Rollout
from canary.recording.flushing import flush
from canary.reporting.board import migration_board
from canary.requests.identity import COOKIE, parse_cookie, write_cookie
from canary.retiring.usage import Calls, recent_calls
from canary.services import life as services
from canary.state import store
from cms.models import User
from cms.services.api_keys import create_api_key
from cms.tokens.api_keys import make_raw_key, prefix_of
from tests.canary.seeing import fresh_recorder
from tests.versions.test_end_for_consumers import change, deprecate

POSTS = "/api/v1/posts"
STRANGERS = 105


@pytest.fixture(autouse=True)
def recorder() -> Iterator[None]:
    with fresh_recorder():
        yield


@pytest.fixture
def real(admin: User) -> str:
    fields = {"name": "mobile", "scopes": ["posts:read"]}
    return create_api_key(actor=admin, owner=admin, fields=fields, now=timezone.now()).raw_key  # type: ignore[arg-type]


def browser_of(identity: Identity) -> Client:
    """A browser with a cookie that an earlier release has signed."""
    response, browser = HttpResponse(), Client()
    write_cookie(response, identity)
    browser.cookies[COOKIE] = response.cookies[COOKIE].value
    return browser


def usage() -> set[tuple[str, str, int, bool]]:
    flush()
    return {*ConsumerUsage.objects.values_list("kind", "identifier", "calls", "is_vouched")}


def test_a_cookie_carries_a_key_only_once_a_view_has_let_it_in(real: str, db: None) -> None:
    browser = Client()
    for wrong in (make_raw_key(), f"{real[:-4]}aaaa"):
        assert browser.get("/api/posts", headers={"x-api-key": wrong}).status_code == 401
        assert COOKIE not in browser.cookies
    assert browser.get("/api/posts", headers={"x-api-key": real}).status_code == 200
    assert parse_cookie(browser.cookies[COOKIE].value) == ("key", prefix_of(real))


def test_the_cookie_of_a_key_is_kept_when_another_one_is_refused(real: str) -> None:
    browser = Client()
    browser.get("/api/posts", headers={"x-api-key": real})
    browser.get("/api/posts", headers={"x-api-key": make_raw_key()})
    assert parse_cookie(browser.cookies[COOKIE].value) == ("key", prefix_of(real))


def test_calls_count_for_a_key_only_with_the_key(real: str) -> None:
    prefix = prefix_of(real)
    assert prefix
    for cookie in (Identity("key", prefix), Identity("key", "abcdefghijklmnop")):
        for path in (POSTS, "/api/posts"):
            assert browser_of(cookie).get(path)["API-Version"] == "1"
    Client().get(POSTS, headers={"x-api-key": f"{real[:-4]}aaaa"})
    Client().get(POSTS, headers={"x-api-key": real})
    assert usage() == {("anon", "", 5, False), ("key", prefix, 1, True)}


def test_a_session_does_not_prove_the_key_of_a_cookie(admin: User) -> None:
    browser = browser_of(Identity("key", "abcdefghijklmnop"))
    browser.force_login(admin)
    assert browser.get(POSTS).status_code == 200
    assert usage() == {("anon", "", 1, False)}


def test_no_sunset_waits_for_keys_that_are_made_up(real: str) -> None:
    """In a brownout no view looks at a key: its name is kept, and proves nothing."""
    deprecate()
    for _ in range(2):
        Client().get(POSTS, headers={"x-api-key": real})
    change(services.add_brownout, window=(0, int(timezone.now().timestamp()) + 60), is_override=True)
    for _ in range(STRANGERS):
        assert Client().get(POSTS, headers={"x-api-key": make_raw_key()}).status_code == 410
    change(services.end_brownout)
    name = f"key:{prefix_of(real)}"
    flush()
    facts = services.facts_about(Rollout.objects.get(), timezone.now())
    assert (facts.unnotified, facts.untold, len(facts.unproven)) == ((name,), (name,), STRANGERS)
    assert recent_calls(timezone.now()) == Calls(STRANGERS + 2, STRANGERS)
    board = migration_board(timezone.now())
    assert (board["count"], [one["is_proven"] for one in board["consumers"]].count(True)) == (STRANGERS + 1, 1)
    change(services.sunset, is_override=True, is_told_only=True)
    assert list(store.current_snapshot().life.extensions) == [name]


def test_no_sunset_waits_for_anonymous_calls_until_a_real_key_calls(real: str) -> None:
    deprecate()
    for headers in ({}, {"x-client-id": "app"}, {"x-api-key": make_raw_key()}):
        Client().get(POSTS, headers=headers)
    flush()
    facts = services.facts_about(Rollout.objects.get(), timezone.now())
    assert (facts.last_reached_at, recent_calls(timezone.now())) == (None, Calls(3, 3))
    Client().get(POSTS, headers={"x-api-key": real})
    flush()
    facts = services.facts_about(Rollout.objects.get(), timezone.now())
    assert (facts.last_reached_at, recent_calls(timezone.now())) == (facts.last_call_at, Calls(4, 3))
