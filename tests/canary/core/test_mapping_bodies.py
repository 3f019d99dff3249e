"""Comparing bodies by declared data: what each kind of difference is called, where it stands, and what is none."""

from types import SimpleNamespace
from typing import Any

import pytest

from canary.core.mapping import Declared, compare, without_noise


def member(v1: str, v2: str | None, rule: str = "same") -> dict[str, Any]:
    return {"v1": v1, "v2": v2, "rule": rule, "note": ""}


def answer(shape: str, v1: str, v2: str, *, is_same_order: bool = True) -> dict[str, Any]:
    return {"shape": shape, "v1": v1, "v2": v2, "is_same_order": is_same_order}


POST = (
    member("id", "id"),
    member("writer.name", "author.username"),
    member("about.mood", "mood", "empty_for_null"),
    member("kind", "kind", "lower_case"),
    member("tags", "tags", "tag_names"),
    member("facts", "facts"),
    member("took", None, "dropped"),
)
PAGE = (member("items", "data", "items"), member("total", "page.total", "counted"), member("limit", "page.limit"))
DECLARED = Declared.of(
    SimpleNamespace(
        ROUTES=(),
        SHAPES={"post": POST, "page": PAGE},
        V2_ONLY={"post": ("slug",), "page": ("page.next",)},
    )
)
ONE = {"answers": (answer("post", "/data", ""),)}
LIST = {"answers": (answer("page", "/data", ""), answer("post", "/data/items/*", "/data/*"))}
THREAD = {"answers": (answer("page", "/data", ""), answer("post", "/data/items/*", "/data/*", is_same_order=False))}


def old_post(number: int = 1, **changes: Any) -> dict[str, Any]:
    facts = {"a": [1, {"b": True}]}
    about = {"mood": None}
    return {
        "id": number,
        "writer": {"name": "mia"},
        "about": about,
        "kind": "Essay",
        "tags": ["x"],
        "facts": facts,
        "took": 7,
        **changes,
    }


def new_post(number: int = 1, **changes: Any) -> dict[str, Any]:
    facts = {"a": [1, {"b": True}]}
    return {
        "id": number,
        "author": {"username": "mia"},
        "mood": "",
        "kind": "essay",
        "tags": ["t1"],
        "facts": facts,
        "slug": "any",
        **changes,
    }


INCLUDED = {"tags": [{"id": "t1", "name": "x"}, {"id": "t2", "name": "y"}]}


def of_one(old: dict[str, Any], new: dict[str, Any]) -> set[tuple[str, str]]:
    return {each.group for each in compare(DECLARED, ONE, {"data": old}, {**new, "included": INCLUDED})}


def old_list(*numbers: int, total: int | None = None) -> dict[str, Any]:
    items = [old_post(number) for number in numbers]
    return {"data": {"items": items, "total": len(items) if total is None else total, "limit": 20}}


def new_list(*numbers: int, total: int | None = None) -> dict[str, Any]:
    rows = [new_post(number) for number in numbers]
    page = {"total": len(rows) if total is None else total, "limit": 20, "next": None}
    return {"data": rows, "page": page, "included": INCLUDED}


def of_lists(old: Any, new: Any, route: Any = LIST) -> set[tuple[str, str]]:
    return {each.group for each in compare(DECLARED, route, old, new)}


def test_what_is_declared_is_no_difference() -> None:
    assert of_one(old_post(), new_post()) == set()
    assert of_lists(old_list(1, 2), new_list(1, 2)) == set()


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"author": {"username": "max"}}, {("writer.name", "value")}),
        ({"author": {}}, {("writer.name", "missing")}),
        ({"author": None}, {("writer.name", "missing"), ("author", "added")}),
        ({"mood": "glad"}, {("about.mood", "value")}),
        ({"mood": None}, {("about.mood", "type")}),
        ({"kind": "Essay"}, {("kind", "value")}),
        ({"tags": ["t2"]}, {("tags[]", "value")}),
        ({"tags": []}, {("tags", "length")}),
        ({"facts": {"a": [1, {"b": 1}]}}, {("facts.a[].b", "type")}),
        ({"facts": {"a": [1], "c": 0}}, {("facts.a", "length"), ("facts.c", "added")}),
        ({"facts": []}, {("facts", "type")}),
        ({"surprise": 1}, {("surprise", "added")}),
    ],
)
def test_a_difference_names_the_place_in_v1_and_its_kind(changes: dict[str, Any], found: set[tuple[str, str]]) -> None:
    assert of_one(old_post(), new_post(**changes)) == found


def test_numbers_are_equal_by_value_and_booleans_are_no_numbers() -> None:
    assert of_one(old_post(facts=1), new_post(facts=1.0)) == set()
    assert of_one(old_post(facts=1), new_post(facts=True)) == {("facts", "type")}


def test_what_nothing_is_declared_of_in_v1_is_missing_in_v2() -> None:
    assert of_one(old_post(hidden=1), new_post()) == {("hidden", "missing")}


def test_a_row_too_many_or_too_few_is_one_difference_and_the_others_are_compared_with_their_like() -> None:
    assert of_lists(old_list(1, 2, 3), new_list(2, 3, total=3)) == {("items[]", "missing")}
    assert of_lists(old_list(2, 3), new_list(1, 2, 3, total=2)) == {("items[]", "added")}
    assert of_lists(old_list(1, 2, 3), new_list(3, 1, 2)) == {("items[]", "order")}


def test_the_order_is_not_looked_at_where_it_is_declared_to_be_another_nor_rows_of_other_pages() -> None:
    assert of_lists(old_list(1, 2, 3), new_list(3, 1, 2), THREAD) == set()
    assert of_lists(old_list(1, 2, total=9), new_list(1, 7, total=9), THREAD) == set()
    assert of_lists(old_list(1, 2), new_list(1, total=2), THREAD) == {("items[]", "missing")}


def test_a_total_counts_when_v2_was_asked_for_it() -> None:
    assert of_lists(old_list(1, total=5), new_list(1, total=4)) == {("total", "value")}
    uncounted = new_list(1)
    del uncounted["page"]["total"]
    assert of_lists(old_list(1, total=5), uncounted) == set()


@pytest.mark.parametrize("body", [None, [], "text", 7, {}, {"data": None}, {"data": [None]}, {"data": [{"id": None}]}])
def test_any_json_is_compared_without_an_error(body: Any) -> None:
    assert of_lists(old_list(1), body)
    compare(DECLARED, LIST, body, new_list(1))
    compare(DECLARED, ONE, {"data": body}, body)


def test_of_many_equal_differences_the_first_is_told() -> None:
    new = new_list(1, 2, 3)
    for row in new["data"]:
        row["author"] = {"username": f"m{row['id']}"}
    [found] = compare(DECLARED, LIST, old_list(1, 2, 3), new)
    assert (found.path, found.kind, found.v1, found.v2) == ("items[].writer.name", "value", "mia", "m1")


def test_noise_is_what_v1_itself_tells_otherwise_and_what_passes() -> None:
    new = new_post(facts=3, mood="glad", author={"username": "max"}) | {"included": INCLUDED}
    first, second = {"data": old_post(facts=1)}, {"data": old_post(facts=2, about={"mood": "glad"})}
    differences, later = (compare(DECLARED, ONE, body, new) for body in (first, second))
    assert {each.path for each in differences} == {"facts", "about.mood", "writer.name"}
    assert [each.path for each in without_noise(differences, first, second, later)] == ["writer.name"]
