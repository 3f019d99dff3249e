"""JSON that somebody opens in a browser is a page to read and to follow; programs get what they always got."""

import html
from collections.abc import Callable
from typing import Any

import pytest

from api_v2.views import api_view
from cms.models import Post

BROWSERS = (
    "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8",
    "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
)
PROGRAMS = (
    "*/*",
    "text/html, image/gif, image/jpeg, */*; q=0.2",
    "text/html, */*;q=0.1",
    "application/json, text/html;q=0.9, application/xhtml+xml;q=0.9",
    "application/json, text/html, application/xhtml+xml",
)


@pytest.mark.usefixtures("db")
@pytest.mark.parametrize("accept", BROWSERS)
def test_a_browser_gets_a_page_with_links(get: Callable[..., Any], make_post: Callable[..., Post], accept: str) -> None:
    made = make_post(title="</pre><script>alert(1)</script>")
    answer = get(f"/posts/{made.slug}?fields=title,links", accept=accept)
    page = answer.content.decode()
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'; style-src 'self'")
    assert "Accept" in answer.headers["Vary"]
    assert f'"<a href="/api/v2/posts/{made.pk}">/api/v2/posts/{made.pk}</a>"' in page
    assert "<script" not in page
    assert html.escape(made.title) in page
    assert get(f"/posts/{made.slug}?fields=title,links").headers["ETag"] != answer.headers["ETag"]
    assert (
        get(
            f"/posts/{made.slug}?fields=title,links", accept=accept, **{"If-None-Match": answer.headers["ETag"]}
        ).status_code
        == 304
    )


@pytest.mark.usefixtures("db")
@pytest.mark.parametrize("accept", PROGRAMS)
def test_a_program_gets_json(get: Callable[..., Any], accept: str) -> None:
    assert get("/posts", accept=accept).headers["Content-Type"] == "application/json"


@pytest.mark.usefixtures("db")
def test_a_very_long_answer_stays_json(
    get: Callable[..., Any], make_post: Callable[..., Post], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page takes ten times the time and the memory."""
    path = f"/posts/{make_post(content='a' * 2_000).slug}"
    monkeypatch.setattr(api_view, "PAGE_BYTES_MAX", 2_000)
    assert get(path, accept=BROWSERS[0]).headers["Content-Type"] == "application/json"
    assert get(f"{path}?fields=title", accept=BROWSERS[0]).headers["Content-Type"].startswith("text/html")


@pytest.mark.usefixtures("db")
def test_errors_and_changes_are_json_for_browsers_too(get: Callable[..., Any], client: Any) -> None:
    assert get("/posts/nowhere", accept=BROWSERS[0]).headers["Content-Type"] == "application/problem+json"
    body = {"email": "nobody@example.org", "password": "wrong"}
    refused = client.post("/api/v2/auth/token", body, "application/json", headers={"Accept": BROWSERS[0]})
    assert (refused.status_code, refused.headers["Content-Type"]) == (401, "application/problem+json")


@pytest.mark.usefixtures("db")
def test_the_index_is_a_page_whose_links_lead_on(get: Callable[..., Any]) -> None:
    page = get("", accept=BROWSERS[0]).content.decode()
    assert '<a href="/api/v2/posts">' in page
    assert '<a href="/api/v2/docs">Documentation</a>' in page
