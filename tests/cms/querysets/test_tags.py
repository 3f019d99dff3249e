"""Who sees a tag: everybody that of a public post, editors all, and writers meet those of the posts they may see."""

import datetime
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser

from cms.models import Post, Tag, User
from cms.policy import SYSTEM
from cms.querysets.visibility import next_change
from cms.services.schedule import settle_due_posts
from cms.services.tags import create_tag
from tests.cms.querysets.viewers import HOUR, OWNERS, SEE_ALL, STATES, VIEWERS, co_author

pytestmark = pytest.mark.django_db
InState = Callable[..., Post]


@pytest.mark.parametrize("name", VIEWERS)
def test_a_tag_is_seen_with_a_public_post_and_met_in_a_visible_one(
    make_in_state: InState, viewer: Any, name: str, now: datetime.datetime
) -> None:
    create_tag(actor=SYSTEM, fields={"name": "unused"}, now=now)
    for kind in ("post", "page"):
        for state in STATES:
            make_in_state(state, kind=kind, co_authors=co_author(), tags=[f"{state} {kind}", "everywhere"])
    user = viewer(name)
    everything = {*Tag.objects.values_list("name", flat=True)}
    public = {"everywhere", "public post", "public page"}
    met = everything - {"unused"} if name in OWNERS else public
    assert _names(Tag.objects.visible_to(user, now)) == (everything if name in SEE_ALL else public)
    assert _names(Tag.objects.met_by(user, now)) == (everything if name in SEE_ALL else met)


@pytest.mark.parametrize("kind", ["post", "page"])
def test_a_tag_appears_with_a_scheduled_post_before_its_count(
    make_in_state: InState, now: datetime.datetime, kind: str
) -> None:
    make_in_state("scheduled", kind=kind, tags=["later"])
    assert _seen(now) == set()
    assert _seen(now + HOUR) == {"later"}
    assert Tag.objects.get().usage_count == 0


def test_a_tag_goes_with_its_count_when_the_last_post_has_expired(
    make_post: Callable[..., Post], now: datetime.datetime
) -> None:
    make_post(tags=["once"], expires_at=now + HOUR)
    settle_due_posts(now=now + HOUR)
    assert _seen(now + HOUR) == set()


def test_a_tag_stays_as_long_as_a_count_that_is_behind(make_post: Callable[..., Post], now: datetime.datetime) -> None:
    """At most a minute, by the worker: nothing is shown that was not public until then."""
    make_post(tags=["once"], expires_at=now + HOUR)
    assert _seen(now + HOUR) == {"once"}


def test_one_query_lists_what_anyone_may_see(
    make_in_state: InState, now: datetime.datetime, django_assert_num_queries: Any
) -> None:
    make_in_state("draft", tags=["a", "b"])
    with django_assert_num_queries(1):
        assert _seen(now) == set()


def test_each_row_tells_when_time_alone_changes_what_is_public(
    make_in_state: InState, author: User, now: datetime.datetime
) -> None:
    post = make_in_state("scheduled", tags=["later"])
    [row] = Tag.objects.annotate(next_change_at=next_change(Post.objects, now))
    assert vars(row)["next_change_at"] == post.published_at


def _seen(now: datetime.datetime) -> set[str]:
    return _names(Tag.objects.visible_to(AnonymousUser(), now))


def _names(tags: Any) -> set[str]:
    return {*tags.values_list("name", flat=True)}
