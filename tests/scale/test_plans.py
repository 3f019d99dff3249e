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

from cms.db.prepared import fetch_all
from cms.models import Post, Tag, User
from cms.services.sessions import open_session
from tests.scale.plans import Explainer, Plan, faults_of, nodes_of, read_as_a_whole
from tests.slow import slow

WITHOUT_SEQSCAN = ("SET LOCAL enable_seqscan = off",)
WITHOUT_SORT = (*WITHOUT_SEQSCAN, "SET LOCAL enable_sort = off", "SET LOCAL enable_incremental_sort = off")
SMALL = 500
"""Between the number of tags, which are read as a whole, and that of posts."""


@pytest.fixture(scope="module", params=[1_000, slow(3_000)])
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
    """`ask("/api/v2/posts")`, with a body as an author, or with a role: to be called as often as one likes."""
    settings.PUBLIC_CACHE_MB = 0

    def make(path: str, body: Any = None, role: str = "") -> Callable[[], object]:
        role = role or ("author" if body else "")
        token = _token_of(role) if role else ""

        def asking() -> object:
            headers = {"authorization": f"Bearer {token}"} if token else {}
            given = {} if body is None else {"data": json.dumps(body), "content_type": "application/json"}
            answer = Client(headers=headers).generic("GET" if body is None else "POST", path, **given)
            assert answer.status_code < 300, answer.content
            return answer

        return asking

    return make


def _token_of(role: str) -> str:
    user = User.objects.filter(role=role).order_by("username")[0]
    return open_session(user=user, now=timezone.now()).access_token


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
    [fault] = faults_of({"by meta title": lambda: list(Post.objects.filter(meta_title="Tea"))}, SMALL, WITHOUT_SEQSCAN)
    assert fault.startswith("by meta title reads all of cms_post: SELECT ")


def test_a_prepared_statement_is_explained_by_the_plan_for_any_values(posts: int, db: None) -> None:
    slug, explainer = Post.objects.filter(slug="sample-1-501").get().slug, Explainer(WITHOUT_SEQSCAN)
    with connection.execute_wrapper(explainer):
        assert len(fetch_all("SELECT id FROM cms_post WHERE slug = %s", [slug])) == 1
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


@pytest.mark.parametrize("role", ["", "subscriber", "author", "editor"])
@pytest.mark.parametrize(
    "path",
    [
        *("", "?sort=published_at", "?sort=-created_at", "?sort=-updated_at", "?sort=title", "?sort=-title"),
        *("?updated_after=2001-01-01T00:00:00Z&sort=updated_at", "?language=VI", "?language=en", "?status=scheduled"),
        *("?status=draft&sort=-updated_at", "?status=draft,archived,published&sort=-updated_at"),
    ],
)
def test_a_list_is_read_in_its_order_whoever_reads(ask: Callable[..., Any], path: str, role: str) -> None:
    explainer = Explainer(WITHOUT_SORT)
    with connection.execute_wrapper(explainer):
        ask(f"/api/v2/posts{path}", role=role)()
    plans = [plan for sql, plan in explainer.plans if '"cms_post"."content_html"' in sql]
    # A visitor sees neither drafts nor what is scheduled, and none is looked for.
    found = (
        [("Limit", "Index Scan")] if role or path not in ("?status=scheduled", "?status=draft&sort=-updated_at") else []
    )
    assert [_page(plan) for plan in plans] == found


@pytest.mark.parametrize("role", ["author", "editor"])
@pytest.mark.parametrize(
    "path",
    [
        *("?status=draft", "?status=draft&sort=published_at", "?status=draft,archived,published,scheduled"),
        *("?status=draft,published,scheduled&sort=title", "?status=published,scheduled&sort=title", "?kind=post,page"),
        "?kind=page,post&status=draft&sort=-updated_at",
    ],
)
def test_a_list_of_several_states_or_kinds_is_put_together_of_lists_that_an_index_has(
    ask: Callable[..., Any], path: str, role: str
) -> None:
    explainer = Explainer(WITHOUT_SORT)
    with connection.execute_wrapper(explainer):
        page = ask(f"/api/v2/posts{path}", role=role)().json()["page"]
        if page["has_more"]:
            ask(page["next"], role=role)()
    plans = [plan for sql, plan in explainer.plans if '"cms_post"."content_html"' in sql]
    assert len(plans) == 1 + page["has_more"]
    for plan in plans:
        merged = [node for node in nodes_of(plan) if node["Node Type"] == "Append"]
        # Of what is scheduled alone all that is published would be passed by: an index of titles has both in one.
        assert not merged or "=published,scheduled&" not in path
        pieces = [piece["Plans"][0] for node in merged for piece in node["Plans"]] or [plan]
        assert {_page(piece) for piece in pieces} <= {("Limit", "Index Scan"), ("Limit", "Index Only Scan")}


@pytest.mark.parametrize("sort", ["-published_at", "published_at", "title", "-updated_at"])
def test_a_page_reached_backwards_enters_the_index_too(ask: Callable[..., Any], sort: str) -> None:
    page = ask(f"/api/v2/posts?sort={sort}")().json()["page"]
    back, explainer = ask(ask(page["next"])().json()["page"]["previous"]), Explainer()
    with connection.execute_wrapper(explainer):
        back()
    [plan] = [plan for sql, plan in explainer.plans if '"cms_post"."content_html"' in sql]
    assert "cms_post" not in read_as_a_whole(plan, {"cms_post": SMALL + 1}, SMALL)


@pytest.mark.parametrize("path", ["", "?status=pending", "?status=published"])
def test_the_comments_of_all_posts_are_read_in_their_order(ask: Callable[..., Any], path: str) -> None:
    explainer = Explainer(WITHOUT_SORT)
    with connection.execute_wrapper(explainer):
        ask(f"/api/v2/comments{path}", role="editor")()
    [plan] = [plan for sql, plan in explainer.plans if '"cms_comment"."text"' in sql]
    assert _page(plan) == ("Limit", "Index Scan")


def _page(plan: Plan) -> tuple[str, str]:
    """What a list's plan is, and what its rows come from; tables that are looked up for each row are passed over.

    Around it the bytes of its texts are summed.
    """
    if plan["Node Type"] in ("Subquery Scan", "WindowAgg"):
        [listed] = plan["Plans"]
        return _page(listed)
    [read] = [node for node in plan["Plans"] if node["Parent Relationship"] == "Outer"]
    return plan["Node Type"], _page(read)[1] if read["Node Type"] == "Nested Loop" else read["Node Type"]


def test_a_small_table_may_be_read_as_a_whole() -> None:
    plan = {"Node Type": "Limit", "Plans": [{"Node Type": "Seq Scan", "Relation Name": "cms_tag"}]}
    assert read_as_a_whole(plan, {"cms_tag": 4_900}) == []
    assert read_as_a_whole(plan, {"cms_tag": 5_100}) == ["cms_tag"]
