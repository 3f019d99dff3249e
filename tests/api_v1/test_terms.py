"""Tags and categories: lists and single ones."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from cms.models import Tag, User
from tests.api_v1.conftest import items_of


def test_tags_are_listed_by_name_with_their_counts(anonymous: Client, make_post: Any) -> None:
    make_post(tags=["b", "a"])
    make_post(tags=["b"])
    data = anonymous.get("/api/v1/tags").json()["data"]
    tag = Tag.objects.get(name="a")
    assert data["items"][0] == {"id": str(tag.pk), "name": "a", "slug": "a", "description": "", "post_count": 1}
    assert [(item["name"], item["post_count"]) for item in data["items"]] == [("a", 1), ("b", 2)]
    assert (data["total"], data["page"], data["limit"], data["total_pages"]) == (2, 1, 20, 1)
    assert [item["name"] for item in items_of(anonymous.get("/api/v1/tags?limit=1&page=2"))] == ["b"]


def test_a_tag_is_found_by_its_slug_in_any_script(anonymous: Client, make_post: Any) -> None:
    make_post(tags=["C sharp", "日本語"])
    assert anonymous.get("/api/v1/tags/c-sharp").json()["data"]["name"] == "C sharp"
    assert anonymous.get("/api/v1/tags/日本語").json()["data"]["slug"] == "日本語"


def test_tags_of_hidden_posts_are_for_editors(
    anonymous: Client, client_of: Callable[[User], Client], author: User, editor: User, make_post: Any
) -> None:
    make_post(tags=["Big Plan"], is_published=False)
    make_post(tags=["about"], kind="page")
    make_post(tags=["tea"])
    for client, status, names in (
        (anonymous, 404, ["about", "tea"]),
        (client_of(author), 404, ["about", "tea"]),
        (client_of(editor), 200, ["Big Plan", "about", "tea"]),
    ):
        assert client.get("/api/v1/tags/big-plan").status_code == status
        listed = client.get("/api/v1/tags").json()["data"]
        assert (sorted(item["name"] for item in listed["items"]), listed["total"]) == (names, len(names))
        pages = [items_of(client.get(f"/api/v1/tags?limit=1&page={page}")) for page in range(1, len(names) + 1)]
        assert sorted(item["name"] for [item] in pages) == names


def test_a_category_that_is_switched_off_is_named_as_nobodys_parent(
    anonymous: Client, client_of: Callable[[User], Client], editor: User, make_category: Any
) -> None:
    parent = make_category("Zoo", is_active=False)
    child = make_category("Birds", parent=parent)
    for client, shown in ((anonymous, None), (client_of(editor), str(parent.pk))):
        [listed] = [item for item in items_of(client.get("/api/v1/categories")) if item["name"] == "Birds"]
        one = client.get(f"/api/v1/categories/{child.slug}").json()["data"]
        assert (listed["parent"], one["parent"]) == (shown, shown)


def test_categories_are_listed_by_name_with_their_parents(
    anonymous: Client, make_post: Any, make_category: Any
) -> None:
    parent = make_category("Zoo", description="Animals.")
    child = make_category("Birds", parent=parent)
    make_post(categories=[child])
    items = items_of(anonymous.get("/api/v1/categories"))
    as_a_tag = {"id": str(child.pk), "name": "Birds", "slug": "birds", "description": "", "post_count": 1}
    assert items[0] == {**as_a_tag, "parent": str(parent.pk), "is_active": True}
    assert (items[1]["name"], items[1]["parent"], items[1]["description"]) == ("Zoo", None, "Animals.")
    assert anonymous.get("/api/v1/categories/birds").json()["data"] == items[0]


def test_an_inactive_category_is_found_by_editors_only(
    anonymous: Client, client_of: Any, author: User, editor: User, make_category: Any
) -> None:
    make_category("Closed", is_active=False)
    for client, status, total in ((anonymous, 404, 0), (client_of(author), 404, 0), (client_of(editor), 200, 1)):
        assert client.get("/api/v1/categories/closed").status_code == status
        assert client.get("/api/v1/categories").json()["data"]["total"] == total


@pytest.mark.parametrize("slug", ["unknown", "%00", "a%00b", "%FF", "x" * 5_000])
@pytest.mark.parametrize("noun", ["tags", "categories"])
def test_an_unknown_slug_is_404_in_the_envelope(noun: str, slug: str, anonymous: Client) -> None:
    response = anonymous.get(f"/api/v1/{noun}/{slug}")
    assert response.status_code == 404
    assert list(response.json()) == ["success", "data", "message", "error"]
