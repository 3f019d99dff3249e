"""Rows about what is refused: each with its status, its code, where it is wrong, and what would be right."""

import uuid
from typing import Any

import pytest

from tests.live.answers import created, ok, pointers, problem
from tests.live.site import Site, unique

JSON = {"Content-Type": "application/json"}
PARAMETERS: list[tuple[str, str, str, list[str]]] = [
    ("unknown_parameter", "/posts?colour=red", "colour", ["status", "published_after", "sort", "cursor"]),
    ("unknown_operator", "/posts?title__contains=x", "title__contains", ["status", "q", "ids"]),
    ("unknown_operator_in_brackets", "/posts?published_at[gte]=2026", "published_at[gte]", ["published_after"]),
    ("unknown_field", "/posts?fields=id,colour", "fields", ["title", "content_html", "links"]),
    ("unknown_include", "/posts?include=colour", "include", ["author", "tags", "categories", "comment_count"]),
    ("unknown_sort_key", "/posts?sort=-colour", "sort", ["-published_at", "title"]),
    ("unknown_filter_value", "/posts?status=nonsense", "status", ["draft", "scheduled", "trashed"]),
    ("unknown_comment_status", "/comments?status=nonsense", "status", ["pending", "spam"]),
    ("unknown_tag_parameter", "/tags?q=x", "q", ["fields", "limit"]),
    ("limit_0", "/posts?limit=0", "limit", ["1", "100"]),
    ("limit_101", "/posts?limit=101", "limit", ["1", "100"]),
    ("limit_text", "/posts?limit=ten", "limit", ["1", "100"]),
    ("limit_twice", "/posts?limit=1&limit=2", "limit", []),
    ("no_instant", "/posts?published_after=yesterday", "published_after", []),
    ("no_uuid", "/posts?ids=1", "ids", []),
]


@pytest.mark.parametrize(
    ("path", "name", "allowed"), [row[1:] for row in PARAMETERS], ids=[row[0] for row in PARAMETERS]
)
def test_query_400_lists_what_is_allowed(site: Site, path: str, name: str, allowed: list[str]) -> None:
    [error] = problem(site.people["editor"].get(path), 400, "invalid-parameter")["errors"]
    assert error["parameter"] == name
    assert [word for word in allowed if word not in error["message"]] == []


@pytest.mark.parametrize("path", ["/posts", "/posts/x", "/tags/x", "/users", "/comments/x"])
def test_query_of_a_change_400(site: Site, path: str) -> None:
    method = "PATCH" if path.endswith("x") else "POST"
    answer = site.people["admin"].request(method, f"{path}?dry_run=true", json={})
    [error] = problem(answer, 400, "invalid-parameter")["errors"]
    assert "none" in error["message"]


@pytest.mark.parametrize("body", ["{", "", "{'title': 1}", '{"title": NaN}', '{"a": 1}}', '{"title": "\\ud800"}'])
def test_invalid_json_400(site: Site, body: str) -> None:
    problem(site.people["author"].post("/posts", content=body, headers=JSON), 400, "malformed-json")


@pytest.mark.parametrize("body", ["[]", "null", '"text"', "1"])
def test_json_of_another_type_422(site: Site, body: str) -> None:
    answer = site.people["author"].post("/posts", content=body, headers=JSON)
    assert problem(answer, 422, "invalid-input")["errors"][0]["pointer"] == ""


def test_missing_fields_422_with_pointers(site: Site) -> None:
    answer = site.anonymous.post("/users", json={"username": unique("x")})
    assert pointers(problem(answer, 422, "invalid-input")) == {"/email": "required", "/password": "required"}


@pytest.mark.parametrize("place", ["posts", "comments", "users", "tags", "categories", "media", "webhooks", "api-keys"])
@pytest.mark.parametrize(
    "name", ["0192f0c1-xxxx", f"{uuid.uuid4()}0", "-1", "%25"], ids=["short", "long", "minus", "%"]
)
def test_malformed_uuid_404(site: Site, place: str, name: str) -> None:
    problem(site.people["admin"].get(f"/{place}/{name}"), 404, "not-found")


def test_unknown_path_404(site: Site) -> None:
    for path in ("/nowhere", "/posts/", "/posts/x/y/z"):
        problem(site.anonymous.get(path), 404, "not-found")


def test_unknown_method_405_before_credentials(site: Site) -> None:
    answer = site.anonymous.delete("/posts", headers={"Authorization": "Bearer nonsense"})
    problem(answer, 405, "method-not-allowed")
    assert set(answer.headers["Allow"].split(", ")) == {"GET", "POST", "HEAD", "OPTIONS"}


def test_not_acceptable_406(site: Site) -> None:
    problem(site.anonymous.get("/posts", headers={"Accept": "text/html"}), 406, "not-acceptable")
    assert site.anonymous.get("/posts", headers={"Accept": "text/html, */*;q=0.1"}).status_code == 200


def test_body_too_large_413(site: Site) -> None:
    body = b'{"title": "T", "content": "' + b"x" * 14_000_000 + b'"}'
    problem(site.people["author"].post("/posts", content=body, headers=JSON), 413, "body-too-large")


@pytest.mark.parametrize("media_type", ["text/plain", "application/xml", "application/x-www-form-urlencoded", None])
def test_unsupported_media_type_415(site: Site, media_type: str | None) -> None:
    headers = {"Content-Type": media_type} if media_type else {}
    answer = site.people["author"].post("/posts", content=b'{"title": "T", "content": "x"}', headers=headers)
    assert "application/json" in problem(answer, 415, "unsupported-media-type")["detail"]


def test_merge_patch_is_no_body_of_a_post_415(site: Site) -> None:
    headers = {"Content-Type": "application/merge-patch+json"}
    answer = site.people["author"].post("/posts", content=b"{}", headers=headers)
    problem(answer, 415, "unsupported-media-type")


@pytest.fixture
def walked(site: Site) -> dict[str, Any]:
    """The first page of a list that has a second one."""
    for _ in range(2):
        created(site.people["author"].post("/posts", json={"title": unique("Page"), "content": "x"}), "posts")
    return ok(site.people["author"].get("/posts?status=draft&sort=title&limit=1"))


def cursor_of(walked: dict[str, Any]) -> str:
    return str(walked["page"]["next"].partition("cursor=")[2])


def test_cursor_is_good_where_it_was_made(site: Site, walked: dict[str, Any]) -> None:
    answer = site.people["author"].get(f"/posts?status=draft&sort=title&limit=1&cursor={cursor_of(walked)}")
    assert ok(answer)["data"][0]["id"] != walked["data"][0]["id"]


@pytest.mark.parametrize(
    "path",
    [
        "/posts?status=draft&sort=-title&limit=1",
        "/posts?status=draft&limit=1",
        "/posts?status=draft,published&sort=title&limit=1",
        "/posts?status=draft&sort=title&limit=1&kind=page",
        "/posts?sort=title",
        "/tags?limit=1",
        "/comments?limit=1",
        "/users?limit=1",
    ],
)
def test_foreign_cursor_400(site: Site, walked: dict[str, Any], path: str) -> None:
    joint = "&" if "?" in path else "?"
    answer = site.people["admin"].get(f"{path}{joint}cursor={cursor_of(walked)}")
    [error] = problem(answer, 400, "invalid-cursor")["errors"]
    assert error["parameter"] == "cursor"


@pytest.mark.parametrize("place", [0, 10, 20, -1])
def test_tampered_cursor_400(site: Site, walked: dict[str, Any], place: int) -> None:
    text = list(cursor_of(walked))
    text[place] = "A" if text[place] != "A" else "B"
    path = f"/posts?status=draft&sort=title&limit=1&cursor={''.join(text)}"
    problem(site.people["author"].get(path), 400, "invalid-cursor")


def test_another_spelling_of_a_cursor_400(site: Site, walked: dict[str, Any]) -> None:
    """The last letter of a base64 text may have bits that stand for nothing."""
    for last in "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_":
        cursor = f"{cursor_of(walked)[:-1]}{last}"
        if cursor != cursor_of(walked):
            path = f"/posts?status=draft&sort=title&limit=1&cursor={cursor}"
            problem(site.people["author"].get(path), 400, "invalid-cursor")


@pytest.mark.parametrize("cursor", ["x", "AAAA", "%00", "%F0%9F%90%A4", "a" * 3_000, "null"], ids=range(6))
def test_nonsense_cursor_400(site: Site, cursor: str) -> None:
    answer = site.anonymous.get(f"/posts?cursor={cursor}")
    assert answer.status_code == 400
    assert answer.headers["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize("path", ["/posts", "/tags", "/categories/tree", "/search?q=x", "/nowhere", "/me"])
def test_every_answer_has_a_request_id_of_the_client(site: Site, path: str) -> None:
    name = unique("my-request").replace("_", "-")
    answer = site.anonymous.get(path, headers={"X-Request-ID": name})
    assert (answer.headers["X-Request-ID"], answer.headers["API-Version"]) == (name, "2")
