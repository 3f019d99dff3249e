"""Answers that are kept for anonymous readers: without a query, the same bytes, never stale, never anybody else's."""

import datetime
import os
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection, connections
from django.db.backends.signals import connection_created
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from api_v2.public_bodies import turns
from api_v2.views.public_view import TURNS, key_of
from cms.choices import CommentStatus
from cms.costs.turns import BoundedIfSlow, Places
from cms.generations import in_redis
from cms.models import Category, Comment, Post
from cms.policy import SYSTEM
from cms.services.comments import moderate_comment
from cms.services.post_states import trash_post
from cms.services.posts import update_post
from cms.services.tags import update_tag
from cms.services.users import update_user
from tests.servers import free_port
from tests.stalls import fair_time

HOUR = datetime.timedelta(hours=1)
MOMENT_S = 3
"""Long enough for what has to happen before, also on a machine that stands still for a second."""
PER_ANSWER = ("X-Request-ID", "RateLimit", "RateLimit-Policy", "Date")
INCLUDE = "include=author,tags,categories,featured_image,comment_count"
pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(
        os.environ["DATABASE_URL"].startswith("sqlite"),
        reason="nothing is kept of a database in memory; tests/faults has SQLite in a file",
    ),
]


@pytest.fixture(autouse=True)
def _unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever waits for another thread's question to Redis does so, however busy the machine."""
    monkeypatch.setattr(in_redis, "TIMEOUT_S", 60.0)


@pytest.fixture
def ask(client: Client) -> Callable[..., tuple[Any, int]]:
    """`ask("/posts")`: the answer to an anonymous GET, and how many queries it took."""

    def send(path: str, *, by: Client | None = None, method: str = "get", **headers: str) -> tuple[Any, int]:
        with CaptureQueriesContext(connection) as queries:
            answer = getattr(by or client, method)(path, headers=headers)
        return answer, len(queries)

    return send


@pytest.fixture
def post(
    make_post: Callable[..., Post], make_category: Callable[..., Category], make_comment: Callable[..., Comment]
) -> Post:
    made = make_post(title="First", slug="first", tags=["Tea"], categories=[make_category("Top")])
    make_comment(made)
    return made


def bare(answer: Any) -> tuple[int, bytes, dict[str, str]]:
    """What of an answer is the same each time."""
    return (
        answer.status_code,
        answer.content,
        {name: value for name, value in answer.headers.items() if name not in PER_ANSWER},
    )


PATHS = (
    *("/api/v2/posts", "/api/v2/posts?limit=1&fields=id", f"/api/v2/posts?{INCLUDE}&tag=tea&count=exact"),
    *("/api/v2/posts/first", f"/api/v2/posts/first?{INCLUDE}", "/api/v2/posts/first/comments"),
    *("/api/v2/tags", "/api/v2/tags/tea", "/api/v2/categories", "/api/v2/categories/top", "/api/v2/categories/tree"),
    *("/api/v2/feed.atom", "/api/v2/posts?q=first", "/api/v2/search?q=first"),
    f"/api/v2/search?q=first&sort=title&tag=tea&{INCLUDE}",
)
SEARCH = "/api/v2/search?q=content"
COST_MAX = 10
"""Statements of the first: a search sets PostgreSQL's planner in a transaction."""


def test_a_second_read_costs_no_query_and_says_the_same(ask: Any, post: Post) -> None:
    for path in PATHS:
        first, cost = ask(path)
        assert (first.status_code, 1 <= cost <= COST_MAX) == (200, True), (path, cost)
        again, cost = ask(path)
        assert (path, bare(again), cost) == (path, bare(first), 0)
        assert again.headers["X-Request-ID"] != first.headers["X-Request-ID"]
        assert again.headers["RateLimit"] != first.headers["RateLimit"]


def test_head_and_conditional_reads_are_answered_from_what_a_get_has_kept_and_the_other_way_round(
    ask: Any, post: Post
) -> None:
    head, _ = ask("/api/v2/posts/first", method="head")
    got, cost = ask("/api/v2/posts/first")
    assert (head.content, got.json()["title"], cost) == (b"", "First", 0)
    assert bare(head)[2] == bare(got)[2]
    known, cost = ask("/api/v2/posts/first", **{"If-None-Match": got.headers["ETag"]})
    assert (known.status_code, known.content, cost) == (304, b"", 0)
    fresh, _ = ask("/api/v2/tags", **{"If-None-Match": "*"})
    assert (fresh.status_code, ask("/api/v2/tags")[0].json()["data"][0]["name"]) == (304, "Tea")


CHANGES: dict[str, Callable[[Post], Any]] = {
    "post": lambda post: update_post(actor=SYSTEM, post=post, changes={"title": "Second"}, now=timezone.now()),
    "state": lambda post: trash_post(actor=SYSTEM, post=post, now=timezone.now()),
    "tag": lambda post: update_tag(actor=SYSTEM, tag=post.tags.get(), changes={"name": "Coffee"}, now=timezone.now()),
    "author": lambda post: update_user(
        actor=SYSTEM, user=post.author, changes={"display_name": "Mia M."}, now=timezone.now()
    ),
    "comment": lambda post: moderate_comment(
        actor=SYSTEM, comment=post.comments.get(), status=CommentStatus.REJECTED, now=timezone.now()
    ),
    "plain statement": lambda post: Post.objects.filter(pk=post.pk).update(excerpt="By hand"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_every_change_shows_at_once_in_the_process_that_made_it(ask: Any, post: Post, change: str) -> None:
    of_posts = (f"/api/v2/posts?{INCLUDE}", f"/api/v2/search?q=content&{INCLUDE}")
    paths = ("/api/v2/posts/first/comments",) if change == "comment" else of_posts
    before = [ask(path)[0].content for path in paths]
    assert [ask(path)[1] for path in paths] == [0] * len(paths)
    CHANGES[change](post)
    for path, content in zip(paths, before, strict=True):
        after, cost = ask(path)
        assert cost > 0
        assert after.content != content


def test_whoever_shows_a_credential_is_answered_from_the_database(ask: Any, post: Post, client_of: Any) -> None:
    ask("/api/v2/posts/first")
    assert ask("/api/v2/posts/first", by=client_of(post.author))[1] > 0
    for name, value in (("x-api-key", ""), ("x-api-key", "tdm_nobody"), ("authorization", "Bearer x")):
        assert ask("/api/v2/posts/first", by=Client(headers={name: value}))[0].status_code == 401
    browser = Client()
    browser.force_login(post.author)
    assert ask("/api/v2/posts/first", by=browser)[1] > 0
    marked = Client()
    marked.cookies["canary_id"] = "whatever"
    assert ask("/api/v2/posts/first", by=marked)[1] == 0


def test_a_page_and_json_of_one_address_are_kept_apart_and_the_page_keeps_its_policy(ask: Any, post: Post) -> None:
    browser = "text/html,application/xhtml+xml,*/*;q=0.8"
    first, _ = ask("/api/v2/posts/first", accept=browser)
    assert ask("/api/v2/posts/first")[0].json()["slug"] == "first"
    kept, cost = ask("/api/v2/posts/first", accept=browser)
    assert (cost, kept.content) == (0, first.content)
    assert kept.headers["Content-Security-Policy"] == first.headers["Content-Security-Policy"]


def test_what_its_author_reads_of_a_private_post_is_kept_for_nobody(
    ask: Any, make_post: Callable[..., Post], client_of: Any
) -> None:
    post = make_post(title="Mine alone", visibility="private", slug="mine")
    by = client_of(post.author)
    for _ in range(2):
        assert ask("/api/v2/posts/mine", by=by)[0].status_code == 200
        answer, cost = ask("/api/v2/posts/mine")
        assert (answer.status_code, cost > 0) == (404, True)
        assert "Mine" not in ask("/api/v2/posts")[0].content.decode()


def test_refusals_redirects_and_empty_lists_are_not_kept(ask: Any, post: Post) -> None:
    update_post(actor=SYSTEM, post=post, changes={"slug": "second"}, now=timezone.now())
    for path, status in (("nowhere", 404), ("first", 301)):
        costs = [ask(f"/api/v2/posts/{path}") for _ in range(2)]
        assert [(answer.status_code, cost > 0) for answer, cost in costs] == [(status, True)] * 2
    assert ask("/api/v2/posts", accept="text/html")[0].status_code == 406
    assert ask("/api/v2/posts?nonsense=1")[0].status_code == 400
    assert [ask("/api/v2/posts?language=xx")[1] > 0 for _ in range(2)] == [True, True]


def test_a_path_is_kept_for_each_base_query_host_and_accept_by_itself(ask: Any, post: Post) -> None:
    pinned, _ = ask("/api/v2/posts/first")
    entrance, cost = ask("/api/posts/first", **{"API-Version": "2"})
    assert (cost > 0, entrance.json()["links"]["self"]) == (True, f"/api/posts/{post.pk}")
    again, cost = ask("/api/posts/first", **{"API-Version": "2"})
    assert (cost, again.content, again.headers["Cache-Control"]) == (0, entrance.content, "private, no-cache")
    assert pinned.json()["links"]["self"] == f"/api/v2/posts/{post.pk}"
    assert ask("/api/v2/posts/first?fields=id")[0].json() == {"id": str(post.pk)}
    assert ask("/api/v2/posts/first", accept="application/json")[1] > 0
    assert ask("/api/v2/posts/first", accept="text/html")[0].status_code == 406
    assert (
        ask("/api/v2/feed.atom", host="localhost")[0].content != ask("/api/v2/feed.atom", host="127.0.0.1")[0].content
    )


def test_a_kept_post_ends_when_it_expires_and_so_do_its_comments_and_the_list(ask: Any, post: Post) -> None:
    expires_at = timezone.now() + datetime.timedelta(seconds=MOMENT_S)
    update_post(actor=SYSTEM, post=post, changes={"expires_at": expires_at}, now=timezone.now())
    paths = ("/api/v2/posts/first", "/api/v2/posts/first/comments", "/api/v2/posts", "/api/v2/feed.atom", SEARCH)
    before = {path: ask(path)[0].content for path in paths}
    _reach(expires_at)
    for path in paths:
        answer, _ = ask(path)
        assert answer.status_code == 404 or answer.content != before[path], path


@pytest.mark.slow
def test_a_scheduled_post_appears_on_the_second_in_a_list_that_is_kept(
    ask: Any, post: Post, make_post: Callable[..., Post]
) -> None:
    published_at = timezone.now() + datetime.timedelta(seconds=MOMENT_S)
    make_post(title="Later", published_at=published_at)
    paths = ("/api/v2/posts", SEARCH, f"{SEARCH}&sort=title")
    assert ["Later" in ask(path)[0].content.decode() for path in paths] == [False] * 3
    assert [ask(path)[1] for path in paths] == [0] * 3
    _reach(published_at)
    assert ["Later" in ask(path)[0].content.decode() for path in paths] == [True] * 3


@pytest.mark.slow
def test_a_tag_appears_on_the_second_in_a_list_that_is_kept(
    ask: Any, post: Post, make_post: Callable[..., Post]
) -> None:
    published_at = timezone.now() + datetime.timedelta(seconds=MOMENT_S)
    later = make_post(tags=["Later"], published_at=published_at)
    assert [ask("/api/v2/tags")[1] for _ in range(2)] == [1, 0]
    assert "Later" not in ask("/api/v2/tags")[0].content.decode()
    _reach(published_at)  # and no worker runs
    expires_at = timezone.now() + datetime.timedelta(seconds=MOMENT_S)
    Post.objects.filter(pk=later.pk).update(expires_at=expires_at)  # behind the services, as time would
    for path in ("/api/v2/tags", "/api/v2/tags/later"):
        assert "Later" in ask(path)[0].content.decode()
    _reach(expires_at)
    assert "Later" not in ask("/api/v2/tags")[0].content.decode()
    assert ask("/api/v2/tags/later")[0].status_code == 404


@pytest.mark.slow
def test_an_expiry_behind_a_publication_that_nobody_has_settled_ends_lists_too(
    ask: Any, post: Post, make_post: Callable[..., Post]
) -> None:
    late = make_post(title="Late", published_at=timezone.now() + datetime.timedelta(seconds=0.2))
    expires_at = timezone.now() + datetime.timedelta(seconds=MOMENT_S)
    update_post(actor=SYSTEM, post=late, changes={"expires_at": expires_at}, now=timezone.now())
    assert late.published_at
    _reach(late.published_at)  # and no worker runs
    assert "Late" in ask("/api/v2/posts")[0].content.decode()
    _reach(expires_at)
    assert "Late" not in ask("/api/v2/posts")[0].content.decode()


def _reach(instant: datetime.datetime) -> None:
    """Not a sleep for luck: what is tested happens at that instant."""
    while (wait_s := (instant - timezone.now()).total_seconds()) > 0:
        time.sleep(wait_s)


def test_what_was_read_before_a_change_is_not_kept_after_it(ask: Any, post: Post) -> None:
    """The change comes between the query and the keeping: told by another thread, on another connection."""
    changed = False

    def change_after_the_read(execute: Any, sql: str, *rest: Any) -> Any:
        nonlocal changed
        result = execute(sql, *rest)
        if not changed and 'FROM "cms_post"' in sql:
            changed = True
            with ThreadPoolExecutor(1) as pool:
                pool.submit(_on_its_own, lambda: CHANGES["post"](post)).result()
        return result

    with connection.execute_wrapper(change_after_the_read):
        assert ask("/api/v2/posts/first")[0].json()["title"] == "First"
    assert changed
    answer, cost = ask("/api/v2/posts/first")
    assert (answer.json()["title"], cost) == ("Second", 1)


def _on_its_own(act: Callable[[], Any]) -> Any:
    try:
        return act()
    finally:
        connections.close_all()


@pytest.fixture
def statements() -> Iterator[list[str]]:
    """Whatever any thread asks of the posts."""
    seen: list[str] = []

    def note(execute: Any, sql: str, *rest: Any) -> Any:
        if sql.startswith("SELECT") and 'FROM "cms_post"' in sql:
            seen.append(sql)
        return execute(sql, *rest)

    def watch(connection: Any, **_: Any) -> None:
        if note not in connection.execute_wrappers:
            connection.execute_wrappers.insert(0, note)

    connection_created.connect(watch)
    yield seen
    connection_created.disconnect(watch)


def test_a_stampede_is_answered_by_one_computation(post: Post, statements: list[str]) -> None:
    together = threading.Barrier(12)

    def read(_: int) -> bytes:
        together.wait()
        return bytes(_on_its_own(lambda: Client().get("/api/v2/posts/first").content))

    with ThreadPoolExecutor(12) as pool:
        bodies = set(pool.map(read, range(12)))
    assert (len(bodies), len(statements)) == (1, 1)


def test_kept_answers_count_against_the_rate_limit(ask: Any, post: Post, settings: Any) -> None:
    settings.RATE_LIMIT_ANONYMOUS = 3
    answers = [ask("/api/v2/posts/first")[0] for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert [answer.headers["RateLimit"].split(";")[1] for answer in answers] == ["r=2", "r=1", "r=0", "r=0"]
    assert answers[-1].headers["Content-Type"] == "application/problem+json"
    assert int(answers[-1].headers["Retry-After"]) > 0


def test_with_the_cache_off_every_read_asks_the_database(ask: Any, post: Post, settings: Any) -> None:
    settings.PUBLIC_CACHE_MB = 0
    assert [ask("/api/v2/posts/first")[1] for _ in range(2)] == [1, 1]


def test_without_redis_answers_are_right_and_come_without_delay(ask: Any, post: Post, settings: Any) -> None:
    settings.REDIS_URL = f"redis://127.0.0.1:{free_port()}/0"
    begin = fair_time()
    for title in ("One", "Two", "Three"):
        update_post(actor=SYSTEM, post=post, changes={"title": title}, now=timezone.now())
        answer, cost = ask("/api/v2/posts/first")
        assert (answer.json()["title"], cost) == (title, 1)
    assert fair_time() - begin < 2  # a single wait for one of these connections would be as long


def test_few_wait_for_an_answer_that_has_lately_taken_long(
    client: Client, rf: RequestFactory, post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turns, "WAITING", BoundedIfSlow("requests wait", grace_s=0, burst_s=1e-9, places=Places(0)))
    path = "/api/v2/posts/first"
    key = key_of(rf.get(path))
    entered, may_end = threading.Event(), threading.Event()

    def hold() -> None:
        with TURNS.turn(key):
            entered.set()
            may_end.wait(60)

    with ThreadPoolExecutor(1) as pool:
        held = pool.submit(hold)
        assert entered.wait(60)
        turns.WAITING._credit.spend(1)
        refused = client.get(path)
        may_end.set()
        held.result()
    assert (refused.status_code, refused.headers["Retry-After"]) == (503, "1")
    assert client.get(path).status_code == 200
