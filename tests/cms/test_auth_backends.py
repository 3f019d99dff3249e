"""Signing in to the admin site: either name, the domain's check of the password, roles instead of a column."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth import authenticate, get_user
from django.contrib.auth.hashers import PBKDF2PasswordHasher
from django.contrib.auth.models import Group, Permission
from django.contrib.contenttypes.models import ContentType
from django.test import Client
from django.test.client import RequestFactory

from cms.models import User
from cms.policy import SYSTEM
from cms.services.users import set_password, update_user

PASSWORD = "tall trees in a row"
pytestmark = pytest.mark.django_db
Make = Callable[..., User]


@pytest.fixture
def user(make_user: Make) -> User:
    return make_user("editor", username="mia", password=PASSWORD)


def signed_in(client: Client) -> Any:
    request = RequestFactory().get("/")
    request.session = client.session
    return get_user(request)


@pytest.mark.parametrize("name", ["mia", "MIA", "mia@example.org", "Mia@Example.Org"])
def test_either_name_signs_in(user: User, name: str) -> None:
    assert authenticate(username=name, password=PASSWORD) == user


@pytest.mark.parametrize(
    "credentials",
    [
        {"username": "mia", "password": "wrong"},
        {"username": "nobody", "password": PASSWORD},
        {"username": "mia\x00", "password": PASSWORD},
        {"username": "mia", "password": "\ud800"},
        {"username": None, "password": PASSWORD},
        {"username": "mia", "password": None},
        {"username": "mia"},
        {},
    ],
)
def test_everything_else_does_not(user: User, credentials: Any) -> None:
    assert authenticate(**credentials) is None


def test_a_suspended_user_is_out_at_once(user: User) -> None:
    client = Client()
    assert client.login(username="mia", password=PASSWORD)
    assert signed_in(client) == user
    update_user(actor=SYSTEM, user=user, changes={"is_active": False}, now=user.created_at)
    assert signed_in(client).is_anonymous
    assert not client.login(username="mia", password=PASSWORD)


def test_a_new_password_ends_browser_sessions(user: User) -> None:
    client = Client()
    client.login(username="mia", password=PASSWORD)
    set_password(actor=SYSTEM, user=user, password="another long phrase", now=user.created_at)
    assert signed_in(client).is_anonymous


def test_a_session_outlives_the_upgrade_of_an_old_hash(user: User) -> None:
    hasher, client = PBKDF2PasswordHasher(), Client()
    User.objects.update(password=hasher.encode(PASSWORD, hasher.salt(), iterations=1_000))
    assert client.login(username="mia", password=PASSWORD)
    assert signed_in(client) == user


def test_an_admin_has_every_permission_and_others_those_of_their_groups(make_user: Make) -> None:
    content_type = ContentType.objects.get_for_model(User)
    permission = Permission.objects.create(codename="ramp", content_type=content_type, name="May ramp")
    group = Group.objects.create(name="On call")
    group.permissions.add(permission)
    admin, editor, on_call = make_user("admin"), make_user("editor"), make_user("editor")
    on_call.groups.add(group)
    assert [user.has_perm("cms.ramp") for user in (admin, editor, on_call)] == [True, False, True]
    on_call.is_active = admin.is_active = False
    assert not on_call.has_perm("cms.ramp")
    assert not admin.has_perm("cms.ramp")
