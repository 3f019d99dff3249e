"""Whom the published demo password lets in."""

import pytest
from django.core.checks import run_checks
from django.utils import timezone
from pytest_django.fixtures import Settings

from cms.models import User
from cms.policy import SYSTEM
from cms.seeding.accounts import PASSWORD, no_account_is_exposed
from cms.seeding.demo import default_password
from cms.services.users import create_user


@pytest.mark.parametrize(("is_sqlite", "password"), [(True, PASSWORD), (False, None)], ids=["a file", "a server"])
def test_the_published_password_is_for_databases_of_this_machine_alone(
    settings: Settings, is_sqlite: bool, password: str | None
) -> None:
    settings.IS_SQLITE = is_sqlite
    assert default_password() == password


@pytest.fixture
def admin() -> User:
    fields = {"username": "admin", "email": "admin@example.com", "role": "admin", "email_verified": True}
    return create_user(actor=SYSTEM, fields=fields, password=PASSWORD, now=timezone.now())  # type: ignore[arg-type]


def told() -> tuple[bool, list[str]]:
    """What the checklist and `check --deploy` say."""
    found = run_checks(include_deployment_checks=True, tags=["demo_accounts"])
    return no_account_is_exposed(timezone.now(), {})[0], [f"{one.id}: {one.msg}" for one in found]


@pytest.mark.django_db
def test_a_deployment_with_an_open_demo_account_is_refused(admin: User, settings: Settings) -> None:
    settings.ALLOWED_HOSTS = ["blog.example.org", "localhost"]
    assert told() == (False, ["cms.E002: The published demo password opens admin."])


@pytest.mark.django_db
@pytest.mark.parametrize("change", ["loopback", "suspended", "another password", "another person"])
def test_a_demo_account_that_nobody_else_can_open_is_none(admin: User, settings: Settings, change: str) -> None:
    settings.ALLOWED_HOSTS = ["localhost", "[::1]"] if change == "loopback" else ["*"]
    if change == "another password":
        admin.set_password("something of their own")
    admin.is_active = change != "suspended"
    admin.email = "ann@example.org" if change == "another person" else admin.email
    admin.save()
    assert told() == (True, [])
