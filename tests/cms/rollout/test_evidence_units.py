"""Who a request is of when a release is judged: the person behind the credential, once that person can be told from many."""

import datetime
from collections.abc import Callable

import pytest
from pytest_django import DjangoAssertNumQueries
from pytest_django.fixtures import Settings

from cms.models import User
from cms.rollout.evidence_units import unit_of
from cms.services.users import register_user
from tests.cms.rollout.asking import answered, by_key, by_token

DAY = datetime.timedelta(days=1)
pytestmark = pytest.mark.django_db


@pytest.fixture
def newcomer(now: datetime.datetime) -> User:
    fields = {"username": "newcomer", "email": "newcomer@example.org"}
    return register_user(fields=fields, password="a long enough pass-phrase", now=now)  # type: ignore[arg-type]


def test_every_token_and_every_key_of_an_account_is_one_person(author: User, now: datetime.datetime) -> None:
    credentials = [by_token(author, now), by_token(author, now), by_key(author, now), by_key(author, now)]
    assert {unit_of(answered(each)) for each in credentials} == {(str(author.pk), author.created_at, False)}


def test_who_is_known_costs_no_query(
    author: User, now: datetime.datetime, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for credential in (by_token(author, now), by_key(author, now)):
        request = answered(credential)
        with django_assert_num_queries(0):
            assert unit_of(request)


def test_nobody_is_known_without_a_good_credential(author: User, now: datetime.datetime) -> None:
    wrong = by_key(author, now)["x-api-key"][:-1] + "!"
    for headers in ({}, {"x-client-id": "mobile"}, {"x-api-key": wrong}, {"authorization": "Bearer x"}):
        assert unit_of(answered(headers)) is None


def test_a_registered_account_counts_alone_after_a_week(
    newcomer: User, now: datetime.datetime, settings: Settings
) -> None:
    for credential in (by_token(newcomer, now), by_key(newcomer, now)):
        assert unit_of(answered(credential)) == (str(newcomer.pk), newcomer.created_at + 7 * DAY, True)
    settings.CANARY_TRUST_AGE_DAYS = 3
    assert unit_of(answered(credential)) == (str(newcomer.pk), newcomer.created_at + 3 * DAY, True)


def test_an_account_that_an_admin_or_an_import_made_counts_alone_at_once(
    make_user: Callable[..., User], newcomer: User, now: datetime.datetime
) -> None:
    vouched_for = make_user()
    assert (vouched_for.is_vouched_for, newcomer.is_vouched_for) == (True, False)
    assert unit_of(answered(by_token(vouched_for, now))) == (str(vouched_for.pk), vouched_for.created_at, False)
