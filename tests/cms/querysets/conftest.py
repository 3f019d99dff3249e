"""A post in any state, and everyone who looks at it."""

import datetime
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser

from cms.models import Post, User
from cms.policy import SYSTEM, Actor
from cms.services.post_states import archive_post, trash_post
from tests.cms.querysets.viewers import HOUR


@pytest.fixture
def make_in_state(make_post: Callable[..., Post], now: datetime.datetime) -> Callable[..., Post]:
    special: dict[str, dict[str, Any]] = {
        "draft": {"is_published": False},
        "scheduled": {"published_at": now + HOUR},
        "expired": {"published_at": now - 2 * HOUR, "expires_at": now},
        "private": {"visibility": "private"},
    }

    def make(state: str, **fields: Any) -> Post:
        post = make_post(**{"published_at": now - HOUR, **special.get(state, {}), **fields})
        if state == "archived":
            return archive_post(actor=SYSTEM, post=post, now=now)
        return trash_post(actor=SYSTEM, post=post, now=now) if state == "trashed" else post

    return make


@pytest.fixture
def viewer(author: User, make_user: Callable[..., User]) -> Callable[[str], Actor]:
    """Who looks at a post by `author`, who has a co-author of the name co."""
    co_author = make_user("author", username="co_author")

    def find(name: str) -> Actor:
        author.role = "subscriber" if name == "own_demoted" else "author"
        author.is_active = name != "own_suspended"
        named: dict[str, Actor] = {"anonymous": AnonymousUser(), "co_authored": co_author, "system": SYSTEM}
        if name.startswith("own"):
            return author
        if name == "editor_suspended":
            return make_user("editor", is_active=False)
        return named.get(name) or make_user(name)

    return find
