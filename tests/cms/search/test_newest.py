"""Of a common word among very many posts PostgreSQL reads the newest documents alone, and finds what all would give."""

import datetime
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser
from django.db import connection
from django.test.utils import CaptureQueriesContext

from cms.models import Post, SearchDocument
from cms.querysets.posts import PostQuerySet
from cms.search import SearchResults, index_posts, newest, results, search_posts
from tests.cms.search.bulk import bulk_posts

NOBODY = AnonymousUser()
RANKED = 8
WORD = "maps"  # in some sixty of the posts

type Search = Callable[..., tuple[SearchResults, int]]


@pytest.fixture(scope="module")
def bulk(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    with bulk_posts(django_db_blocker, 600):
        yield


@pytest.fixture
def search(bulk: None, db: None, now: datetime.datetime, monkeypatch: pytest.MonkeyPatch) -> Search:
    """What is found when so many documents are many, and how many statements read documents by a range of ids."""
    monkeypatch.setattr(results, "RANKED_MAX", RANKED)
    monkeypatch.setattr(newest, "DEVIATIONS", 8)  # among so few posts chance has more to say

    def searching(
        large: int, word: str = WORD, sampled: int = 600, user: Any = NOBODY, among: Any = PostQuerySet.posts
    ) -> tuple[SearchResults, int]:
        monkeypatch.setattr(newest, "MANY", large)
        monkeypatch.setattr(newest, "SAMPLED", sampled)
        with CaptureQueriesContext(connection) as captured:
            found = search_posts(word, user=user, now=now, among=among, limit=100)
        searches = [query["sql"] for query in captured.captured_queries if "found AS" in query["sql"]]
        return found, sum("d.post_id >=" in sql for sql in searches) * 10 + len(searches)

    return searching


ALL_READ, NEWEST_READ, BOTH_READ = 1, 11, 12


def test_the_newest_documents_give_what_all_give(search: Search) -> None:
    expected, how = search(large=10_000)
    assert (how, expected.total, expected.is_truncated) == (ALL_READ, RANKED, True)
    assert search(large=100) == (expected, NEWEST_READ)


@pytest.mark.parametrize("role", ["subscriber", "author", "editor"])
def test_whoever_searches(search: Search, now: datetime.datetime, make_user: Callable[..., Any], role: str) -> None:
    user = make_user(role=role)
    own = Post.objects.order_by("-created_at")[:9]
    Post.objects.filter(pk__in=[post.pk for post in own[:6]]).update(author=user)
    for post in own[5:]:
        post.co_authors.add(user)
    hidden = [post.pk for post in own[::2]]
    Post.objects.filter(pk__in=hidden).update(visibility="private")
    for among in (PostQuerySet.posts, lambda rows: rows.posts().live()):
        expected, how = search(large=10_000, user=user, among=among)
        assert (how, expected.is_truncated) == (ALL_READ, True)
        assert search(large=100, user=user, among=among) == (expected, NEWEST_READ)


def test_what_few_posts_pass_is_looked_for_among_all(search: Search, now: datetime.datetime) -> None:
    border = Post.objects.public(now).posts().order_by("created_at")[200].created_at

    def old(rows: PostQuerySet) -> PostQuerySet:
        return rows.posts().filter(created_at__lte=border)

    expected, how = search(large=10_000, among=old)
    assert (how, expected.total > 0) == (ALL_READ, True)
    assert search(large=100, among=old) == (expected, ALL_READ)
    assert search(large=100, among=lambda rows: rows.posts().filter(language="en"))[1] == NEWEST_READ


def test_a_new_post_with_an_old_id_is_found(search: Search, now: datetime.datetime) -> None:
    oldest = Post.objects.public(now).filter(title__icontains=WORD).order_by("created_at")[:3]
    moved = [post.pk for post in oldest]
    Post.objects.filter(pk__in=moved).update(created_at=now - datetime.timedelta(minutes=1))
    expected, _ = search(large=10_000)
    assert {hit.post_id for hit in expected.hits} >= set(moved)
    assert search(large=100) == (expected, NEWEST_READ)


def test_a_wrong_guess_costs_a_second_look(
    search: Search, now: datetime.datetime, make_post: Callable[..., Post]
) -> None:
    for number in range(RANKED // 2):
        make_post(title=f"Zebra {number}", created_at=now, published_at=now)
    old = Post.objects.public(now).order_by("created_at")[:2]
    for post in old:
        post.title = f"A zebra of old, {post.title}"
        post.save()
    index_posts(old)
    expected, _ = search(large=10_000, word="zebra")
    assert (expected.total, expected.is_truncated) == (RANKED // 2 + 2, False)
    assert search(large=100, word="zebra", sampled=RANKED // 2) == (expected, BOTH_READ)


def test_of_few_documents_and_of_rare_words_all_are_read(search: Search) -> None:
    assert search(large=100, word="501")[1] == ALL_READ
    assert search(large=100, word="nosuchword")[1] == ALL_READ
    assert search(large=SearchDocument.objects.count())[1] == ALL_READ
