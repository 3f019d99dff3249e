"""The mapping from v1 to v2 that a site declares in the module that `CANARY["SUCCESSORS"]` names.

That module has plain values under these names: `ROUTES`, made by `route` and `gap`; `SHAPES`, made by `shape`;
`V2_ONLY`, the members that v2 has beside them; `CONVERSIONS`, the functions for rules of the site's own; and `BODIES`,
the members of requests' bodies, made by `shape`. The last three are optional.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from canary.core.mapping import Json

__all__ = ["PARAMETER_RULES", "RULES", "answer", "gap", "parameter", "route", "shape", "validate"]

RULES: Final = frozenset(
    {
        *("same", "lower_case", "empty_for_null", "state", "tag_names", "category_names"),
        *("items", "action", "counted", "from_page", "dropped", "list_of_one"),
    }
)
"""How a member's value may change without a function of the site's own."""
PARAMETER_RULES: Final = frozenset({"same", "number", "choice", "word", "slug", "sign", "from_page", "dropped"})


def route(  # noqa: PLR0913  a row of a table, by name
    v1: str,
    v2: str,
    *,
    query: Mapping[str, str] | None = None,
    parameters: Iterable[Json] = (),
    body: str | None = None,
    answers: Iterable[Json] = (),
    statuses: tuple[int, int] = (200, 200),
) -> Json:
    """Map a call of v1 to a call of v2: `route("GET /products/{id}", "GET /products/{id}")`, both below their base.

    `query` is always sent to v2. `parameters` are v1's, by `parameter`. `body` names the request's body in `BODIES`;
    without it v2 takes the same one. `answers` say which shapes the bodies of responses have, by `answer`. `statuses`
    are those of success.
    """
    (method, path), (v2_method, v2_path) = _words(v1), _words(v2)
    call = {"method": v2_method, "path": v2_path, "query": dict(query or {}), "query_of_users": {}}
    more = {"parameters": tuple(parameters), "answers": tuple(answers), "statuses": statuses}
    return {"method": method, "path": path, "call": call, "gap": "", "then": (), "body": body, "notes": (), **more}


def gap(v1: str, why: str) -> Json:
    """Declare that v2 has nothing for a call of v1; `why` is a sentence for its clients."""
    return {**route(v1, v1), "call": None, "gap": why, "statuses": (200, None)}


def parameter(v1: str, v2: str | None = None, rule: str = "same", *, note: str = "") -> Json:
    """Map a query parameter of v1. Page numbers have the rule `from_page`, and no name in v2."""
    name = v1 if v2 is None and rule not in ("from_page", "dropped") else v2
    blank: dict[str, Any] = {"choices": {}, "maximum": None, "length_max": None, "is_for_writers": False}
    return {"v1": v1, "v2": name, "rule": rule, "note": note, **blank}


def answer(shape: str, v1: str = "", v2: str = "", *, is_same_order: bool = True) -> Json:
    """Say where a shape stands in both bodies: JSON pointers in which `*` is every item, such as `/results/*`."""
    return {"shape": shape, "v1": v1, "v2": v2, "is_same_order": is_same_order}


def shape(*members: str | tuple[str, str | None] | tuple[str, str | None, str]) -> tuple[Json, ...]:
    """Declare the members of a resource: `"id"`, `("name", "title")`, `("price", "price_cents", "cents")`.

    The third word is a rule: one of `RULES`, or a name in `CONVERSIONS`. None as v2's name: v2 has no such member.
    """
    return tuple(_member(*((one, one) if isinstance(one, str) else one)) for one in members)


def _member(v1: str, v2: str | None, rule: str = "same") -> Json:
    return {"v1": v1, "v2": v2, "rule": "dropped" if v2 is None and rule == "same" else rule, "note": ""}


def _words(call: str) -> tuple[str, str]:
    method, _, path = call.partition(" ")
    return method, "" if path == "/" else path


def validate(data: Any) -> list[str]:
    """Return what is wrong in a mapping, each in a sentence; an empty list when nothing is."""
    lacking = [name for name in ("ROUTES", "SHAPES") if not hasattr(data, name)]
    if lacking:
        return [f"The mapping has no {' and no '.join(lacking)}."]
    rules, bodies = RULES | {*getattr(data, "CONVERSIONS", {})}, getattr(data, "BODIES", {})
    return [
        *_wrong_routes(data.ROUTES, data.SHAPES, bodies),
        *_wrong_members(data.SHAPES, rules),
        *_wrong_members(bodies, rules),
        *(f"V2_ONLY names the shape {name!r}, which SHAPES lacks." for name in _lost(data)),
    ]


def _lost(data: Any) -> list[str]:
    return [name for name in getattr(data, "V2_ONLY", {}) if name not in data.SHAPES]


def _wrong_routes(routes: Iterable[Json], shapes: Mapping[str, Any], bodies: Mapping[str, Any]) -> Iterator[str]:
    seen: set[str] = set()
    for row in routes:
        name = f"{row['method']} {row['path'] or '/'}"
        if name in seen:
            yield f"{name} is mapped twice."
        seen.add(name)
        if row["path"] and not row["path"].startswith("/"):
            yield f"{name}: a path begins with a slash."
        if row["body"] is not None and row["body"] not in bodies:
            yield f"{name}: BODIES has no {row['body']!r}."
        yield from (f"{name}: {sentence}" for sentence in _wrong_call(row, shapes))


def _wrong_call(row: Json, shapes: Mapping[str, Any]) -> Iterator[str]:
    call = row["call"]
    if call is None:
        if not row["gap"]:
            yield "it has neither a call of v2 nor the reason why there is none."
        return
    for name in sorted(_names(call["path"]) - _names(row["path"])):
        yield f"v2's path needs {{{name}}}, which v1's path does not have."
    for one in row["parameters"]:
        if one["rule"] not in PARAMETER_RULES:
            yield f"the parameter {one['v1']} has the unknown rule {one['rule']!r}."
    for one in row["answers"]:
        if one["shape"] not in shapes:
            yield f"SHAPES has no {one['shape']!r}."


def _wrong_members(shapes: Mapping[str, Iterable[Json]], rules: Iterable[str]) -> Iterator[str]:
    for name, members in shapes.items():
        for member in members:
            if member["rule"] not in rules:
                yield f"{name}.{member['v1']} has the unknown rule {member['rule']!r}; CONVERSIONS may define it."
            elif member["v2"] is None and member["rule"] not in ("dropped", "from_page", "action"):
                yield f"{name}.{member['v1']} has no name in v2, and the rule {member['rule']!r} needs one."


def _names(path: str) -> set[str]:
    return {part[1:-1] for part in path.split("/") if part.startswith("{")}
