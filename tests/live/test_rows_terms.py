"""Rows about tags and categories: made, found, refused, the tree, and the stories that lead from posts to them."""

import uuid
from typing import Any

import pytest

from tests.live.answers import created, ok, pointers, problem
from tests.live.site import Site, unique

RESOURCES = ["tags", "categories"]
TABLES: dict[str, Any] = {"tags": "cms_tag", "categories": "cms_category"}
FILED = "SELECT category_id AS id FROM cms_post_categories WHERE post_id = %s"


def make(site: Site, resource: str, **fields: Any) -> dict[str, Any]:
    body = {"name": unique("Term"), **fields}
    return created(site.people["editor"].post(f"/{resource}", json=body), resource)


@pytest.mark.parametrize("resource", RESOURCES)
def test_term_create_and_get_by_slug(site: Site, resource: str) -> None:
    """A tag that no public post carries is there for those who manage tags, a category for everybody."""
    term, editor = make(site, resource, description="About it."), site.people["editor"]
    answer = editor.get(f"/{resource}/{term['slug']}")
    assert (ok(answer)["id"], answer.json()["description"], answer.json()["post_count"]) == (term["id"], "About it.", 0)
    assert ok(editor.get(f"/{resource}/{term['id']}")) == answer.json()
    anonymous = site.anonymous.get(f"/{resource}/{term['slug']}")
    assert anonymous.status_code == (404 if resource == "tags" else 200)
    stored = site.row(f"SELECT name, slug FROM {TABLES[resource]} WHERE id = %s", term["id"])  # type: ignore[arg-type]
    assert stored == {"name": term["name"], "slug": term["slug"]}


@pytest.mark.parametrize("resource", RESOURCES)
def test_term_duplicate_409(site: Site, resource: str) -> None:
    name = make(site, resource)["name"]
    answer = site.people["editor"].post(f"/{resource}", json={"name": name})
    assert pointers(problem(answer, 409, "duplicate")) == {"/name": "duplicate"}
    assert site.row(f"SELECT count(*) FROM {TABLES[resource]} WHERE name = %s", name)["count"] == 1  # type: ignore[arg-type]


@pytest.mark.parametrize("resource", RESOURCES)
def test_term_missing_404(site: Site, resource: str) -> None:
    problem(site.anonymous.get(f"/{resource}/no-such-term"), 404, "not-found")
    problem(site.people["editor"].delete(f"/{resource}/no-such-term"), 404, "not-found")


@pytest.mark.parametrize("resource", RESOURCES)
def test_term_by_others_403_and_401(site: Site, resource: str) -> None:
    body = {"name": unique("Term")}
    problem(site.people["author"].post(f"/{resource}", json=body), 403, "permission-denied")
    problem(site.anonymous.post(f"/{resource}", json=body), 401, "authentication-required")


@pytest.mark.parametrize("resource", RESOURCES)
def test_term_changed_and_deleted(site: Site, resource: str) -> None:
    term = make(site, resource)
    path = f"/{resource}/{term['id']}"
    etag = site.people["editor"].get(path).headers["ETag"]
    changed = site.people["editor"].patch(path, json={"description": "New."}, headers={"If-Match": etag})
    assert ok(changed)["description"] == "New."
    stored = f"SELECT name, slug, description FROM {TABLES[resource]} WHERE id = %s"
    assert site.row(stored, term["id"]) == {"name": term["name"], "slug": term["slug"], "description": "New."}  # type: ignore[arg-type]
    problem(site.people["editor"].delete(path, headers={"If-Match": etag}), 412, "precondition-failed")
    assert len(site.rows(stored, term["id"])) == 1  # type: ignore[arg-type]
    assert site.people["editor"].delete(path, headers={"If-Match": changed.headers["ETag"]}).status_code == 204
    problem(site.anonymous.get(path), 404, "not-found")
    assert site.rows(stored, term["id"]) == []  # type: ignore[arg-type]


def test_category_tree(site: Site) -> None:
    root = make(site, "categories")
    child = make(site, "categories", parent=root["id"])
    grandchild = make(site, "categories", parent=child["id"])
    [found] = [node for node in ok(site.anonymous.get("/categories/tree"))["data"] if node["id"] == root["id"]]
    [below] = found["children"]
    assert (below["id"], [node["id"] for node in below["children"]]) == (child["id"], [grandchild["id"]])
    circle = site.people["editor"].patch(f"/categories/{root['id']}", json={"parent": grandchild["id"]})
    assert set(pointers(problem(circle, 422, "invalid-input"))) == {"/parent"}
    ids = [uuid.UUID(category["id"]) for category in (root, child, grandchild)]
    stored = site.rows("SELECT id, parent_id FROM cms_category WHERE id = ANY(%s)", ids)
    assert {row["id"]: row["parent_id"] for row in stored} == dict(zip(ids, [None, *ids], strict=False))


def test_category_in_use_409(site: Site) -> None:
    category = make(site, "categories")
    post = created(
        site.people["author"].post("/posts", json={"title": "T", "content": "x", "categories": [category["slug"]]}),
        "posts",
    )
    problem(site.people["editor"].delete(f"/categories/{category['id']}"), 409, "in-use")
    assert site.row("SELECT name FROM cms_category WHERE id = %s", category["id"]) == {"name": category["name"]}
    assert site.row(FILED, post["id"]) == {"id": uuid.UUID(category["id"])}


def test_story_user_post_comment(site: Site) -> None:
    """From a profile to what they wrote to what others said of it, as a reader goes."""
    post = created(site.people["author"].post("/posts", json={"title": unique("Story"), "content": "x"}), "posts")
    ok(site.people["author"].post(f"/posts/{post['id']}/actions/publish"))
    written = created(site.people["editor"].post(f"/posts/{post['id']}/comments", json={"text": "A word."}), "comments")
    writer = ok(site.anonymous.get(f"/users/{post['author']}"))
    assert "email" not in writer
    posts = ok(site.anonymous.get(f"/posts?author={writer['username']}&include=author,comment_count&limit=100"))
    [found] = [row for row in posts["data"] if row["id"] == post["id"]]
    assert found["comment_count"] == 1
    assert [user["id"] for user in posts["included"]["authors"]] == [writer["id"]]
    [comment] = ok(site.anonymous.get(f"/posts/{post['id']}/comments"))["data"]
    assert (comment["id"], comment["text"]) == (written["id"], "A word.")
    stored = site.row("SELECT post_id, author_id, text, status FROM cms_comment WHERE id = %s", comment["id"])
    assert stored == {
        "post_id": uuid.UUID(post["id"]),
        "author_id": uuid.UUID(ok(site.people["editor"].get("/me"))["id"]),
        "text": "A word.",
        "status": "published",
    }
    assert site.row("SELECT author_id, status FROM cms_post WHERE id = %s", post["id"]) == {
        "author_id": uuid.UUID(writer["id"]),
        "status": "published",
    }


def test_story_post_tags_category(site: Site) -> None:
    """A post brings its tags, is found by them and below its category's parent, and their counts follow it."""
    root = make(site, "categories")
    category = make(site, "categories", parent=root["id"])
    tag = unique("a tag").replace("_", "-")
    body = {"title": unique("Story"), "content": "x", "tags": [tag], "categories": [category["id"]]}
    post = created(site.people["author"].post("/posts", json=body), "posts")
    counts = []
    for action in ("publish", "archive"):
        ok(site.people["author"].post(f"/posts/{post['id']}/actions/{action}"))
        counts.append(
            [
                ok(site.people["editor"].get(f"/tags/{post['tags'][0]}"))["post_count"],
                ok(site.anonymous.get(f"/categories/{category['id']}"))["post_count"],
            ]
        )
        found = ok(site.anonymous.get(f"/posts?category={root['slug']}&include=tags,categories"))
        assert [row["id"] for row in found["data"]] == ([post["id"]] if action == "publish" else [])
    assert counts == [[1, 1], [0, 0]]
    assert site.row("SELECT status FROM cms_post WHERE id = %s", post["id"]) == {"status": "archived"}
    assert site.row(FILED, post["id"]) == {"id": uuid.UUID(category["id"])}
    tagged = "SELECT t.id, t.name FROM cms_tag t JOIN cms_post_tags l ON l.tag_id = t.id WHERE l.post_id = %s"
    assert site.row(tagged, post["id"]) == {"id": uuid.UUID(post["tags"][0]), "name": tag}
