"""Writers of both versions on one post at the same moment, over real HTTP: what each has named is there when all are done."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from tests.live.answers import created, ok, problem
from tests.live.site import Site, unique

TURNS = 8


@pytest.fixture
def post(site: Site) -> dict[str, Any]:
    fields = {"title": unique("Shared"), "content": "x", "language": "pt-BR", "meta": {"description": "Kept."}}
    return created(site.people["author"].post("/posts", json=fields), "posts")


@pytest.fixture
def v1(site: Site) -> httpx.Client:
    """The author at version 1."""
    headers = {"Authorization": f"Bearer {site.tokens['author']}"}
    return site.stack.enter_context(
        httpx.Client(base_url=f"{site.server.base_url}/api/v1", headers=headers, timeout=30)
    )


def test_writers_of_both_versions_at_once_lose_nothing(site: Site, post: dict[str, Any], v1: httpx.Client) -> None:
    """Each names a member of its own, so all last values stay, and each of the changes counts in the version."""
    v2, path = site.people["author"], f"/posts/{post['id']}"
    writers = [
        lambda turn: v1.put(path, json={"title": f"Title {turn}"}),
        lambda turn: v1.put(path, json={"tags": [f"turn {turn}"]}),
        lambda turn: v2.patch(path, json={"excerpt": f"Excerpt {turn}"}),
        lambda turn: v2.patch(path, json={"meta": {"title": f"Meta {turn}"}}),
    ]

    def work(writer: Any) -> set[int]:
        return {writer(turn).status_code for turn in range(TURNS)}

    with ThreadPoolExecutor(len(writers)) as pool:
        assert list(pool.map(work, writers)) == [{200}] * len(writers)
    last = TURNS - 1
    row = site.row(
        "SELECT title, excerpt, meta_title, meta_description, language, version FROM cms_post WHERE id = %s", post["id"]
    )
    assert row == {
        "title": f"Title {last}",
        "excerpt": f"Excerpt {last}",
        "meta_title": f"Meta {last}",
        "meta_description": "Kept.",
        "language": "pt-BR",
        "version": 1 + TURNS * len(writers),
    }
    assert v1.get(path).json()["data"]["tags"] == [f"turn {last}"]


def test_of_two_versions_that_publish_at_once_both_leave_it_published(
    site: Site, post: dict[str, Any], v1: httpx.Client
) -> None:
    """The later one finds it published: v1 has what it asked for, v2 says so with a conflict."""
    path = f"/posts/{post['id']}"
    with ThreadPoolExecutor(2) as pool:
        old = pool.submit(v1.put, path, json={"published": True})
        new = pool.submit(site.people["author"].post, f"{path}/actions/publish")
    assert old.result().status_code == 200
    if new.result().status_code != 200:
        problem(new.result(), 409, "invalid-transition")
    assert ok(site.anonymous.get(path))["status"] == "published"


def test_a_conflict_wears_the_shape_of_the_version_that_was_asked(
    site: Site, post: dict[str, Any], v1: httpx.Client
) -> None:
    taken = created(site.people["author"].post("/posts", json={"title": unique("Taken"), "content": "x"}), "posts")[
        "slug"
    ]
    path = f"/posts/{post['id']}"
    old = v1.put(path, json={"slug": taken, "title": "Lost"})
    assert (old.status_code, old.json()["success"], old.json()["data"]) == (409, False, None)
    new = site.people["author"].patch(path, json={"slug": taken, "title": "Lost"})
    assert problem(new, 409, "duplicate")["errors"][0]["pointer"] == "/slug"
    assert site.row("SELECT title, version FROM cms_post WHERE id = %s", post["id"]) == {
        "title": post["title"],
        "version": 1,
    }


def test_what_v2_saw_before_v1_wrote_is_a_412(site: Site, post: dict[str, Any], v1: httpx.Client) -> None:
    path = f"/posts/{post['id']}"
    etag = site.people["author"].get(path).headers["ETag"]
    assert v1.put(path, json={"title": "By v1"}).status_code == 200
    late = site.people["author"].patch(path, json={"title": "By v2"}, headers={"If-Match": etag})
    problem(late, 412, "precondition-failed")
    assert v1.get(path).json()["data"]["title"] == "By v1"
