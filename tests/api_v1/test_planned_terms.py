"""The statement by which v1 reads what its posts are tagged with: PostgreSQL plans it once for each connection."""

import os
from collections.abc import Callable

import pytest
from django.contrib.auth.models import AnonymousUser
from django.db import connection, transaction

from api_v1.queries import term_names
from cms.models import Post

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(os.environ["DATABASE_URL"].startswith("sqlite"), reason="of PostgreSQL"),
]


def kept_by_server() -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT statement FROM pg_prepared_statements WHERE statement LIKE '%%is_tag%%'")
        return [text for (text,) in cursor.fetchall()]


def test_it_is_planned_once_for_as_many_posts_as_a_page_has(make_post: Callable[..., Post]) -> None:
    posts = [make_post(tags=[f"Tag {number}", "Tea"]) for number in range(6)]
    connection.connection.forget_plans()
    for asked in (posts[1:], posts[2:], posts[:5], posts[:2], posts[3:], posts[4:]):
        found = term_names(asked, AnonymousUser())
        assert found.tags == {post.pk: sorted([f"Tag {posts.index(post)}", "Tea"]) for post in asked}
    [planned] = kept_by_server()
    assert planned.count("$") == 2  # an array for each kind


def test_within_a_transaction_nothing_is_planned(make_post: Callable[..., Post]) -> None:
    post = make_post(tags=["Tea"])
    connection.connection.forget_plans()
    with transaction.atomic():
        for _ in range(5):
            assert term_names([post], AnonymousUser()).tags == {post.pk: ["Tea"]}
    assert kept_by_server() == []
