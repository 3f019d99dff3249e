"""Rows about posts: from draft to trash, found by id, slug and old slug."""

import datetime
import uuid
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.live.answers import created, ok, pointers, problem
from tests.live.site import Site, unique

STATE = "SELECT status, published_at, version FROM cms_post WHERE id = %s"
type Make = Callable[..., dict[str, Any]]


@pytest.fixture
def make(site: Site) -> Make:
    """`make(is_published=True, title="…")`: a post by the author."""

    def make_post(*, is_published: bool = False, **fields: Any) -> dict[str, Any]:
        answer = site.people["author"].post(
            "/posts", json={"title": unique("Post"), "content": "Some *text*.", **fields}
        )
        post = created(answer, "posts")
        return act(site.people["author"], post, "publish") if is_published else post

    return make_post


def act(client: httpx.Client, post: dict[str, Any], action: str, body: Any = None) -> dict[str, Any]:
    return ok(client.post(f"/posts/{post['id']}/actions/{action}", json=body or {}))


def test_post_create_is_a_draft_201(site: Site, make: Make) -> None:
    post = make(tags=["live rows"], language="pt-BR", meta={"title": "For search engines"})
    assert (post["status"], post["published_at"], post["version"]) == ("draft", None, 1)
    assert (post["language"], post["meta"]["title"], post["content_html"]) == (
        "pt-BR",
        "For search engines",
        "<p>Some <em>text</em>.</p>\n",
    )
    assert {"publish", "update", "archive", "trash"} <= set(post["actions"])
    assert site.row(STATE, post["id"])["status"] == "draft"
    problem(site.anonymous.get(f"/posts/{post['id']}"), 404, "not-found")


def test_post_get_by_slug_and_by_id(site: Site, make: Make) -> None:
    post = make(is_published=True)
    by_id, by_slug = (site.anonymous.get(f"/posts/{post[name]}") for name in ("id", "slug"))
    assert ok(by_id) == ok(by_slug)
    assert by_id.json()["actions"] == []
    assert by_id.headers["ETag"] == by_slug.headers["ETag"]
    assert by_id.headers["ETag"].startswith(f'"{post["version"]}-')
    assert by_id.headers["Cache-Control"].startswith("public")
    assert "Authorization" in by_id.headers["Vary"]
    again = site.anonymous.get(f"/posts/{post['id']}", headers={"If-None-Match": by_id.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize("name", [str(uuid.UUID(int=7)), "no-such-slug", "0192-not-a-uuid", "%F0%9F%90%A4"])
def test_post_missing_404(site: Site, name: str) -> None:
    for client in (site.anonymous, site.people["admin"]):
        problem(client.get(f"/posts/{name}"), 404, "not-found")
    problem(site.people["admin"].patch(f"/posts/{name}", json={"title": "x"}), 404, "not-found")


def test_post_old_slug_301(site: Site, make: Make) -> None:
    post, new = make(is_published=True), unique("new-slug").replace("_", "-")
    ok(site.people["author"].patch(f"/posts/{post['id']}", json={"slug": new}))
    moved = site.anonymous.get(f"/posts/{post['slug']}?fields=id")
    assert (moved.status_code, moved.headers["Location"]) == (301, f"/api/v2/posts/{new}?fields=id")
    followed = httpx.get(f"{site.server.base_url}{moved.headers['Location']}", timeout=60)
    assert followed.json() == {"id": post["id"]}
    assert site.row("SELECT slug FROM cms_post WHERE id = %s", post["id"]) == {"slug": new}
    old = site.row("SELECT old_path FROM cms_redirect WHERE post_id = %s", post["id"])
    assert old == {"old_path": f"/posts/{post['slug']}"}


def test_post_old_slug_of_a_hidden_post_404(site: Site, make: Make) -> None:
    post = make()
    ok(site.people["author"].patch(f"/posts/{post['id']}", json={"slug": unique("hidden").replace("_", "-")}))
    problem(site.anonymous.get(f"/posts/{post['slug']}"), 404, "not-found")


def test_post_update(site: Site, make: Make) -> None:
    post = make(meta={"title": "T", "description": "D"})
    answer = site.people["author"].patch(
        f"/posts/{post['id']}",
        content=b'{"title": "Other", "meta": {"description": null}}',
        headers={"Content-Type": "application/merge-patch+json"},
    )
    assert (ok(answer)["title"], answer.json()["meta"]) == ("Other", {"title": "T", "description": ""})
    assert answer.headers["ETag"].startswith('"2-')
    row = site.row("SELECT title, meta_title, meta_description, version FROM cms_post WHERE id = %s", post["id"])
    assert row == {"title": "Other", "meta_title": "T", "meta_description": "", "version": 2}


def test_post_update_at_another_version_412(site: Site, make: Make) -> None:
    post = make()
    path = f"/posts/{post['id']}"
    etag = site.people["author"].get(path).headers["ETag"]
    answer = site.people["author"].patch(path, json={"title": "First"}, headers={"If-Match": f"W/{etag}"})
    assert answer.status_code == 200
    late = site.people["editor"].patch(path, json={"title": "Late"}, headers={"If-Match": etag})
    problem(late, 412, "precondition-failed")
    assert late.headers["ETag"] == site.people["editor"].get(path).headers["ETag"]
    problem(site.people["editor"].delete(path, headers={"If-Match": etag}), 412, "precondition-failed")
    archived = site.people["editor"].post(f"{path}/actions/archive", json={}, headers={"If-Match": etag})
    problem(archived, 412, "precondition-failed")
    assert site.row("SELECT title, status FROM cms_post WHERE id = %s", post["id"]) == {
        "title": "First",
        "status": "draft",
    }


def test_post_update_by_others_403_401_404(site: Site, make: Make) -> None:
    public, draft = make(is_published=True), make()
    problem(site.people["subscriber"].patch(f"/posts/{public['id']}", json={}), 403, "permission-denied")
    problem(site.anonymous.patch(f"/posts/{public['id']}", json={}), 401, "authentication-required")
    problem(site.people["subscriber"].get(f"/posts/{draft['id']}"), 404, "not-found")


def test_post_publish_now(site: Site, make: Make) -> None:
    post = act(site.people["author"], make(), "publish")
    assert (post["status"], post["published_at"] is not None) == ("published", True)
    assert ok(site.anonymous.get(f"/posts/{post['id']}"))["status"] == "published"
    assert site.row(STATE, post["id"])["status"] == "published"
    again = site.people["author"].post(f"/posts/{post['id']}/actions/publish")
    assert "archived" in problem(again, 409, "invalid-transition")["detail"]


def test_post_publish_scheduled(site: Site, make: Make) -> None:
    later = datetime.datetime.now(datetime.UTC).replace(microsecond=0) + datetime.timedelta(days=1)
    post = act(site.people["author"], make(), "publish", {"published_at": later.isoformat()})
    assert (post["status"], datetime.datetime.fromisoformat(post["published_at"])) == ("scheduled", later)
    problem(site.anonymous.get(f"/posts/{post['id']}"), 404, "not-found")
    listed = ok(site.people["author"].get(f"/posts?status=scheduled&ids={post['id']}"))
    assert [found["id"] for found in listed["data"]] == [post["id"]]
    assert site.row(STATE, post["id"])["published_at"] == later


def test_post_archive_and_restore(site: Site, make: Make) -> None:
    post = make(is_published=True)
    assert act(site.people["author"], post, "archive")["status"] == "archived"
    problem(site.anonymous.get(f"/posts/{post['id']}"), 404, "not-found")
    restored = act(site.people["author"], post, "restore")
    assert (restored["status"], restored["published_at"]) == ("draft", None)
    assert site.row(STATE, post["id"])["status"] == "draft"


def test_post_trash_and_restore(site: Site, make: Make) -> None:
    post = make(is_published=True)
    answer = site.people["author"].delete(f"/posts/{post['id']}")
    assert (answer.status_code, answer.content) == (204, b"")
    problem(site.anonymous.get(f"/posts/{post['id']}"), 404, "not-found")
    assert site.row(STATE, post["id"])["status"] == "trashed"
    problem(site.people["author"].delete(f"/posts/{post['id']}"), 409, "invalid-transition")
    assert act(site.people["author"], post, "restore")["status"] == "published"
    assert ok(site.anonymous.get(f"/posts/{post['id']}"))["id"] == post["id"]


def test_post_missing_field_422_with_pointer(site: Site) -> None:
    answer = site.people["author"].post("/posts", json={"title": ""})
    assert pointers(problem(answer, 422, "invalid-input")) == {"/content": "required"}
    empty = site.people["author"].post("/posts", json={"title": "", "content": "x"})
    assert set(pointers(problem(empty, 422, "invalid-input"))) == {"/title"}


def test_post_unknown_member_422_names_what_is_allowed(site: Site) -> None:
    answer = site.people["author"].post("/posts", json={"title": "T", "content": "x", "publshed": True})
    body = problem(answer, 422, "invalid-input")
    assert pointers(body) == {"/publshed": "unknown_member"}
    assert "visibility" in body["errors"][0]["message"]


def test_post_duplicate_slug_409(site: Site, make: Make) -> None:
    slug = make()["slug"]
    answer = site.people["author"].post("/posts", json={"title": "T", "content": "x", "slug": slug})
    assert pointers(problem(answer, 409, "duplicate")) == {"/slug": "duplicate"}


def test_preview_shows_a_draft_to_whoever_has_the_link(site: Site, make: Make) -> None:
    post = make()
    preview = act(site.people["author"], post, "preview")
    shown = httpx.get(preview["url"], timeout=60)
    assert (shown.status_code, shown.json()["id"]) == (200, post["id"])
    assert httpx.get(f"{preview['url']}x", timeout=60).status_code == 404
    assert site.row(STATE, post["id"]) == {"status": "draft", "published_at": None, "version": 1}
    made = "SELECT object_type FROM cms_auditevent WHERE object_id = %s AND action = 'post.preview_made'"
    assert site.row(made, post["id"]) == {"object_type": "post"}
