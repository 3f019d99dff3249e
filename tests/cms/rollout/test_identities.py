"""Whom the rollout knows by name: as requests carry it, and only who can still be let in."""

import datetime
from collections.abc import Callable

import pytest
from django.test import RequestFactory
from pytest_django import DjangoAssertNumQueries

from cms.accounts.credentials import identify
from cms.models import ApiKey, User
from cms.policy import SYSTEM
from cms.rollout.identities import list_identities
from cms.services.api_keys import create_api_key, revoke_api_key
from cms.services.sessions import open_session
from cms.services.users import update_user

pytestmark = pytest.mark.django_db


def make_key(owner: User, now: datetime.datetime, expires_at: datetime.datetime | None = None) -> tuple[ApiKey, str]:
    fields = {"name": "k", "scopes": ["posts:read"], "expires_at": expires_at}
    issued = create_api_key(actor=SYSTEM, owner=owner, fields=fields, now=now)
    return issued.api_key, issued.raw_key


def test_names_are_those_that_requests_are_known_by(author: User, now: datetime.datetime) -> None:
    _, raw_key = make_key(author, now)
    token = open_session(user=author, now=now).access_token
    by_token = identify(RequestFactory().get("/api", headers={"authorization": f"Bearer {token}"}))
    by_key = identify(RequestFactory().get("/api", headers={"x-api-key": raw_key}))
    assert list(list_identities(now)) == [by_token, by_key]


def test_who_can_not_be_let_in_is_not_there(make_user: Callable[..., User], now: datetime.datetime) -> None:
    stays, goes = make_user("author"), make_user("author")
    make_key(goes, now)
    revoke_api_key(actor=SYSTEM, api_key=make_key(stays, now)[0], now=now)
    make_key(stays, now, now + datetime.timedelta(hours=1))
    update_user(actor=SYSTEM, user=goes, changes={"is_active": False}, now=now)
    later = now + datetime.timedelta(hours=2)
    assert list(list_identities(later)) == [("user", str(stays.pk))]


def test_there_are_two_queries_however_many_there_are(
    make_user: Callable[..., User], now: datetime.datetime, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for _ in range(3):
        make_user()
    with django_assert_num_queries(2):
        assert len(list(list_identities(now))) == 3
