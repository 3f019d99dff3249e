"""What HTTP asks of every path: HEAD, OPTIONS, validators, headers for caches, links on the client's base."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from django.utils.http import parse_http_date

from cms.models import Comment, MediaFile, Post, User
from cms.policy import SYSTEM
from cms.services.posts import update_post

READABLE = [
    *("", "/posts", "/posts/a-post", "/posts/a-post/comments", "/tags", "/categories", "/categories/tree"),
    *("/search?q=post", "/search/suggest?q=po", "/users/{user}", "/comments/{comment}", "/media/{media}", "/feed.atom"),
]


@pytest.fixture
def readable(make_post: Callable[..., Post], make_comment: Callable[..., Comment]) -> dict[str, Any]:
    """The ids that paths of READABLE need: of a post's author, a comment of it and its image."""
    post = make_post()
    names = {"file": "media/x.png", "original_name": "x.png", "mime_type": "image/png", "sha256": "0" * 64}
    media = MediaFile.objects.create(**names, size_bytes=1, uploaded_by=post.author)
    update_post(actor=SYSTEM, post=post, changes={"featured_image": media}, now=timezone.now())
    return {"user": post.author_id, "comment": make_comment(post).pk, "media": media.pk}


@pytest.mark.parametrize("path", READABLE)
def test_head_has_the_headers_of_get_and_no_body(client: Client, readable: dict[str, Any], path: str) -> None:
    url = f"/api/v2{path.format(**readable)}"
    got, head = client.get(url), client.head(url)
    assert head.status_code == got.status_code == 200
    assert head.content == b""
    for name in ("Content-Length", "ETag", "Content-Type", "Cache-Control", "Vary"):
        assert head.headers[name] == got.headers[name]
    assert int(got.headers["Content-Length"]) == len(got.content)


def test_head_of_a_sitemap_has_the_headers_of_get_without_a_length(client: Client, readable: dict[str, Any]) -> None:
    got, head = client.get("/api/v2/sitemap.xml"), client.head("/api/v2/sitemap.xml")
    assert head.status_code == got.status_code == 200
    assert (head.getvalue(), *("Content-Length" in one.headers for one in (got, head))) == (b"", False, False)
    assert b"/posts/a-post<" in got.getvalue()
    for name in ("Content-Type", "Cache-Control", "Vary"):
        assert head.headers[name] == got.headers[name]


@pytest.mark.usefixtures("db")
@pytest.mark.parametrize(
    ("path", "allow"),
    [
        ("/posts", "GET, POST, HEAD, OPTIONS"),
        ("/posts/whatever", "GET, PATCH, DELETE, HEAD, OPTIONS"),
        ("/auth/token", "POST, OPTIONS"),
        ("/users", "GET, POST, HEAD, OPTIONS"),
        ("", "GET, HEAD, OPTIONS"),
    ],
)
def test_plain_options_are_a_204_that_lists_the_verbs(client: Client, path: str, allow: str) -> None:
    answer = client.options(f"/api/v2{path}", headers={"Authorization": "Bearer nonsense"})
    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.headers["Allow"] == allow


@pytest.mark.parametrize("path", READABLE)
@pytest.mark.parametrize("form", ["{}", "W/{}", '"other", W/{}', "*"])
def test_a_client_that_has_the_bytes_already_gets_a_304(
    get: Callable[..., Any], readable: dict[str, Any], path: str, form: str
) -> None:
    url = path.format(**readable)
    first = get(url)
    again = get(url, **{"If-None-Match": form.format(first.headers["ETag"])})
    assert (again.status_code, again.content) == (304, b"")
    for name in ("ETag", "Cache-Control", "Vary"):
        assert again.headers[name] == first.headers[name]


def test_a_posts_etag_begins_with_its_version_and_changes_with_the_body(
    get: Callable[..., Any], make_post: Callable[..., Post]
) -> None:
    post = make_post()
    before = get("/posts/a-post").headers["ETag"]
    update_post(actor=SYSTEM, post=post, changes={"title": "New"}, now=timezone.now())
    after = get("/posts/a-post", **{"If-None-Match": before})
    assert after.status_code == 200
    assert before.startswith('"2-')
    assert after.headers["ETag"].startswith('"3-')


def test_one_resource_says_when_it_was_changed_and_a_list_does_not(
    get: Callable[..., Any], make_post: Callable[..., Post]
) -> None:
    post = make_post(tags=["x"])
    for path in ("/posts/a-post", "/posts/a-post?fields=id", "/tags/x"):
        assert parse_http_date(get(path).headers["Last-Modified"]) == int(post.updated_at.timestamp())
    assert "Last-Modified" not in get("/posts").headers


def test_a_validator_opens_nothing_that_is_hidden(
    get: Callable[..., Any], make_post: Callable[..., Post], client_of: Callable[[User], Client], author: User
) -> None:
    make_post(is_published=False)
    etag = get("/posts/a-post", by=client_of(author)).headers["ETag"]
    for tag in (etag, "*"):
        assert get("/posts/a-post", **{"If-None-Match": tag}).status_code == 404


def test_only_what_everyone_gets_may_be_kept_by_shared_caches(
    get: Callable[..., Any], make_post: Callable[..., Post], client_of: Callable[[User], Client], author: User
) -> None:
    make_post()
    assert get("/posts").headers["Cache-Control"] == "public, max-age=0, must-revalidate"
    assert get("/posts", by=client_of(author)).headers["Cache-Control"] == "private, no-cache"
    assert get("/posts").headers["Vary"] == "Accept, Authorization, X-API-Key, Cookie"


def test_links_stay_on_the_base_that_the_client_used_and_page_links_are_pinned(
    client: Client, make_post: Callable[..., Post]
) -> None:
    ids = {str(make_post().pk), str(make_post().pk)}
    for base in ("/api", "/api/v2"):
        answer = client.get(
            f"{base}/posts?limit=1&fields=id,links", headers={"API-Version": "2"} if base == "/api" else {}
        )
        (post,), page = answer.json()["data"], answer.json()["page"]
        assert post["links"] == {
            "self": f"{base}/posts/{post['id']}",
            "comments": f"{base}/posts/{post['id']}/comments",
        }
        assert page["next"].startswith("/api/v2/posts?limit=1&fields=id,links&cursor=")
        assert answer.headers["Link"] == f'<{page["next"]}>; rel="next"'
        second = client.get(page["next"]).json()
        assert {post["id"], second["data"][0]["id"]} == ids


def test_a_link_that_no_request_line_holds_is_not_named(
    get: Callable[..., Any], make_post: Callable[..., Post]
) -> None:
    author = make_post().author.username
    for _ in range(2):
        make_post()
    for filler, is_named in (("a" * 7_900, True), ("a" * 8_100, False), ("!" * 3_000, False)):
        first = get(f"/posts?limit=1&author={author},{filler}")
        second = get(first.json()["page"]["next"].removeprefix("/api/v2"))
        for answer, relations in ((first, ["next"]), (second, ["next", "prev"])):
            assert answer.json()["page"]["has_more"]
            assert re.findall(r'rel="(\w+)"', answer.headers.get("Link", "")) == relations * is_named


@pytest.mark.parametrize("base", ["/api", "/api/v2"])
def test_the_index_names_paths_that_exist(client: Client, author: User, base: str) -> None:
    headers = {"API-Version": "2"} if base == "/api" else {}
    body = client.get(base, headers=headers).json()
    assert body["api_version"] == 2
    for path in body["links"].values():
        assert path == base or path.startswith(f"{base}/")
        assert client.options(path, headers=headers).status_code == 204
