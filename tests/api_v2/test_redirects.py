"""Addresses of an imported site lead to their posts."""

from collections.abc import Callable
from urllib.parse import quote

import pytest
from django.test import Client

from cms.models import Post, Redirect, User
from cms.text.old_paths import old_paths_of
from tests.api_v2.sending import problem_of, send

Posts = Callable[..., Post]


def look_up(client: Client, path: str, base: str = "/api/v2") -> tuple[int, str | None]:
    answer = client.get(f"{base}/redirects?path={quote(path, safe='')}", headers={"API-Version": "2"})
    return answer.status_code, answer.headers.get("Location")


@pytest.mark.parametrize(
    ("stored", "asked"),
    [
        ("/2019/05/old-title/", "/2019/05/old-title/"),
        ("/2019/05/old-title/", "/2019/05/old-title"),
        ("/2019/05/old-title", "/2019/05/old-title/"),
        ("/2019/05/old-title/", "/2019/05/old-title/?utm_source=x#top"),
        ("/?p=123", "/?p=123"),
        ("/index.php?id=7", "/index.php?id=7"),
        ("/über/uns", "/%C3%BCber/uns"),
        ("/%C3%BCber/uns/", "/über/uns"),
        ("/%c3%bcber/uns/", "/%C3%BCber/uns/"),
        ("/a b", "/a%20b"),
        ("/Old/Title.html", "/Old/Title.html"),
    ],
)
def test_an_old_address_is_found_however_it_is_written(
    client: Client, make_post: Posts, stored: str, asked: str
) -> None:
    post = make_post(slug="new-öne")
    Redirect.objects.create(old_path=stored, post=post)
    assert look_up(client, asked) == (301, "/api/v2/posts/new-%C3%B6ne")
    assert look_up(client, asked, "/api") == (301, "/api/posts/new-%C3%B6ne")


@pytest.mark.parametrize("asked", ["/old/title", "/Old", "/Old/Title/more", "/", "/?p=124", "/%00", "/x" * 2_000])
def test_another_address_leads_nowhere(client: Client, make_post: Posts, asked: str) -> None:
    post = make_post()
    Redirect.objects.create(old_path="/Old/Title", post=post)
    Redirect.objects.create(old_path="/?p=123", post=post)
    assert look_up(client, asked) == (404, None)


def test_an_address_with_its_query_comes_before_the_one_without(client: Client, make_post: Posts) -> None:
    for slug, old_path in (("plain", "/page"), ("seventh", "/page?id=7")):
        Redirect.objects.create(old_path=old_path, post=make_post(slug=slug))
    assert look_up(client, "/page?id=7") == (301, "/api/v2/posts/seventh")
    assert look_up(client, "/page?id=8") == (301, "/api/v2/posts/plain")


def test_the_address_of_a_hidden_post_is_told_to_those_who_see_it(
    client: Client, client_of: Callable[[User], Client], editor: User, hidden_posts: dict[str, Post]
) -> None:
    for reason, post in hidden_posts.items():
        Redirect.objects.create(old_path=f"/{reason}", post=post)
        assert look_up(client, f"/{reason}") == (404, None)
        assert look_up(client_of(editor), f"/{reason}")[0] == 301


def test_a_redirect_may_be_kept_by_anyone_s_cache_only_when_anyone_may_see_it(
    client: Client, client_of: Callable[[User], Client], editor: User, make_post: Posts
) -> None:
    Redirect.objects.create(old_path="/old", post=make_post())
    for by, cache_control in ((client, "public, max-age=0, must-revalidate"), (client_of(editor), "private, no-cache")):
        answer = send(by, "get", "/redirects?path=/old")
        assert (answer.headers["Cache-Control"], answer.content) == (cache_control, b"")


@pytest.mark.parametrize("query", ["", "?path=", "?path=old", "?path=/a&to=b", "?path=https://example.org/old"])
def test_a_path_is_required_and_begins_with_a_slash(client: Client, db: None, query: str) -> None:
    assert problem_of(send(client, "get", f"/redirects{query}")) == (400, "invalid-parameter")


def test_the_forms_of_an_address_are_few_whatever_it_holds() -> None:
    for path in ("/", "/ü/%C3%9C/?a=b", "/%2525", "//", "/%ff/"):
        assert 1 <= len(old_paths_of(path)) <= 16
        assert old_paths_of(path)[0] == path
