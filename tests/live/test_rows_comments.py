"""Rows about comments: written, listed in thread order, moderated."""

import uuid
from typing import Any

import httpx
import pytest

from tests.live.answers import created, ok, pointers, problem
from tests.live.site import Site, unique

STATE = "SELECT status, text, depth FROM cms_comment WHERE id = %s"


@pytest.fixture
def post(site: Site) -> dict[str, Any]:
    answer = site.people["author"].post("/posts", json={"title": unique("Discussed"), "content": "x"})
    return ok(site.people["author"].post(f"/posts/{created(answer, 'posts')['id']}/actions/publish"))


def comment(client: httpx.Client, post: dict[str, Any], text: str, parent: dict[str, Any] | None = None) -> Any:
    body = {"text": text, **({"parent": parent["id"]} if parent else {})}
    return created(client.post(f"/posts/{post['id']}/comments", json=body), "comments")


def act(client: httpx.Client, found: dict[str, Any], action: str) -> httpx.Response:
    return client.post(f"/comments/{found['id']}/actions/{action}")


def test_comment_create_waits_for_a_moderator_201(site: Site, post: dict[str, Any]) -> None:
    made = comment(site.people["subscriber"], post, "Well said.")
    assert (made["status"], made["post"], made["parent"], made["depth"], made["edited_at"]) == (
        "pending",
        post["id"],
        None,
        0,
        None,
    )
    assert site.row(STATE, made["id"]) == {"status": "pending", "text": "Well said.", "depth": 0}
    problem(site.anonymous.get(f"/comments/{made['id']}"), 404, "not-found")


def test_comment_of_an_author_is_published_at_once(site: Site, post: dict[str, Any]) -> None:
    assert comment(site.people["author"], post, "Thanks.")["status"] == "published"


def test_comment_on_a_missing_post_404(site: Site) -> None:
    for name in (uuid.uuid4(), "no-such-post"):
        problem(site.people["subscriber"].post(f"/posts/{name}/comments", json={"text": "x"}), 404, "not-found")


def test_comment_by_nobody_401_and_without_text_422(site: Site, post: dict[str, Any]) -> None:
    path = f"/posts/{post['id']}/comments"
    problem(site.anonymous.post(path, json={"text": "x"}), 401, "authentication-required")
    answer = site.people["subscriber"].post(path, json={})
    assert pointers(problem(answer, 422, "invalid-input")) == {"/text": "required"}
    unknown = site.people["subscriber"].post(path, json={"text": "x", "parent": str(uuid.uuid4())})
    assert pointers(problem(unknown, 422, "invalid-input")) == {"/parent": "unknown"}
    assert site.rows("SELECT 1 FROM cms_comment WHERE post_id = %s", post["id"]) == []


def test_comments_list_in_thread_order(site: Site, post: dict[str, Any]) -> None:
    author = site.people["author"]
    first, second = comment(author, post, "1"), comment(author, post, "2")
    answer = comment(author, post, "1.1", first)
    comment(author, post, "2.1", second)
    comment(author, post, "1.1.1", answer)
    comment(author, post, "1.2", first)
    page = ok(site.anonymous.get(f"/posts/{post['id']}/comments?limit=4&count=exact"))
    rest = httpx.get(f"{site.server.base_url}{page['page']['next']}", timeout=60).json()
    found = [(row["text"], row["depth"]) for row in page["data"] + rest["data"]]
    assert found == [("1", 0), ("1.1", 1), ("1.1.1", 2), ("1.2", 1), ("2", 0), ("2.1", 1)]
    assert (page["page"]["total"], page["page"]["has_more"], rest["page"]["has_more"]) == (6, True, False)
    stored = site.rows("SELECT text, depth FROM cms_comment WHERE post_id = %s ORDER BY thread_path", post["id"])
    assert [(row["text"], row["depth"]) for row in stored] == found
    parents = "SELECT c.text, p.text AS parent FROM cms_comment c LEFT JOIN cms_comment p ON p.id = c.parent_id"
    answered = {row["text"]: row["parent"] for row in site.rows(f"{parents} WHERE c.post_id = %s", post["id"])}
    assert answered == {"1": None, "1.1": "1", "1.1.1": "1.1", "1.2": "1", "2": None, "2.1": "2"}


@pytest.mark.parametrize(("action", "status"), [("approve", "published"), ("reject", "rejected"), ("spam", "spam")])
def test_comment_moderation(site: Site, post: dict[str, Any], action: str, status: str) -> None:
    made = comment(site.people["subscriber"], post, "Please.")
    problem(act(site.people["author"], made, action), 403, "permission-denied")
    waiting = ok(site.people["editor"].get(f"/comments?status=pending&post={post['id']}"))
    assert [row["id"] for row in waiting["data"]] == [made["id"]]
    assert ok(act(site.people["editor"], made, action))["status"] == status
    assert site.row(STATE, made["id"])["status"] == status
    seen = site.anonymous.get(f"/comments/{made['id']}").status_code
    assert seen == (200 if status == "published" else 404)


def test_moderating_twice_409_names_the_states_allowed(site: Site, post: dict[str, Any]) -> None:
    made = comment(site.people["subscriber"], post, "Please.")
    ok(act(site.people["editor"], made, "reject"))
    again = problem(act(site.people["editor"], made, "spam"), 409, "invalid-transition")
    assert "rejected" in again["detail"]


def test_comment_edited_and_deleted_by_its_writer_alone(site: Site, post: dict[str, Any]) -> None:
    made = comment(site.people["subscriber"], post, "First.")
    ok(act(site.people["editor"], made, "approve"))
    path = f"/comments/{made['id']}"
    problem(site.people["author"].patch(path, json={"text": "Not mine."}), 403, "permission-denied")
    assert ok(site.people["subscriber"].patch(path, json={"text": "Second."}))["edited_at"]
    assert site.people["subscriber"].delete(path).status_code == 204
    problem(site.anonymous.get(path), 404, "not-found")
    assert site.row(STATE, made["id"])["status"] == "deleted"


def test_a_deleted_comment_with_answers_keeps_its_place_and_hides_its_text(site: Site, post: dict[str, Any]) -> None:
    first = comment(site.people["author"], post, "Secret regret.")
    comment(site.people["author"], post, "An answer.", first)
    assert site.people["author"].delete(f"/comments/{first['id']}").status_code == 204
    [gone, answer] = ok(site.anonymous.get(f"/posts/{post['id']}/comments"))["data"]
    assert (gone["id"], gone["text"], gone["author"], gone["status"]) == (first["id"], "", None, "deleted")
    assert answer["parent"] == first["id"]
