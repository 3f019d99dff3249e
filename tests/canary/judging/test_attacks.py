"""Nobody presses the button of the rollback from outside, nor jams it: by real requests, recorder and controller."""

import datetime
from collections.abc import Callable, Iterator
from itertools import batched, chain
from typing import Any

import pytest
from django.test import Client

from canary.core.bucketing import bucket
from canary.core.judgements import Judgement
from canary.core.values import Identity
from canary.models import Observation, Rollout
from canary.recording.flushing import flush
from canary.state import store
from cms import limits
from cms.models import User
from cms.services.api_keys import create_api_key, revoke_api_key
from cms.services.sessions import open_session
from cms.services.users import register_user
from tests.canary.judging.conftest import Change, row
from tests.canary.seeing import ARMS, fresh_recorder
from tests.slow import slow

LET_IN = {1: "tests.canary.let_in_urls_v1", 2: "tests.canary.let_in_urls_v2"}
GOOD, BAD, ORDERS, NOTES = "/api/things", "/api/things?status=500", "/api/orders", "/api/notes"
LOGIN, ENTRIES = "/api/login", "/api/entries"
REFUSED = "/api/things?status=404"
ROBOT = {"user-agent": "a-robot/1.0 (+bot)"}
KEYS, PEOPLE, CHOOSING = 200, 60, 16
Turn = Callable[[], Judgement | None]
Headers = dict[str, str]
Ask = Callable[[Client, Headers], None]


@pytest.fixture
def half(rollout: Callable[..., None], change: Change) -> Iterator[Rollout]:
    """A plan whose first step sends half of all identities to v2."""
    rollout(0, **ARMS | {"ARMS": LET_IN})
    with fresh_recorder():
        started = change("start_plan", steps_bp=[5_000, 10_000], min_s=600, is_fresh_cohort=True)
        store.refresh()
        yield started


@pytest.fixture
def browser(half: Rollout) -> Client:
    """One for all requests: each new one would load the middleware."""
    return Client(raise_request_exception=False)


@pytest.fixture
def newcomer(now: datetime.datetime) -> User:
    return registered("newcomer", now)


def registered(name: str, now: datetime.datetime) -> User:
    """Somebody whom nobody vouches for."""
    fields: Any = {"username": name, "email": f"{name}@example.org"}
    return register_user(fields=fields, password="a long enough pass-phrase", now=now)


@pytest.fixture
def people(half: Rollout, make_user: Callable[..., User], now: datetime.datetime) -> list[Headers]:
    """Each with an account that somebody vouches for, and a token of it; by turns one is on v1 and one on v2."""
    sides: dict[bool, list[User]] = {False: [], True: []}
    while min(map(len, sides.values())) < PEOPLE // 2:
        user = make_user("author")
        sides[bucket(Identity("user", str(user.pk)), half.salt) < half.weight_bp].append(user)
    users = chain.from_iterable(zip(*sides.values(), strict=False))
    return [{"authorization": f"Bearer {open_session(user=user, now=now).access_token}"} for user in users]


def keys_of(owner: User, count: int, now: datetime.datetime) -> Iterator[Headers]:
    """As many as an owner may have at once, then others in their place."""
    fields: Any = {"name": "k", "scopes": ["posts:read"]}
    for numbers in batched(range(count), limits.LIVE_KEYS_MAX):
        issued = [create_api_key(actor=owner, owner=owner, fields=fields, now=now) for _ in numbers]
        for one in issued:
            yield {"x-api-key": one.raw_key}
        for one in issued:
            revoke_api_key(actor=owner, api_key=one.api_key, now=now)


def is_on_v2(browser: Client, path: str, headers: Headers) -> bool:
    """Ask, and return whether v2 has answered. The browser is another caller each time, for it keeps no cookies."""
    browser.cookies.clear()
    return browser.get(path, headers=headers).headers["API-Version"] == "2"


def fail_on_v2(browser: Client, headers: Headers) -> None:
    """One bad request by each key that an answer told to be on v2."""
    if is_on_v2(browser, GOOD, headers):
        is_on_v2(browser, BAD, headers)


def come_by_keys_on_v2_alone(browser: Client, headers: Headers) -> None:
    """As a robot, which is not judged, its owner has learnt on which version each key is."""
    if is_on_v2(browser, GOOD, headers | ROBOT):
        for _ in range(3):
            is_on_v2(browser, GOOD, headers)


@pytest.mark.parametrize("ask", [fail_on_v2, slow(come_by_keys_on_v2_alone)])
def test_200_keys_of_a_new_account_press_and_jam_nothing_while_honest_users_harm_is_rolled_back(
    browser: Client, turn: Turn, newcomer: User, now: datetime.datetime, ask: Ask, people: list[Headers]
) -> None:
    for key in keys_of(newcomer, KEYS, now):
        ask(browser, key)
    flush()
    assert Observation.objects.filter(api_version=2, is_authenticated=False).count() > KEYS // 4
    judgement = turn()
    assert judgement is not None
    assert judgement.numbers["error"]["events"] <= 1
    assert not judgement.numbers["sample_ratio"]["is_broken"]
    assert (judgement.kind in ("hold", "no_data"), row().weight_bp, row().latched) == (True, 5_000, False)
    for person in people:
        is_on_v2(browser, ORDERS, person)
    flush()
    assert turn().kind == "harm"  # type: ignore[union-attr]
    assert (row().weight_bp, row().latched) == (0, True)


def test_50_keys_of_an_old_account_are_one_person(
    browser: Client, turn: Turn, make_user: Callable[..., User], now: datetime.datetime
) -> None:
    for key in keys_of(make_user("author"), limits.LIVE_KEYS_MAX, now):
        fail_on_v2(browser, key)
    flush()
    assert set(Observation.objects.filter(metric="error").values_list("is_authenticated", flat=True)) == {True}
    numbers = turn().numbers  # type: ignore[union-attr]
    assert numbers["error"]["events"] <= 1
    assert sum(numbers["sample_ratio"][side] for side in ("v1", "v2")) == 1
    assert (row().weight_bp, row().latched) == (5_000, False)


def test_accounts_that_waited_a_week_jam_nothing_by_good_answers_to_keys_on_v2_alone(
    browser: Client, turn: Turn, now: datetime.datetime
) -> None:
    """Fourteen would be too many on v2 at 50 %: 2 ** 14 / 15 is above 1,000."""
    for number in range(CHOOSING):
        owner = registered(f"old{number}", now - datetime.timedelta(days=8))
        keys = keys_of(owner, limits.LIVE_KEYS_MAX, now)
        chosen = next(key for key in keys if is_on_v2(browser, GOOD, key | ROBOT))
        for _ in range(3):
            is_on_v2(browser, GOOD, chosen)
    flush()
    arrived = Observation.objects.filter(metric="seen", api_version=2)
    assert list(arrived.values_list("is_authenticated", "is_chosen")) == CHOOSING * [(True, True)]
    numbers = turn().numbers["sample_ratio"]  # type: ignore[union-attr]
    assert (numbers["v2"], numbers["is_broken"]) == (CHOOSING, False)


def test_refused_requests_of_a_crowd_alone_roll_nothing_back(
    browser: Client, turn: Turn, people: list[Headers]
) -> None:
    for person in people:
        if is_on_v2(browser, GOOD, person):
            is_on_v2(browser, REFUSED, person)
    flush()
    assert Observation.objects.filter(metric="refusal", api_version=2, is_authenticated=True).count() > PEOPLE // 4
    assert turn().kind != "harm"  # type: ignore[union-attr]
    assert (row().weight_bp, row().latched) == (5_000, False)


def assert_refusals_hold(turn: Turn) -> None:
    flush()
    judgement = turn()
    assert judgement is not None
    assert (judgement.kind, judgement.reason, row().weight_bp) == ("hold", "finding", 5_000)
    assert "refused requests" in judgement.sentence


def test_writes_that_v2_alone_sends_elsewhere_hold_the_step_and_roll_nothing_back(
    browser: Client, turn: Turn, people: list[Headers]
) -> None:
    for person in people:
        browser.cookies.clear()
        assert browser.post(NOTES, headers=person).status_code in (201, 302)
    assert_refusals_hold(turn)


def test_a_login_that_leads_on_hides_no_refusals_of_other_writes(
    browser: Client, turn: Turn, people: list[Headers]
) -> None:
    """Both versions redirect the one write, and v2 alone refuses the other one."""
    for person in people:
        browser.cookies.clear()
        assert browser.post(LOGIN, headers=person).status_code == 302
        assert browser.post(ENTRIES, headers=person).status_code in (201, 409)
    assert_refusals_hold(turn)


def test_new_accounts_whose_writes_are_led_elsewhere_hide_no_redirects_of_people(
    browser: Client, turn: Turn, people: list[Headers], now: datetime.datetime
) -> None:
    """Anybody can have many accounts, but not old ones."""
    for number in range(6):
        token = open_session(user=registered(f"new{number}", now), now=now).access_token
        for _ in range(2 * PEOPLE // 6):
            browser.cookies.clear()
            browser.post(f"{NOTES}?status=302", headers={"authorization": f"Bearer {token}"})
    for person in people:
        browser.cookies.clear()
        assert browser.post(NOTES, headers=person).status_code in (201, 302)
    assert_refusals_hold(turn)
