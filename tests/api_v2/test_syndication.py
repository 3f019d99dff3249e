"""GET /feed.atom and /sitemap.xml: what is public, as other programs read it, whoever asks."""

import datetime
import xml.etree.ElementTree as ET
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.http import HttpRequest
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext
from django.utils.http import parse_http_date

from api_v2.views.syndication import SitemapView
from cms.models import Category, Post, User

ATOM = "{http://www.w3.org/2005/Atom}"
MAP = "{http://www.sitemaps.org/schemas/sitemap/0.9}"
HOST = "http://testserver"


def feed_of(answer: Any) -> ET.Element:
    assert answer.status_code == 200, answer.content
    assert answer.headers["Content-Type"] == "application/atom+xml"
    return ET.fromstring(answer.content)


def texts(element: ET.Element, path: str) -> list[str | None]:
    return [found.text for found in element.findall("/".join(f"{ATOM}{step}" for step in path.split("/")))]


def links(element: ET.Element) -> dict[str, str]:
    return {link.attrib["rel"]: link.attrib["href"] for link in element.findall(f"{ATOM}link")}


def test_a_feed_has_what_the_rfc_asks_for(
    get: Callable[..., Any], make_post: Callable[..., Post], make_category: Callable[..., Category]
) -> None:
    fields = {"tags": ["Tea & cake"], "categories": [make_category("Home")], "language": "de"}
    post = make_post(title="Über <Tee>", content="*Heiß* & gut.", slug="tee", **fields)
    feed = feed_of(get("/feed.atom"))
    assert texts(feed, "id") == [f"{HOST}/api/v2/feed.atom"]
    assert links(feed) == {"self": f"{HOST}/api/v2/feed.atom", "alternate": f"{HOST}/api/v2/posts"}
    (entry,) = feed.findall(f"{ATOM}entry")
    assert texts(entry, "id") == [f"urn:uuid:{post.pk}"]
    assert texts(entry, "title") == ["Über <Tee>"]
    assert texts(entry, "author/name") == [post.author.username]
    assert links(entry) == {"alternate": f"{HOST}/api/v2/posts/tee"}
    assert texts(entry, "content") == [post.content_html]
    assert entry.find(f"{ATOM}content").attrib == {"type": "html"}
    assert texts(feed, "updated") == texts(entry, "updated") == [_rfc_3339(post.updated_at)]
    assert [found.attrib["label"] for found in entry.findall(f"{ATOM}category")] == ["Tea & cake", "Home"]


def _rfc_3339(instant: datetime.datetime) -> str:
    return f"{instant.isoformat(timespec='microseconds')[:26]}Z"


def test_a_feed_goes_newest_first_in_pages(client: Client, make_post: Callable[..., Post]) -> None:
    now = datetime.datetime.now(datetime.UTC)
    for number in range(3):
        make_post(title=str(number), published_at=now - datetime.timedelta(hours=number))
    first = feed_of(client.get("/api/v2/feed.atom?limit=2"))
    second = feed_of(client.get(links(first)["next"].removeprefix(HOST)))
    assert texts(first, "entry/title") + texts(second, "entry/title") == ["0", "1", "2"]
    assert texts(second, "id") == texts(first, "id") == [f"{HOST}/api/v2/feed.atom"]
    assert links(second)["self"] == links(first)["next"]
    assert "next" not in links(second)


def test_a_feed_of_a_tag_or_a_category_is_one_of_its_own(
    get: Callable[..., Any], make_post: Callable[..., Post], make_category: Callable[..., Category]
) -> None:
    make_post(title="a", tags=["x"])
    make_post(title="b", categories=[make_category("Home")])
    for query, title in (("tag=x", "a"), ("category=home", "b")):
        feed = feed_of(get(f"/feed.atom?{query}&limit=5"))
        assert texts(feed, "entry/title") == [title]
        assert texts(feed, "id") == [f"{HOST}/api/v2/feed.atom?{query}"]


@pytest.mark.usefixtures("hidden_posts")
@pytest.mark.parametrize("path", ["/feed.atom", "/sitemap.xml"])
def test_nothing_hidden_is_shown_even_to_editors(
    get: Callable[..., Any], client_of: Callable[[User], Client], editor: User, path: str
) -> None:
    for reader in (None, client_of(editor)):
        answer = get(path, by=reader)
        assert answer.status_code == 200
        assert b"ecret" not in answer.getvalue()
        assert answer.headers["Cache-Control"].startswith("private" if reader else "public")


@pytest.mark.usefixtures("db")
def test_an_empty_feed_is_a_valid_one_and_stays_the_same(get: Callable[..., Any]) -> None:
    first = get("/feed.atom?tag=none")
    assert texts(feed_of(first), "updated") == ["1970-01-01T00:00:00.000000Z"]
    assert get("/feed.atom?tag=none", **{"If-None-Match": first.headers["ETag"]}).status_code == 304


def test_a_feed_is_answered_by_304_until_it_changes(get: Callable[..., Any], make_post: Callable[..., Post]) -> None:
    post = make_post()
    first = get("/feed.atom")
    assert parse_http_date(first.headers["Last-Modified"]) == int(post.updated_at.timestamp())
    again = get("/feed.atom", **{"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["ETag"] == first.headers["ETag"]
    Post.objects.filter(pk=post.pk).update(status="archived")
    later = get("/feed.atom", **{"If-None-Match": first.headers["ETag"]})
    assert later.status_code == 200


def test_characters_that_xml_cannot_have_are_replaced(get: Callable[..., Any], make_post: Callable[..., Post]) -> None:
    post = make_post()
    Post.objects.filter(pk=post.pk).update(content_html="a\x0bb\x1f\ufffe𝄞")
    assert texts(feed_of(get("/feed.atom")), "entry/content") == ["a\ufffdb\ufffd\ufffd𝄞"]


def test_a_feed_costs_two_statements(
    get: Callable[..., Any], make_post: Callable[..., Post], django_assert_max_num_queries: Any
) -> None:
    for _ in range(3):
        make_post(tags=["x"])
    with django_assert_max_num_queries(2):
        get("/feed.atom")


@pytest.mark.usefixtures("db")
@pytest.mark.parametrize(
    ("path", "accept", "status"),
    [
        ("/feed.atom", "application/atom+xml", 200),
        ("/feed.atom", "application/json", 406),
        ("/feed.atom?limit=101", "*/*", 400),
        ("/feed.atom?author=x", "*/*", 400),
        ("/feed.atom?cursor=x", "*/*", 400),
        ("/sitemap.xml", "text/html, application/xml;q=0.9", 200),
        ("/sitemap.xml?part=0", "*/*", 400),
        ("/sitemap.xml?part=2", "*/*", 404),
        ("/posts", "application/atom+xml", 406),
    ],
)
def test_each_answers_in_its_own_form_and_refuses_as_all_do(
    get: Callable[..., Any], path: str, accept: str, status: int
) -> None:
    answer = get(path, accept=accept)
    assert answer.status_code == status
    if status != 200:
        assert answer.headers["Content-Type"] == "application/problem+json"


def test_a_sitemap_has_the_address_of_every_public_post(
    get: Callable[..., Any], make_post: Callable[..., Post]
) -> None:
    post = make_post(slug="über-tee")
    make_post(kind="page", slug="about")
    found = ET.fromstring(get("/sitemap.xml").getvalue())
    assert found.tag == f"{MAP}urlset"
    assert [url.text for url in found.iter(f"{MAP}loc")] == [
        f"{HOST}/api/v2/posts/%C3%BCber-tee",
        f"{HOST}/api/v2/posts/about",
    ]
    assert next(found.iter(f"{MAP}lastmod")).text == _rfc_3339(post.updated_at)


def test_a_post_that_was_scheduled_changed_for_a_sitemap_when_it_appeared(
    get: Callable[..., Any], make_post: Callable[..., Post]
) -> None:
    post = make_post()
    appeared_at = post.published_at
    assert appeared_at is not None
    Post.objects.filter(pk=post.pk).update(updated_at=appeared_at - datetime.timedelta(days=3))
    found = ET.fromstring(get("/sitemap.xml").getvalue())
    assert next(found.iter(f"{MAP}lastmod")).text == _rfc_3339(appeared_at)


@pytest.fixture
def ask_in_parts_of_two(make_post: Callable[..., Post]) -> Callable[[str], ET.Element]:
    for number in range(3):
        make_post(slug=f"p{number}")
    view = SitemapView.as_view(urls_per_part=2)

    def ask(query: str) -> ET.Element:
        request: HttpRequest = RequestFactory().get(f"/api/v2/sitemap.xml{query}")
        answer: Any = view(request)
        assert answer.status_code == 200
        return ET.fromstring(answer.getvalue())

    return ask


def test_a_large_sitemap_is_an_index_of_parts(ask_in_parts_of_two: Callable[[str], ET.Element]) -> None:
    index = ask_in_parts_of_two("")
    assert index.tag == f"{MAP}sitemapindex"
    parts = [loc.text for loc in index.iter(f"{MAP}loc")]
    assert parts == [f"{HOST}/api/v2/sitemap.xml?part={n}" for n in (1, 2)]
    assert len(list(index.iter(f"{MAP}lastmod"))) == 2
    slugs = [loc.text.rsplit("/", 1)[1] for n in (1, 2) for loc in ask_in_parts_of_two(f"?part={n}").iter(f"{MAP}loc")]
    assert slugs == ["p0", "p1", "p2"]


def test_an_index_costs_a_statement_a_part_and_one_that_counts(
    ask_in_parts_of_two: Callable[[str], ET.Element],
) -> None:
    with CaptureQueriesContext(connection) as queries:
        index = ask_in_parts_of_two("")
    assert (len(index.findall(f"{MAP}sitemap")), len(queries)) == (2, 3)


@pytest.mark.usefixtures("db")
def test_head_of_a_sitemap_has_no_body(client: Client) -> None:
    answer = client.head("/api/v2/sitemap.xml")
    assert (answer.status_code, answer.getvalue()) == (200, b"")
    assert answer.headers["Content-Type"] == "application/xml"
