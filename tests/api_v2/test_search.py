"""GET /search and /search/suggest: ranked pages, orders of lists, filters, facets, what is refused."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from cms.models import Category, Post, User
from tests.api_v2.walking import BASE, walk


@pytest.fixture
def kettles(make_post: Callable[..., Post], make_category: Callable[..., Category]) -> list[Post]:
    """Five posts about kettles, the first in its title too, and one about none."""
    posts = [make_post(title="Kettle kettle", content="A kettle.", tags=["tea"], categories=[make_category("Home")])]
    posts += [make_post(title=f"Post {n}", content="Some kettle.", tags=["tea", f"t{n}"]) for n in range(4)]
    make_post(title="Other", content="Nothing of it.")
    return posts


def posts_in(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.content
    return [hit["post"]["title"] for hit in answer.json()["data"]]


def test_a_hit_is_a_post_with_its_score_and_where_it_was_found(get: Callable[..., Any], kettles: list[Post]) -> None:
    body = get("/search?q=kettle&limit=1").json()
    (hit,) = body["data"]
    assert hit["post"] == get("/posts/kettle-kettle").json()
    assert hit["score"] > 0
    assert hit["highlights"]["title"] == "<mark>Kettle</mark> <mark>kettle</mark>"
    assert set(hit["highlights"]) == {"title", "excerpt", "snippet"}
    assert body["truncated"] is False
    assert body["facets"]["tags"][0] == {"slug": "tea", "count": 5}
    assert body["facets"]["categories"] == [{"slug": "home", "count": 1}]
    assert body["page"]["has_more"] is True


@pytest.mark.parametrize("sort", ["relevance", "title", "-published_at,title"])
def test_pages_lead_through_all_hits_and_back(
    client: Client, get: Callable[..., Any], kettles: list[Post], sort: str
) -> None:
    found = [hit["post"]["id"] for hit in walk(client, f"/search?q=kettle&limit=2&sort={sort}")]
    assert sorted(found) == sorted(str(post.pk) for post in kettles)
    first = get(f"/search?q=kettle&limit=2&sort={sort}&count=exact").json()
    second = client.get(first["page"]["next"])
    assert first["page"]["total"] == second.json()["page"]["total"] == 5
    assert second.headers["Link"].count("rel=") == 2
    back = client.get(second.json()["page"]["previous"]).json()
    assert [hit["post"]["id"] for hit in back["data"]] == found[:2]
    assert back["page"]["previous"] is None


def test_an_order_of_lists_has_highlights_and_no_scores(get: Callable[..., Any], kettles: list[Post]) -> None:
    answer = get("/search?q=kettle&sort=-title&limit=1")
    (hit,) = answer.json()["data"]
    assert (hit["post"]["title"], hit["score"]) == ("Post 3", None)
    assert "<mark>kettle</mark>" in hit["highlights"]["snippet"]
    assert answer.json()["facets"]["tags"][0] == {"slug": "tea", "count": 5}


@pytest.mark.usefixtures("kettles")
@pytest.mark.parametrize(
    ("query", "count"),
    [("tag=t1", 1), ("tag=t1,t2", 2), ("category=home", 1), ("language=EN", 5), ("language=de", 0), ("kind=page", 0)],
)
def test_filters_are_those_of_lists(get: Callable[..., Any], query: str, count: int) -> None:
    assert len(posts_in(get(f"/search?q=kettle&{query}"))) == count


def test_an_author_is_named_by_id_or_username(get: Callable[..., Any], kettles: list[Post], author: User) -> None:
    for name in (author.pk, author.username):
        assert len(posts_in(get(f"/search?q=kettle&author={name}"))) == 5


def test_fields_and_include_are_of_the_posts(get: Callable[..., Any], kettles: list[Post]) -> None:
    body = get("/search?q=kettle&limit=1&fields=id,title&include=tags,comment_count").json()
    assert set(body["data"][0]["post"]) == {"id", "title", "comment_count"}
    assert [tag["slug"] for tag in body["included"]["tags"]] == ["tea"]


@pytest.mark.usefixtures("hidden_posts")
def test_what_is_hidden_is_neither_found_nor_counted(
    get: Callable[..., Any], client_of: Callable[[User], Client], editor: User
) -> None:
    asked = "/search?q=secret&count=exact&status=draft,scheduled,published,archived,trashed"
    assert get(asked).json()["page"]["total"] == 0
    assert get(asked, by=client_of(editor)).json()["page"]["total"] == 6
    assert posts_in(get("/search?q=secret", by=client_of(editor))) == ["Secret private", "Secret expired"]


@pytest.mark.usefixtures("db")
@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ("", "q"),
        ("q=", "q"),
        ("q=%20%09", "q"),
        (f"q={'x' * 501}", "q"),
        ("q=x&offset=1", "offset"),
        ("q=x&sort=score", "sort"),
        ("q=x&sort=relevance,title", "sort"),
        ("q=x&limit=101", "limit"),
        ("q=x&cursor=nonsense", "cursor"),
    ],
)
def test_what_search_does_not_take_is_a_400(get: Callable[..., Any], query: str, parameter: str) -> None:
    answer = get(f"/search?{query}")
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["parameter"] == parameter


@pytest.mark.usefixtures("kettles")
def test_a_cursor_of_ranked_hits_is_good_for_their_query_alone(client: Client, get: Callable[..., Any]) -> None:
    query = urlsplit(get("/search?q=kettle&limit=1").json()["page"]["next"]).query
    assert client.get(f"{BASE}/search?{query}").status_code == 200
    for other in (query.replace("q=kettle", "q=some"), f"{query}&tag=tea", f"{query}&sort=title"):
        assert client.get(f"{BASE}/search?{other}").status_code == 400


@pytest.mark.usefixtures("db")
def test_a_query_of_nothing_finds_nothing(get: Callable[..., Any]) -> None:
    body = get("/search?q=%3F%21").json()
    assert (body["data"], body["facets"]) == ([], {"tags": [], "categories": []})


@pytest.mark.usefixtures("kettles")
def test_an_anonymous_page_of_hits_costs_three_statements_and_two_of_the_planner(get: Callable[..., Any]) -> None:
    get("/search?q=kettle")  # what is only done once
    with CaptureQueriesContext(connection) as queries:
        get("/search?q=kettle&include=author,tags,categories")
    ours = [query["sql"] for query in queries if "SAVEPOINT" not in query["sql"]]  # a test's form of a transaction
    assert len(ours) == (5 if connection.vendor == "postgresql" else 3), ours


@pytest.mark.parametrize(("sort", "statements"), [("relevance", 4), ("title", 4)])
def test_the_terms_that_are_filtered_by_are_read_once(
    get: Callable[..., Any], kettles: list[Post], sort: str, statements: int
) -> None:
    get("/search?q=kettle")
    with CaptureQueriesContext(connection) as queries:
        answer = get(f"/search?q=kettle&sort={sort}&tag=tea&category=home")
    assert posts_in(answer) == ["Kettle kettle"]
    reads = [query["sql"] for query in queries]
    for table in ("cms_tag", "cms_category"):
        assert len([sql for sql in reads if sql.startswith(f'SELECT "{table}"')]) == 1
    around = 4 if connection.vendor == "postgresql" else 0  # they open and close a transaction and set its planner
    assert len(reads) == statements + around


def test_suggestions_are_a_list_of_texts(get: Callable[..., Any], kettles: list[Post]) -> None:
    body = get("/search/suggest?q=ke&limit=3").json()
    assert body == {
        "data": ["Kettle kettle"],
        "page": {"next": None, "previous": None, "has_more": False, "limit": 3},
    }


@pytest.mark.usefixtures("db")
@pytest.mark.parametrize("query", ["", "q=", "q=%20", "prefix=x", "q=x&limit=51", "q=x&limit=0", f"q={'x' * 101}"])
def test_what_suggest_does_not_take_is_a_400(get: Callable[..., Any], query: str) -> None:
    assert get(f"/search/suggest?{query}").status_code == 400


@pytest.mark.usefixtures("hidden_posts")
def test_nobody_is_told_the_words_of_hidden_posts(get: Callable[..., Any]) -> None:
    assert get("/search/suggest?q=secret").json()["data"] == []


@pytest.mark.usefixtures("kettles")
def test_lists_take_a_query_too(client: Client, get: Callable[..., Any]) -> None:
    assert len(walk(client, "/posts?q=kettle&limit=2&sort=title")) == 5
    assert get("/posts?q=kettle&tag=t1&count=exact").json()["page"]["total"] == 1
