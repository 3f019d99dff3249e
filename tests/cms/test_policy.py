"""What each role may do: the table of the roles, and actors that are more or less than a user."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import AnonymousUser

from cms import policy
from cms.models import User
from cms.policy import SYSTEM, Actor

LADDER = ("anonymous", "subscriber", "author", "editor", "admin")
# The lowest role that may.
LOWEST: dict[Callable[[Actor], bool], str] = {
    policy.is_known: "subscriber",
    policy.may_comment: "subscriber",
    policy.may_write_posts: "author",
    policy.may_edit_all_posts: "editor",
    policy.may_moderate: "editor",
    policy.may_manage_terms: "editor",
    policy.may_manage_users: "admin",
    policy.may_see_audit: "admin",
}


def actor_of(role: str, *, is_active: bool = True) -> Actor:
    return AnonymousUser() if role == "anonymous" else User(username=role, role=role, is_active=is_active)


@pytest.mark.parametrize("role", LADDER)
@pytest.mark.parametrize("may", LOWEST, ids=lambda may: may.__name__)
def test_a_role_may_what_the_roles_below_it_may(may: Callable[[Actor], bool], role: str) -> None:
    assert may(actor_of(role)) == (LADDER.index(role) >= LADDER.index(LOWEST[may]))


@pytest.mark.parametrize("role", LADDER)
@pytest.mark.parametrize("may", LOWEST, ids=lambda may: may.__name__)
def test_a_suspended_user_may_nothing(may: Callable[[Actor], bool], role: str) -> None:
    assert not may(actor_of(role, is_active=False))


def test_the_system_may_everything_and_is_nobody() -> None:
    assert not policy.is_known(SYSTEM)
    assert all(may(SYSTEM) for may in LOWEST if may is not policy.is_known)


@pytest.mark.parametrize("role", LADDER[1:])
@pytest.mark.parametrize("is_active", [True, False])
def test_the_admin_site_is_open_to_active_staff(role: str, is_active: bool) -> None:
    user = User(username=role, role=role, is_active=is_active)
    assert user.is_staff == (is_active and role != "subscriber")
    assert user.is_superuser == (is_active and role == "admin")
