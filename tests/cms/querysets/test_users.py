"""Who sees an account and a profile, and by which names a user is found."""

import datetime
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser

from cms.models import User
from cms.policy import SYSTEM
from cms.services.user_deletion import delete_user
from tests.cms.querysets.viewers import STATES


@pytest.mark.parametrize("name", ["mia", "MIA", "mia@example.org", "MIA@example.ORG"])
def test_a_user_is_found_by_either_name_in_any_case(make_user: Any, name: str) -> None:
    user = make_user(username="Mia", email="Mia@Example.org")
    assert User.objects.named(name).get() == user
    assert User.objects.get_by_natural_key("mIa") == user


@pytest.mark.parametrize(("role", "others"), [("subscriber", 0), ("author", 0), ("editor", 0), ("admin", 2)])
def test_whole_accounts_are_seen_by_their_owners_and_by_admins(
    role: str, others: int, make_user: Callable[..., User], now: datetime.datetime
) -> None:
    viewer = make_user(role)
    make_user("author")
    make_user(is_active=False)
    delete_user(actor=SYSTEM, user=make_user(), now=now)
    seen = set(User.objects.accounts_visible_to(viewer))
    assert viewer in seen
    assert len(seen) == 1 + others
    assert not User.objects.accounts_visible_to(AnonymousUser())


@pytest.mark.parametrize("state", STATES)
def test_a_profile_is_as_hidden_as_the_posts_that_its_user_co_wrote(
    make_in_state: Any, make_user: Callable[..., User], author: User, now: Any, state: str
) -> None:
    co_author = make_user("author", username="co_author")
    make_in_state(state, co_authors=[co_author])
    strangers = [AnonymousUser(), make_user("subscriber"), make_user("author")]
    seen = [co_author in User.objects.visible_to(reader, now) for reader in (author, *strangers)]
    assert seen == [True, *[state == "public"] * 3]
