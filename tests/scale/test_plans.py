"""No large table is read as a whole for what is asked often, at sizes that a test can make.

At these sizes reading a whole table often is the better plan: so the planner may do it only where no index serves.
"""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection, transaction
from django.test import Client
from django.utils import timezone

from cms.models import Post, Tag, User
from cms.services.sessions import open_session
from tests.scale.plans import Explainer, faults_of, nodes_of, read_as_a_whole

WITHOUT_SEQSCAN = ("SET LOCAL enable_seqscan = off",)
SMALL = 500
"""Between the number of tags, which are read as a whole, and that of posts."""


@pytest.fixture(scope="module", params=[1_000, 3_000])
def posts(request: pytest.FixtureRequest, django_db_setup: None, django_db_blocker: Any) -> Iterator[int]:
    with django_db_blocker.unblock(), transaction.atomic():
        if connection.vendor != "postgresql":
            pytest.skip("what PostgreSQL alone has")
        call_command("seed", "--posts", str(request.param), "--comments", str(request.param), "--force", verbosity=0)
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE cms_comment")
        yield request.param
        transaction.set_rollback(True)


@pytest.fixture
def ask(posts: int, db: None, settings: Any) -> Callable[..., Callable[[], object]]:
    """`ask("/api/v2/posts")`, or with a body as an author: to be called as often as one likes."""
    settings.PUBLIC_CACHE_MB = 0
    author = User.objects.filter(role="author").order_by("username")[0]
    token = open_session(user=author, now=timezone.now()).access_token

    def make(path: str, body: Any = None) -> Callable[[], object]:
        def asking() -> object:
            headers = {} if body is None else {"authorization": f"Bearer {token}"}
            given = {} if body is None else {"data": json.dumps(body), "content_type": "application/json"}
            answer = Client(headers=headers).generic("GET" if body is None else "POST", path, **given)
            assert answer.status_code < 300, answer.content
            return answer

        return asking

    return make


def test_reads_and_writes_go_by_indexes(ask: Callable[..., Callable[[], object]]) -> None:
    post = Post.objects.filter(slug="sample-1-501").get()
    tags = Tag.objects.filter(usage_count__gt=0).order_by("-usage_count")
    version_2 = [f"/posts/{post.pk}", f"/posts/{post.slug}", "/posts", f"/posts?author={post.author_id}", "/feed.atom"]
    version_2 += [f"/posts/{post.pk}/comments", "/search?q=maps", "/search?q=501", "/search/suggest?q=maps"]
    version_2 += [f"/posts?tag={tags.first().slug}", f"/posts?tag={tags.last().slug}", "/posts?category=sample-travel"]
    version_1 = [f"/posts/{post.pk}", "/posts", "/posts?page=40", f"/posts/{post.pk}/comments", "/search?q=maps"]
    paths = [*(f"/api/v2{path}" for path in version_2), *(f"/api/v1{path}" for path in version_1)]
    paths.append(Client().get("/api/v2/posts").json()["page"]["next"])
    asked = {path: ask(path) for path in paths}
    asked["create"] = ask("/api/v2/posts", {"title": "One more", "content": "x", "tags": ["coastal maps"]})
    assert faults_of(asked, SMALL, WITHOUT_SEQSCAN) == []


def test_a_question_that_no_index_answers_is_found(posts: int, db: None) -> None:
    [fault] = faults_of({"by title": lambda: list(Post.objects.filter(title="Tea"))}, SMALL, WITHOUT_SEQSCAN)
    assert fault.startswith("by title reads all of cms_post: SELECT ")


def test_a_prepared_statement_is_explained_by_the_plan_for_any_values(ask: Callable[..., Callable[[], object]]) -> None:
    slug, explainer = Post.objects.filter(slug="sample-1-501").get().slug, Explainer(WITHOUT_SEQSCAN)
    with connection.execute_wrapper(explainer):
        ask(f"/api/v2/posts/{slug}")()
    [plan] = [json.dumps(plan) for _, plan in explainer.plans]
    assert "slug)::text = $" in plan
    assert slug not in plan


@pytest.mark.parametrize("path", ["/posts?tag={}", "/posts?tag={}&sort=title", "/feed.atom?tag={}"])
def test_the_posts_of_a_tag_are_looked_for_without_what_they_hold(ask: Callable[..., Any], path: str) -> None:
    slug, explainer = Tag.objects.order_by("-usage_count").first().slug, Explainer(WITHOUT_SEQSCAN)
    with connection.execute_wrapper(explainer):
        ask(f"/api/v2{path.format(slug)}")()
    [plan] = [plan for sql, plan in explainer.plans if "content_html" in sql]
    pages = [node for node in nodes_of(plan) if node["Node Type"] == "Limit" and node["Plan Rows"] > 1]
    assert min(page["Plan Width"] for page in pages) < 100  # bytes: an id and what the order goes by


def test_a_small_table_may_be_read_as_a_whole() -> None:
    plan = {"Node Type": "Limit", "Plans": [{"Node Type": "Seq Scan", "Relation Name": "cms_tag"}]}
    assert read_as_a_whole(plan, {"cms_tag": 4_900}) == []
    assert read_as_a_whole(plan, {"cms_tag": 5_100}) == ["cms_tag"]
