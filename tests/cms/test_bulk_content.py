"""Bulk content is what the services would have made of it, and the same however often it is asked for."""

from collections.abc import Callable

import pytest
from django.core.management import call_command
from django.db.models import Count

from cms.models import Comment, Post, SearchDocument, Tag
from cms.search.documents import COLUMNS, document_of


@pytest.fixture
def seed(db: None) -> Callable[..., object]:
    return lambda *options: call_command("seed", *options, "--force", verbosity=0)


def test_bulk_posts_are_indexed_as_the_search_would_index_them(seed: Callable[..., object]) -> None:
    seed("--posts", "40")
    posts = Post.objects.filter(slug__startswith="sample-").select_related("search_document")
    stored = {post.slug: {name: getattr(post.search_document, name) for name in COLUMNS} for post in posts}
    assert len(stored) == 40
    assert stored == {post.slug: document_of(post) for post in posts}
    assert SearchDocument.objects.count() == Post.objects.count()


@pytest.mark.slow
def test_counts_of_terms_are_those_of_their_public_posts(seed: Callable[..., object]) -> None:
    seed("--posts", "30")
    seed("--posts", "60")
    counted = dict(Tag.objects.filter(posts__is_counted=True).annotate(n=Count("posts")).values_list("slug", "n"))
    assert counted
    assert {tag.slug: tag.usage_count for tag in Tag.objects.filter(usage_count__gt=0)} == counted


@pytest.mark.slow
def test_bulk_comments_come_by_number_and_only_under_posts_that_are_there(seed: Callable[..., object]) -> None:
    bulk = Comment.objects.filter(post__slug__startswith="sample-")
    seed("--posts", "10", "--comments", "40")
    assert bulk.count() == 20
    first = set(bulk.values_list("pk", flat=True))
    seed("--posts", "20", "--comments", "40")
    assert first < set(bulk.values_list("pk", flat=True))
    assert bulk.count() == 40
    assert bulk.filter(status="pending").count() == 4
