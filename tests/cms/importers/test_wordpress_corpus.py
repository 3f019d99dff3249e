"""The WXR importer against WordPress's own test data. The numbers are the oracles that come with it.

The corpus is imported once for the module, in a transaction that is rolled back after it.
"""

import datetime
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser
from django.db import transaction
from django.db.models import Count, F, Max, Q

from cms.models import AuditEvent, Category, Comment, Post, Tag, User
from tests.cms.importers.conftest import NOW, import_into_database

pytestmark = pytest.mark.django_db
NOBODY = AnonymousUser()


@pytest.fixture(scope="module")
def wordpress(corpora: Path, django_db_setup: None, django_db_blocker: Any) -> Iterator[dict[str, Any]]:
    with django_db_blocker.unblock(), transaction.atomic():
        yield import_into_database(corpora / "wordpress-theme-test-data", now=NOW)
        transaction.set_rollback(True)


def _terms_with_wrong_counts() -> list[str]:
    is_public = Q(
        posts__status="published", posts__visibility="public", posts__kind="post", posts__published_at__lte=NOW
    )
    found = Count("posts", filter=is_public)
    tags = Tag.objects.annotate(found=found).exclude(found=F("usage_count"))
    categories = Category.objects.annotate(found=found).exclude(found=F("post_count"))
    return [*(tag.name for tag in tags), *(category.name for category in categories)]


def test_the_posts_of_wordpress_are_in_their_states(wordpress: dict[str, Any]) -> None:
    posts = Post.objects.posts()
    states = Counter("scheduled" if post.is_scheduled(NOW) else post.status for post in posts)
    assert states == {"published": 56, "scheduled": 1, "draft": 1}
    assert Post.objects.filter(kind="page").count() == 21
    assert posts.visible_to(NOBODY, NOW).count() == 55
    assert wordpress["counts"]["failed"] == 0


def test_the_scheduled_post_of_wordpress_appears_in_2030(wordpress: dict[str, Any]) -> None:
    scheduled = Post.objects.filter(slug="scheduled")
    assert not scheduled.visible_to(NOBODY, NOW).exists()
    assert scheduled.visible_to(NOBODY, datetime.datetime(2030, 1, 1, 19, 0, 18, tzinfo=datetime.UTC)).exists()


def test_the_post_with_a_password_is_private_and_its_comment_hidden(wordpress: dict[str, Any]) -> None:
    post = Post.objects.get(slug="template-password-protected")
    assert (post.status, post.visibility) == ("published", "private")
    assert not Comment.objects.filter(post=post).visible_to(NOBODY, NOW).exists()
    assert not [item for item in wordpress["items"] if item["original"] == "enter"]


def test_the_comments_of_wordpress_keep_their_threads_and_states(wordpress: dict[str, Any]) -> None:
    assert Counter(Comment.objects.values_list("status", flat=True)) == {"published": 30, "pending": 3}
    assert Comment.objects.aggregate(deepest=Max("depth")) == {"deepest": 9}
    assert Comment.objects.filter(author__username="themedemos").count() == 3


def test_the_terms_of_wordpress_keep_their_tree_and_counts(wordpress: dict[str, Any]) -> None:
    assert Category.objects.count() == 68
    assert Category.objects.exclude(parent=None).count() == 10
    assert sorted(Category.objects.filter(name="Foo A").values_list("parent__name", flat=True), key=str) == [
        "Foo Parent",
        None,
    ]
    assert Post.objects.annotate(n=Count("categories")).aggregate(most=Max("n")) == {"most": 63}
    assert Tag.objects.count() == 110 + 3  # three stand at posts and are not declared
    assert _terms_with_wrong_counts() == []


def test_odd_titles_slugs_and_authors_of_wordpress_arrive(wordpress: dict[str, Any]) -> None:
    assert User.objects.count() == 2
    titles = dict(Post.objects.values_list("slug", "title"))
    assert titles["markup-title-with-markup"] == "Markup: Title With Markup"
    assert titles["title-with-special-characters"].endswith("""~`!@#$%^&*()-_=+{}[]/\\;:'"?,.>""")
    assert titles["επίπεδο-2"] == "Επίπεδο 2 -Second Greek level"
    assert titles["edge-case-no-title"] == "edge case no title"


@pytest.mark.slow
def test_a_second_import_changes_nothing_and_reports_the_same(wordpress: dict[str, Any], corpora: Path) -> None:
    posts = list(Post.objects.order_by("pk").values_list("pk", "version", "updated_at"))
    events = AuditEvent.objects.count()
    second = import_into_database(corpora / "wordpress-theme-test-data", now=NOW + datetime.timedelta(days=1))
    written = wordpress["counts"]["created"] + wordpress["counts"]["unchanged"]
    assert second["counts"] == {**wordpress["counts"], "created": 0, "unchanged": written}
    assert second["items"] == wordpress["items"]
    assert list(Post.objects.order_by("pk").values_list("pk", "version", "updated_at")) == posts
    assert AuditEvent.objects.count() == events
