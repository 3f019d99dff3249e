"""Who is behind a consumer of v1, and who may see the address."""

from collections.abc import Callable

from django.utils import timezone

from cms.models import User
from cms.rollout.contacts import contacts_of
from cms.services.api_keys import create_api_key


def test_a_consumer_is_its_active_user_or_the_owner_of_the_key(admin: User, make_user: Callable[..., User]) -> None:
    author, gone = make_user("author"), make_user("author", is_active=False)
    issued = create_api_key(
        actor=admin, owner=admin, fields={"name": "K", "scopes": ["posts:read"]}, now=timezone.now()
    )
    names = [f"user:{author.pk}", f"key:{issued.api_key.prefix}", f"user:{gone.pk}", "user:x", "key:none", "client:app"]
    assert contacts_of(names, None) == {
        names[0]: {"user": str(author.pk), "name": author.username, "address": author.email},
        names[1]: {"user": str(admin.pk), "name": admin.username, "address": admin.email},
    }
    assert contacts_of([], None) == {}


def test_an_address_is_for_those_who_manage_users(admin: User, make_user: Callable[..., User]) -> None:
    author, editor = make_user("author"), make_user("editor")
    name = f"user:{author.pk}"
    assert contacts_of([name], admin)[name]["address"] == author.email
    assert contacts_of([name], editor)[name] == {"user": str(author.pk), "name": author.username}
