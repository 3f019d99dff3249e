"""A mapping that a site writes: what it means to the canary, and what is wrong with one."""

from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest

from canary.core.mapping import Declared, NoEquivalentError, compare, equivalent, sent
from canary.successors import answer, gap, parameter, route, shape, validate

SHAPES = {
    "product": shape("id", ("name", "title"), ("price", "price_cents", "cents"), ("old", None)),
    "page": shape(("results", "data", "items"), ("count", None)),
}
LIST = route(
    "GET /products",
    "GET /items",
    parameters=(parameter("page", rule="from_page"), parameter("search", "q")),
    answers=(answer("page"), answer("product", "/results/*", "/data/*")),
)


def mapping(*routes: Any, **more: Any) -> SimpleNamespace:
    conversions = {"cents": lambda price: int(Decimal(price) * 100)}
    return SimpleNamespace(**{"ROUTES": routes, "SHAPES": SHAPES, "V2_ONLY": {}, "CONVERSIONS": conversions, **more})


def differences(v1: Any, v2: Any) -> set[tuple[str, str]]:
    return {one.group for one in compare(Declared.of(mapping(LIST)), LIST, v1, v2)}


def test_a_call_is_led_to_its_equivalent_with_its_parameters() -> None:
    found = equivalent(Declared.of(mapping(LIST)), "GET", "/products", "search=tea&page=2", has_credentials=False)
    assert (found.method, found.target, found.pages_left_out) == ("GET", "/items?q=tea", ("page",))


def test_a_gap_has_no_equivalent_and_a_reason() -> None:
    data = mapping(gap("GET /stats", "Nobody asked for it."))
    found = equivalent(Declared.of(data), "GET", "/stats", "", has_credentials=False)
    assert (found.method, found.route["gap"], validate(data)) == ("", "Nobody asked for it.", [])


@pytest.mark.parametrize(
    ("price", "cents", "found"),
    [
        ("2.50", 250, set()),
        ("2.50", 251, {("results[].price", "value")}),
        ("free", "free", set()),  # the function can't take it, so it stays as it is
        (None, 0, {("results[].price", "type")}),
    ],
)
def test_a_function_of_the_site_turns_values_of_v1_into_those_of_v2(price: Any, cents: Any, found: Any) -> None:
    old = {"results": [{"id": 1, "name": "Tea", "price": price}], "count": 1}
    assert differences(old, {"data": [{"id": 1, "title": "Tea", "price_cents": cents}]}) == found


ORDER = shape("product", ("amount", "quantity"), ("price", "price.cents", "cents"), ("tag", "tags", "list_of_one"))


@pytest.mark.parametrize(
    ("v1", "v2"),
    [
        ({"product": 1, "amount": 2}, {"product": 1, "quantity": 2}),
        ({"price": "2.50", "tag": "new"}, {"price": {"cents": 250}, "tags": ["new"]}),
        ({"tag": None}, {"tags": []}),
        ({"unknown": 1}, {}),
        ([1], [1]),
        (None, None),
    ],
)
def test_the_body_of_a_write_has_v2s_members(v1: Any, v2: Any) -> None:
    write = route("POST /orders", "POST /orders", body="order")
    data = mapping(write, BODIES={"order": ORDER})
    assert (sent(Declared.of(data), write, v1), validate(data)) == (v2, [])


def test_a_body_that_is_not_declared_stays_as_it_is() -> None:
    write = route("POST /orders", "POST /orders")
    assert sent(Declared.of(mapping(write)), write, {"any": 1}) == {"any": 1}


def test_a_body_that_takes_two_calls_of_v2_has_no_equivalent() -> None:
    write = route("POST /posts", "POST /posts", body="post")
    data = Declared.of(mapping(write, BODIES={"post": shape("title", ("published", None, "action"))}))
    assert sent(data, write, {"title": "a"}) == {"title": "a"}
    with pytest.raises(NoEquivalentError, match="call of its own for published"):
        sent(data, write, {"title": "a", "published": True})
    twice = {**write, "then": ({"when": "for tokens", "method": "POST", "path": "/auth/token", "body": {}},)}
    with pytest.raises(NoEquivalentError, match="v2 needs POST /auth/token too"):
        sent(data, twice, {"title": "a"})


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        (mapping(LIST, LIST), "GET /products is mapped twice."),
        (mapping(route("GET products", "GET /items")), "GET products: a path begins with a slash."),
        (
            mapping(route("GET /products/{pk}", "GET /items/{id}")),
            "GET /products/{pk}: v2's path needs {id}, which v1's path does not have.",
        ),
        (mapping(gap("GET /stats", "")), "GET /stats: it has neither a call of v2 nor the reason why there is none."),
        (mapping(route("GET /x", "GET /x", answers=(answer("box"),))), "GET /x: SHAPES has no 'box'."),
        (
            mapping(route("GET /x", "GET /x", parameters=(parameter("a", rule="guess"),))),
            "GET /x: the parameter a has the unknown rule 'guess'.",
        ),
        (
            mapping(LIST, CONVERSIONS={}),
            "product.price has the unknown rule 'cents'; CONVERSIONS may define it.",
        ),
        (
            mapping(SHAPES={"box": shape(("old", None, "lower_case"))}),
            "box.old has no name in v2, and the rule 'lower_case' needs one.",
        ),
        (mapping(route("POST /x", "POST /x", body="box")), "POST /x: BODIES has no 'box'."),
        (
            mapping(BODIES={"box": shape(("a", "b", "guess"))}),
            "box.a has the unknown rule 'guess'; CONVERSIONS may define it.",
        ),
        (mapping(V2_ONLY={"box": ("new",)}), "V2_ONLY names the shape 'box', which SHAPES lacks."),
        (SimpleNamespace(), "The mapping has no ROUTES and no SHAPES."),
    ],
)
def test_each_fault_of_a_mapping_is_told_in_a_sentence(wrong: Any, sentence: str) -> None:
    assert validate(wrong) == [sentence]
