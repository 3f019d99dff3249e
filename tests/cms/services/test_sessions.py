"""API sessions: opening, refreshing, replaying, ending."""

import datetime
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from cms import limits
from cms.errors import InvalidCredentials, InvalidToken
from cms.models import AuthSession, BrowserSession, User
from cms.policy import SYSTEM
from cms.services.sessions import (
    TokenPair,
    close_session,
    note_browser_login,
    open_session,
    refresh_session,
    user_of_session,
)
from cms.services.users import update_user
from cms.tokens.access import read_token

DAY = datetime.timedelta(days=1)
pytestmark = pytest.mark.django_db


@pytest.fixture
def user(make_user: Callable[..., User]) -> User:
    return make_user()


@pytest.fixture
def pair(user: User, now: datetime.datetime) -> TokenPair:
    return open_session(user=user, now=now)


def owner(pair: TokenPair, now: datetime.datetime) -> User:
    return user_of_session(claims=read_token("access", pair.access_token, now), now=now)


def test_a_session_speaks_for_its_user(user: User, pair: TokenPair, now: Any, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(1):
        assert owner(pair, now) == user
    session = AuthSession.objects.get()
    assert (str(session.pk), session.expires_at, pair.expires_in) == (pair.session_id, now + 14 * DAY, 900)
    assert User.objects.get().last_login == user.last_login == now


def test_a_session_speaks_for_nobody_else(
    pair: TokenPair, make_user: Callable[..., User], now: datetime.datetime
) -> None:
    claims = read_token("access", pair.access_token, now)
    with pytest.raises(InvalidToken):
        user_of_session(claims=replace(claims, user_id=make_user().pk), now=now)


def test_refreshing_gives_two_new_tokens_and_another_fortnight(user: User, pair: TokenPair, now: Any) -> None:
    later = now + DAY
    found, fresh = refresh_session(refresh_token=pair.refresh_token, now=later)
    assert (found, owner(fresh, later), fresh.session_id) == (user, user, pair.session_id)
    assert {fresh.access_token, fresh.refresh_token}.isdisjoint({pair.access_token, pair.refresh_token})
    assert AuthSession.objects.get().expires_at == later + 14 * DAY
    _, third = refresh_session(refresh_token=fresh.refresh_token, now=later)
    assert owner(third, later) == user


def test_a_replay_ends_the_whole_family(user: User, pair: TokenPair, now: Any, events_of: Any) -> None:
    _, fresh = refresh_session(refresh_token=pair.refresh_token, now=now)
    with pytest.raises(InvalidToken):
        refresh_session(refresh_token=pair.refresh_token, now=now)
    for act in (
        lambda: refresh_session(refresh_token=fresh.refresh_token, now=now),
        lambda: owner(fresh, now),
        lambda: owner(pair, now),
    ):
        with pytest.raises(InvalidToken):
            act()
    assert events_of(AuthSession.objects.get()) == ["session.replayed"]


def test_a_replay_ends_no_other_session(user: User, pair: TokenPair, now: Any) -> None:
    other = open_session(user=user, now=now)
    refresh_session(refresh_token=pair.refresh_token, now=now)
    with pytest.raises(InvalidToken):
        refresh_session(refresh_token=pair.refresh_token, now=now)
    assert owner(other, now) == user


def test_an_access_token_does_not_refresh_and_a_refresh_token_gives_no_access(pair: TokenPair, now: Any) -> None:
    with pytest.raises(InvalidToken):
        refresh_session(refresh_token=pair.access_token, now=now)
    with pytest.raises(InvalidToken):
        read_token("access", pair.refresh_token, now)
    assert AuthSession.objects.get().revoked_at is None


@pytest.mark.parametrize("token", ["", "a.b.c", "\ud800", "\x00", "a" * 100_000])
def test_nonsense_refreshes_nothing(pair: TokenPair, now: Any, token: str) -> None:
    with pytest.raises(InvalidToken):
        refresh_session(refresh_token=token, now=now)


def test_a_session_ends_with_its_fortnight(pair: TokenPair, now: Any) -> None:
    for act in (
        lambda: owner(pair, now + 14 * DAY),
        lambda: refresh_session(refresh_token=pair.refresh_token, now=now + 14 * DAY),
    ):
        with pytest.raises(InvalidToken):
            act()


def test_a_closed_session_is_refused_at_once_and_closing_twice_is_no_error(
    pair: TokenPair, now: Any, events_of: Any
) -> None:
    claims = read_token("access", pair.access_token, now)
    for _ in range(2):
        close_session(claims=claims, now=now)
    for act in (lambda: owner(pair, now), lambda: refresh_session(refresh_token=pair.refresh_token, now=now)):
        with pytest.raises(InvalidToken):
            act()
    assert events_of(AuthSession.objects.get()) == ["session.closed"]


def test_a_suspended_user_has_no_session_and_gets_none(user: User, pair: TokenPair, now: Any) -> None:
    update_user(actor=SYSTEM, user=user, changes={"is_active": False}, now=now)
    for act in (lambda: owner(pair, now), lambda: refresh_session(refresh_token=pair.refresh_token, now=now)):
        with pytest.raises(InvalidToken):
            act()
    with pytest.raises(InvalidCredentials):
        open_session(user=user, now=now)
    update_user(actor=SYSTEM, user=user, changes={"is_active": True}, now=now)
    with pytest.raises(InvalidToken):
        owner(pair, now)


def test_a_user_who_was_switched_off_around_the_service_has_no_access(user: User, pair: TokenPair, now: Any) -> None:
    User.objects.update(is_active=False)
    for act in (lambda: owner(pair, now), lambda: refresh_session(refresh_token=pair.refresh_token, now=now)):
        with pytest.raises(InvalidToken):
            act()


def test_a_token_of_one_user_does_not_open_the_session_of_another(pair: TokenPair, make_user: Any, now: Any) -> None:
    claims = read_token("access", pair.access_token, now)
    AuthSession.objects.update(user=make_user())
    with pytest.raises(InvalidToken):
        user_of_session(claims=claims, now=now)


def test_a_hundred_sessions_are_open_and_the_one_that_was_renewed_longest_ago_ends(
    user: User, make_user: Callable[..., User], now: datetime.datetime, events_of: Any
) -> None:
    ages = [datetime.timedelta(hours=hours) for hours in (*range(1, limits.OPEN_SESSIONS_MAX), 200)]
    times = [{"created_at": now - DAY, "updated_at": now - age, "expires_at": now + DAY} for age in ages]
    sessions = AuthSession.objects.bulk_create(AuthSession(user=user, **each) for each in times)
    AuthSession.objects.create(user=user, expires_at=now - DAY)
    other = open_session(user=make_user(), now=now)
    newest = open_session(user=user, now=now)
    ended = AuthSession.objects.exclude(revoked_at=None)
    assert [session.pk for session in ended] == [sessions[-1].pk]
    assert [owner(pair, now) == user for pair in (newest, other)] == [True, False]
    assert events_of(user) == ["user.registered", "auth.login", "user.sessions_closed"]
    open_session(user=user, now=now)
    assert {session.pk for session in ended.all()} == {sessions[-1].pk, sessions[-2].pk}


def test_a_hundred_browsers_are_signed_in_and_the_one_that_is_idle_for_longest_is_out(
    user: User, make_user: Callable[..., User], now: datetime.datetime
) -> None:
    keys = [f"{number:032}" for number in range(limits.OPEN_SESSIONS_MAX + 1)]
    ends = [now + datetime.timedelta(hours=number + 1) for number in range(len(keys))]
    rows = zip(keys, ends, strict=True)
    BrowserSession.objects.bulk_create(BrowserSession(session_key=k, expire_date=at, user=user) for k, at in rows)
    BrowserSession.objects.create(session_key="other", expire_date=now + DAY, user=make_user())
    note_browser_login(user=user, now=now)
    assert set(BrowserSession.objects.values_list("pk", flat=True)) == {*keys[1:], "other"}
