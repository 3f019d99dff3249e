"""A request to v1 in v2's words, by declared data: values, parameters, what is left out and what is doubtful."""

from types import SimpleNamespace
from typing import Any

import pytest

from canary.core.mapping import Declared, counted, declared_query, equivalent


def parameter(v1: str, v2: str | None, rule: str = "same", **more: Any) -> dict[str, Any]:
    empty: dict[str, Any] = {"choices": {}, "maximum": None, "length_max": None, "is_for_writers": False, "note": ""}
    return {"v1": v1, "v2": v2, "rule": rule, **empty, **more}


def route(source: str, target: str | None, *parameters: Any, answers: Any = (), **call: Any) -> dict[str, Any]:
    method, path = source.split(" ")
    to = None if target is None else dict(zip(("method", "path"), target.split(" "), strict=True))
    return {
        "method": method,
        "path": path,
        "parameters": parameters,
        "answers": answers,
        "statuses": (200, 200),
        "gap": "" if target else "None.",
        "call": to and {**to, "query": {}, "query_of_users": {}, **call},
    }


DECLARED = Declared.of(
    SimpleNamespace(
        ROUTES=(
            route("GET /posts/{id}", "GET /articles/{id}", query={"include": "tags,terms"}),
            route(
                "GET /posts",
                "GET /articles",
                parameter("page", None, "from_page"),
                parameter("limit", "limit", "number", maximum=100),
                parameter("state", "status", "choice", choices={"out": "published"}, is_for_writers=True),
                parameter("tag", "tag", "slug"),
                parameter("role", "role", "word", choices={"admin": "admin"}),
                answers=({"shape": "page"},),
                query={"sort": "-born"},
                query_of_users={"status": "all"},
            ),
            route("GET /posts/stats", None),
            route("GET /keys", "GET /keys", query_of_users={"owner": "{user}"}),
            route("PUT /posts/{id}", "PATCH /articles/{id}"),
            route(
                "GET /find",
                "GET /search",
                parameter("q", "q", length_max=5),
                parameter("offset", None, "from_page"),
                parameter("by", "sort", "choice", choices={"age": "-age"}),
                parameter("order", "sort", "sign", choices={"asc": ""}),
            ),
        ),
        SHAPES={"page": ({"v1": "total", "v2": "page.total", "rule": "counted"},)},
        V2_ONLY={},
    )
)


def found(source: str, query: str = "", *, is_user: bool = False) -> Any:
    method, path = source.split(" ", 1)
    return equivalent(DECLARED, method, path, query, has_credentials=is_user)


def target(source: str, query: str = "", *, is_user: bool = False) -> str:
    return str(found(source, query, is_user=is_user).target)


def test_values_of_the_path_go_over_and_are_encoded() -> None:
    told = found("GET /posts/a b%/ü".replace("/ü", "ü"))
    assert (told.method, told.target, told.template) == (
        "GET",
        "/articles/a%20b%25%C3%BC?include=tags,terms",
        "GET /posts/{id}",
    )


def test_the_verb_is_v2s_but_for_head_and_options() -> None:
    assert found("PUT /posts/7").method == "PATCH"
    assert (found("HEAD /posts/7").method, found("HEAD /posts/7").template) == ("HEAD", "GET /posts/{id}")
    assert (found("OPTIONS /posts/7").method, found("OPTIONS /posts/7").template) == ("OPTIONS", "GET /posts/{id}")


@pytest.mark.parametrize(
    "source", ["DELETE /posts", "GET /nothing", "GET /posts/", "GET /posts/7/x", "GET ", "FETCH /posts"]
)
def test_what_v1_does_not_have_has_no_equivalent(source: str) -> None:
    assert found(source) is None


def test_a_gap_has_no_address_and_goes_before_a_name() -> None:
    gap = found("GET /posts/stats")
    assert (gap.method, gap.target, gap.route["gap"]) == ("", "", "None.")


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", "?sort=-born"),
        ("limit=7", "?sort=-born&limit=7"),
        ("limit=0500", "?sort=-born&limit=100"),
        (f"limit={'9' * 5_000}", "?sort=-born&limit=100"),
        ("limit=-1", "?sort=-born"),
        ("limit=%D9%A3", "?sort=-born"),
        ("limit=3&limit=4", "?sort=-born&limit=4"),
        ("role=ADMIN", "?sort=-born&role=admin"),
        ("role=king&tag=&unknown=1", "?sort=-born"),
        ("tag=%C3%BC", "?sort=-born&tag=%C3%BC"),
        ("tag=\xc3\xbc", "?sort=-born&tag=%C3%BC"),
        ("tag=%ff", "?sort=-born&tag=%EF%BF%BD"),
        ("tag=a%00b", "?sort=-born"),
        ("&" * 5_000 + "limit=3", "?sort=-born"),
    ],
)
def test_parameters_are_told_as_v1_understands_them(query: str, expected: str) -> None:
    assert target("GET /posts", query) == f"/articles{expected}"


def test_what_v1_tells_users_alone_is_asked_for_by_users_alone() -> None:
    assert target("GET /posts", "state=out") == "/articles?sort=-born"
    assert target("GET /posts", "state=out", is_user=True) == "/articles?sort=-born&status=published"
    assert target("GET /posts", is_user=True) == "/articles?sort=-born&status=all"


def test_the_user_is_named_when_known_and_a_doubt_when_not() -> None:
    told = equivalent(DECLARED, "GET", "/keys", "", has_credentials=True, user_id="7")
    assert (told.target, told.doubts) == ("/keys?owner=7", ())
    assert (found("GET /keys", is_user=True).target, found("GET /keys", is_user=True).doubts) == ("/keys", ("owner",))
    assert (found("GET /keys").target, found("GET /keys").doubts) == ("/keys", ())


def test_a_list_is_counted_only_when_that_is_asked_for() -> None:
    assert counted(DECLARED, found("GET /posts")).target == "/articles?sort=-born&count=exact"
    assert counted(DECLARED, found("GET /posts/7")).target == "/articles/7?include=tags,terms"


def test_the_direction_belongs_to_a_key() -> None:
    assert target("GET /find", "q=a&by=age") == "/search?q=a&sort=-age"
    assert target("GET /find", "q=a&by=age&order=asc") == "/search?q=a&sort=age"
    assert target("GET /find", "q=a&order=asc") == "/search?q=a"


@pytest.mark.parametrize(
    ("source", "query", "doubts"),
    [
        ("GET /posts", "page=2&limit=500&tag=a-b&unknown=%00", ()),
        ("GET /posts", "tag=A", ("tag",)),
        ("GET /posts", "tag=a,b", ("tag",)),
        ("GET /posts", "tag=0199a3c2-5b1e-7c40-9d3f-2f6a1c0e8b57", ("tag",)),
        ("GET /posts", "state=out", ()),
        ("GET /find", "q=abcde&offset=0", ()),
        ("GET /find", "q=abcdef", ("q",)),
        ("GET /find", "", ("q",)),
        ("GET /find", "q=+&offset=3", ("q", "offset")),
    ],
)
def test_where_v2_may_tell_something_else_there_is_a_doubt(source: str, query: str, doubts: tuple[str, ...]) -> None:
    assert found(source, query).doubts == doubts


def test_a_filter_for_writers_is_doubtful_of_users_nobody_knows_the_role_of() -> None:
    assert found("GET /posts", "state=out", is_user=True).doubts == ("state",)


@pytest.mark.parametrize(
    ("query", "page"), [("", 1), ("page=3", 3), ("page=0", 1), ("page=x", 1), (f"page={'9' * 99}", 2**53)]
)
def test_the_page_is_told_by_its_number(query: str, page: int) -> None:
    assert found("GET /posts", query).page == page


def test_of_a_query_only_what_is_declared_is_shown() -> None:
    row = found("GET /posts").route
    assert declared_query(row, "limit=3&token=secret&tag=x,y&page=2") == "limit=3&tag=x,y&page=2"
