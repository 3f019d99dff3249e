"""The Markdown importer against the 509 posts of a real blog. The numbers are the oracles that come with it.

The corpus is imported once for the module, in a transaction that is rolled back after it.
"""

import datetime
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser
from django.db import transaction
from django.db.models import Count, F, Max

from cms.models import AuditEvent, Post, Redirect, User
from tests.cms.importers.conftest import NOW, import_into_database

pytestmark = [pytest.mark.django_db, pytest.mark.slow]
NOBODY = AnonymousUser()


@pytest.fixture(scope="module")
def blog(corpora: Path, django_db_setup: None, django_db_blocker: Any) -> Iterator[dict[str, Any]]:
    with django_db_blocker.unblock(), transaction.atomic():
        yield import_into_database(corpora / "18f-blog/content/posts", now=NOW)
        transaction.set_rollback(True)


def test_508_of_the_509_files_of_the_blog_are_published_and_the_broken_one_is_reported(blog: dict[str, Any]) -> None:
    assert blog["counts"] == {"created": 508 + 142 + 273, "updated": 0, "unchanged": 0, "skipped": 1, "failed": 0}
    assert Post.objects.visible_to(NOBODY, NOW).count() == 508
    broken = [item for item in blog["items"] if item["object"].startswith("file ")]
    assert [(item["line"], "2016-05-19-content-debt" in item["source"]) for item in broken] == [(5, True)]


def test_no_script_of_the_blog_reaches_a_reader_and_its_sources_keep_theirs(blog: dict[str, Any]) -> None:
    assert Post.objects.filter(content__contains="<script").count() == 8
    assert not Post.objects.filter(content_html__icontains="<script").exists()


def test_old_addresses_of_the_blog_lead_to_its_posts(blog: dict[str, Any]) -> None:
    redirect = Redirect.objects.get(old_path="/2017/09/08/forrest-service-six-month-check/")
    assert redirect.post.slug == "forest-service-six-month-check"
    assert Redirect.objects.count() == 8 + 2


def test_all_kinds_of_dates_of_the_blog_are_read(blog: dict[str, Any]) -> None:
    dates = dict(Post.objects.values_list("slug", "published_at"))
    assert dates["coming-soon"] == datetime.datetime(2014, 3, 12, 14, 11, tzinfo=datetime.UTC)
    assert dates["tockingtime"] == datetime.datetime(2015, 5, 21, tzinfo=datetime.UTC)
    assert dates["andrew-hyder-award-3"] == datetime.datetime(2024, 8, 20, tzinfo=datetime.UTC)
    assert not Post.objects.exclude(published_at=F("created_at")).exists()
    assert not Post.objects.exclude(published_at=F("updated_at")).exists()


def test_authors_of_the_blog_are_users_who_cannot_sign_in(blog: dict[str, Any]) -> None:
    users = list(User.objects.all())
    assert len(users) == 273
    assert not any(user.has_usable_password() for user in users)
    assert {user.role for user in users} == {"author"}
    post = Post.objects.get(slug="tockingtime")
    assert (post.author.display_name, post.author.username) == ("sean", "sean")
    assert Post.objects.annotate(n=Count("co_authors")).aggregate(most=Max("n")) == {"most": 5}


def test_a_second_import_changes_nothing_and_reports_the_same(blog: dict[str, Any], corpora: Path) -> None:
    posts = list(Post.objects.order_by("pk").values_list("pk", "version", "updated_at"))
    events = AuditEvent.objects.count()
    second = import_into_database(corpora / "18f-blog/content/posts", now=NOW + datetime.timedelta(days=1))
    written = blog["counts"]["created"] + blog["counts"]["unchanged"]
    assert second["counts"] == {**blog["counts"], "created": 0, "unchanged": written}
    assert second["items"] == blog["items"]
    assert list(Post.objects.order_by("pk").values_list("pk", "version", "updated_at")) == posts
    assert AuditEvent.objects.count() == events
