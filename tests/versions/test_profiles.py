"""Profiles of co-authors: hidden from strangers while all posts of the co-author are hidden."""

import datetime
from collections.abc import Callable

import pytest
from django.test import Client

from cms.models import Post, User
from cms.policy import SYSTEM
from cms.services.post_states import trash_post
from tests.versions.conftest import Version

MISSING = "0197a0b0-0000-7000-8000-000000000000"


@pytest.fixture
def co_author(make_user: Callable[..., User], make_post: Callable[..., Post], now: datetime.datetime) -> User:
    """A user who co-wrote one draft, one private, one scheduled and one trashed post."""
    co_author = make_user("author", username="co_author")
    make_post(co_authors=[co_author], is_published=False)
    make_post(co_authors=[co_author], visibility="private")
    make_post(co_authors=[co_author], published_at=now + datetime.timedelta(hours=1))
    trash_post(actor=SYSTEM, post=make_post(co_authors=[co_author]), now=now)
    return co_author


@pytest.mark.parametrize(("role", "v1_status"), [(None, 401), ("subscriber", 403), ("author", 403)])
def test_the_profile_of_a_co_author_of_hidden_posts_is_refused_like_a_missing_one(
    version: Version,
    co_author: User,
    make_user: Callable[..., User],
    client_of: Callable[[User], Client],
    role: str | None,
    v1_status: int,
) -> None:
    client = client_of(make_user(role)) if role else Client()
    status = v1_status if version.number == 1 else 404
    answers = [version.send(client, "get", f"/users/{user_id}") for user_id in (co_author.pk, MISSING)]
    assert version.refusal(answers[0], status) == version.refusal(answers[1], status)
    version.refusal(version.send(client, "get", "/users"), v1_status)
