"""Nothing of a hidden post comes out of the search: no hit, no count, no facet, no suggestion."""

import datetime
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser

from cms.models import Post, User
from cms.policy import SYSTEM
from cms.search import SearchResults, search_posts, suggest
from cms.services.post_states import archive_post, trash_post

NOBODY = AnonymousUser()
HOUR = datetime.timedelta(hours=1)


@pytest.fixture
def hidden(make_post: Callable[..., Post], now: datetime.datetime) -> dict[str, Post]:
    """A post of each kind that readers must not find, with a tag that no other post has."""

    def make(**fields: Any) -> Post:
        return make_post(title="Zebra secrets", content="Zebra secrets", tags=["Zebra tag"], **fields)

    archived, trashed = make(), make()
    return {
        "draft": make(is_published=False),
        "scheduled": make(published_at=now + HOUR),
        "expired": make(published_at=now - 2 * HOUR, expires_at=now - HOUR),
        "private": make(visibility="private"),
        "archived": archive_post(actor=SYSTEM, post=archived, now=now),
        "trashed": trash_post(actor=SYSTEM, post=trashed, now=now),
    }


@pytest.mark.parametrize("query", ["zebra", '"zebra secrets"', "secrets -lion"])
def test_a_stranger_finds_nothing_of_hidden_posts(
    hidden: dict[str, Post], make_user: Callable[..., User], now: datetime.datetime, query: str
) -> None:
    for stranger in (NOBODY, make_user("subscriber"), make_user("author")):
        assert search_posts(query, user=stranger, now=now) == SearchResults()
        assert suggest("zeb", user=stranger, now=now) == []


def test_a_score_tells_nothing_of_hidden_posts(make_post: Callable[..., Post], now: datetime.datetime) -> None:
    """bm25() of SQLite gives a word less weight the more posts have it, hidden ones too."""
    make_post(title="Zebra", content="Of lions.")
    before = search_posts("zebra lions", user=NOBODY, now=now).hits
    for content in ("Zebra and more zebra.", "Of lions alone.", "Of neither."):
        make_post(title="Draft", content=content, is_published=False)
    assert search_posts("zebra lions", user=NOBODY, now=now).hits == before


@pytest.mark.parametrize("query", ["rare", "rare words", '"rare words"', "words rare -other"])
def test_a_post_that_says_it_more_often_or_in_its_title_comes_first(
    make_post: Callable[..., Post], now: datetime.datetime, query: str
) -> None:
    texts = {"title": ("Rare words", "x"), "often": ("A", "Rare words. " * 3), "once": ("B", "Rare words. x x x x x x")}
    posts = {name: make_post(title=title, content=content, excerpt="x") for name, (title, content) in texts.items()}
    hits = search_posts(query, user=NOBODY, now=now).hits
    assert [hit.post_id for hit in hits] == [posts[name].pk for name in ("title", "often", "once")]


def test_authors_find_their_own_and_editors_all(hidden: dict[str, Post], editor: User, now: datetime.datetime) -> None:
    for reader in (hidden["draft"].author, editor):
        found = search_posts("zebra", user=reader, now=now)
        assert {hit.post_id for hit in found.hits} == {post.pk for post in hidden.values()}
        assert (found.total, found.facets["tags"]) == (6, [("zebra-tag", 6)])
        assert suggest("zeb", user=reader, now=now) == ["Zebra tag", "Zebra secrets"]


def test_a_post_is_found_from_the_second_it_is_public_until_it_expires(
    make_post: Callable[..., Post], now: datetime.datetime
) -> None:
    make_post(title="Zebra", published_at=now + HOUR, expires_at=now + 2 * HOUR)
    moments = (now, now + HOUR, now + 2 * HOUR - datetime.timedelta(seconds=1), now + 2 * HOUR)
    assert [search_posts("zebra", user=NOBODY, now=moment).total for moment in moments] == [0, 1, 1, 0]
    assert [len(suggest("zebra", user=NOBODY, now=moment)) for moment in moments] == [0, 1, 1, 0]


def test_facets_count_visible_posts_alone(
    hidden: dict[str, Post], make_post: Callable[..., Post], now: datetime.datetime
) -> None:
    make_post(title="Zebra in public", tags=["Zebra tag", "Public"])
    found = search_posts("zebra", user=NOBODY, now=now)
    assert (found.total, found.facets["tags"]) == (1, [("public", 1), ("zebra-tag", 1)])
