"""Who may say that a request is synthetic: nobody else learns unseen on which version an identity is."""

import datetime
from collections.abc import Callable

import pytest
from django.contrib.auth.models import Group, Permission
from pytest_django import DjangoAssertNumQueries

from cms.models import User
from cms.rollout.exclusions import why_excluded
from tests.cms.rollout.asking import answered, by_key, by_token

SYNTHETIC = {"x-synthetic": "1"}
pytestmark = pytest.mark.django_db


@pytest.fixture
def watcher(make_user: Callable[..., User]) -> User:
    """An author whose group may send synthetic requests."""
    group = Group.objects.create(name="Watchers")
    group.permissions.add(Permission.objects.get(content_type__app_label="canary", codename="synthetic"))
    user = make_user("author", username="watcher")
    user.groups.add(group)
    return User.objects.get(pk=user.pk)


def test_admins_and_members_of_a_group_with_the_permission_may(
    admin: User, watcher: User, now: datetime.datetime
) -> None:
    for person in (admin, watcher):
        assert why_excluded(answered(by_token(person, now) | SYNTHETIC)) == "synthetic"


def test_a_key_needs_the_scope_beside_its_owners_permission(watcher: User, now: datetime.datetime) -> None:
    assert why_excluded(answered(by_key(watcher, now, "rollout:synthetic") | SYNTHETIC)) == "synthetic"
    assert why_excluded(answered(by_key(watcher, now, "posts:read") | SYNTHETIC)) == ""


def test_nobody_else_is_believed(author: User, now: datetime.datetime) -> None:
    for credential in ({}, {"x-client-id": "mobile"}, by_token(author, now), by_key(author, now)):
        assert why_excluded(answered(credential | SYNTHETIC)) == ""


@pytest.mark.parametrize("value", ["0", "", " "])
def test_a_header_that_says_no_is_none(admin: User, now: datetime.datetime, value: str) -> None:
    assert why_excluded(answered(by_token(admin, now) | {"x-synthetic": value})) == "staff"


def test_without_the_header_nothing_is_asked(
    author: User, now: datetime.datetime, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    request = answered(by_token(author, now))
    with django_assert_num_queries(0):
        assert why_excluded(request) == ""
