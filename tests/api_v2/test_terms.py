"""Tags and categories."""

from collections.abc import Callable
from typing import Any

from django.test import Client

from cms.models import Category, Post, Tag, User
from tests.api_v2.walking import last_page, walk, walk_back

Get = Callable[..., Any]


def test_a_tag_has_the_shape_of_the_contract(get: Get, make_post: Callable[..., Post]) -> None:
    make_post(tags=["Big Red"])
    tag = Tag.objects.get()
    body = get("/tags/big-red").json()
    assert list(body) == ["id", "created_at", "updated_at", "name", "slug", "description", "post_count"]
    assert (body["id"], body["name"], body["post_count"]) == (str(tag.pk), "Big Red", 1)
    assert get(f"/tags/{tag.pk}").json() == body
    assert get("/tags").json()["data"] == [body]


def test_tags_are_listed_by_name_on_pages_both_ways(client: Client, make_post: Callable[..., Post]) -> None:
    names = [f"tag {number:02}" for number in (3, 1, 4, 0, 2)]
    make_post(tags=names)
    make_post(tags=["tag 01 of a draft"], is_published=False)
    found = walk(client, "/tags?limit=2&fields=name&count=exact")
    assert found == [{"name": name} for name in sorted(names)]
    assert walk_back(client, last_page(client, "/tags?limit=2&fields=name")) == found


def test_tags_of_hidden_posts_are_for_editors(
    get: Get, make_post: Callable[..., Post], client_of: Callable[[User], Client], author: User, editor: User
) -> None:
    post = make_post(tags=["Big Plan"], is_published=False)
    make_post(tags=["about"], kind="page")
    tag = Tag.objects.get(slug="big-plan")
    for by, status, names in (
        (None, 404, ["about"]),
        (client_of(author), 404, ["about"]),
        (client_of(editor), 200, ["Big Plan", "about"]),
    ):
        assert {get(f"/tags/{name}", by=by).status_code for name in ("big-plan", tag.pk)} == {status}
        for query in ("", "?count=exact", "?fields=name"):
            assert sorted(row["name"] for row in get(f"/tags{query}", by=by).json()["data"]) == names
        assert get("/tags?count=exact", by=by).json()["page"]["total"] == len(names)
    embedded = get(f"/posts/{post.pk}?include=tags", by=client_of(author)).json()["included"]["tags"]
    assert [row["name"] for row in embedded] == ["Big Plan"]
    assert [row["id"] for row in get("/posts?status=draft&tag=big-plan", by=client_of(author)).json()["data"]] == [
        str(post.pk)
    ]


def test_categories_are_listed_by_name_and_form_a_tree(get: Get, make_category: Callable[..., Category]) -> None:
    root = make_category("Root")
    make_category("B", parent=root, description="about B")
    make_category("C", parent=make_category("A", parent=root))
    listed = get("/categories").json()["data"]
    assert [category["name"] for category in listed] == ["A", "B", "C", "Root"]
    assert list(listed[1]) == [
        *("id", "created_at", "updated_at", "name", "slug", "description", "post_count", "parent", "is_active"),
    ]
    assert listed[1] == get("/categories/b").json()
    assert listed[1]["parent"] == str(root.pk)
    (tree,) = get("/categories/tree").json()["data"]
    names = [(child["name"], [below["name"] for below in child["children"]]) for child in tree["children"]]
    assert names == [("A", ["C"]), ("B", [])]


def test_editors_see_categories_that_are_switched_off(
    get: Get, make_category: Callable[..., Category], client_of: Callable[[User], Client], editor: User
) -> None:
    make_category("On", parent=make_category("Off", is_active=False))
    by = client_of(editor)
    assert [c["is_active"] for c in get("/categories", by=by).json()["data"]] == [False, True]
    assert get("/categories/off", by=by).status_code == 200
    assert get("/categories/tree", by=by).json()["data"][0]["children"][0]["name"] == "On"


def test_a_tree_however_deep_is_answered(get: Get, make_category: Callable[..., Category]) -> None:
    parent = None
    for level in range(150):
        parent = make_category(f"Level {level}", parent=parent)
    answer = get("/categories/tree")
    assert answer.status_code == 200
    assert answer.content.count(b"children") == 150
