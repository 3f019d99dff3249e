"""v1's requests and answers told in v2's words by the data of `successors` alone, as others read it who know no class of v1."""

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.utils.module_loading import import_string

ROUTES, RULES, SHAPES, V2_ONLY, BODIES, EXAMPLES = (
    import_string(f"{settings.CANARY['SUCCESSORS']}.{name}")
    for name in ("ROUTES", "RULES", "SHAPES", "V2_ONLY", "BODIES", "EXAMPLES")
)
UNTOLD = ("from_page", "dropped", "action", "items")


def route_of(source: str) -> Any:
    (found,) = (route for route in ROUTES if f"{route['method']} {route['path']}" == source)
    return found


def target_of(route: Any, values: dict[str, str], asked: dict[str, str], *, is_user: bool) -> str:
    """The address of v2 for a request to v1 with these values in its path and this query."""
    call = route["call"]
    query = {**call["query"], **(call["query_of_users"] if is_user else {})}
    for parameter in route["parameters"]:
        value = asked.get(parameter["v1"])
        if value is None or parameter["v2"] is None:
            continue
        translated = _value_of(parameter, value, query)
        if translated is not None:
            query[parameter["v2"]] = translated
    path = f"/api/v2{call['path'].format(**values)}"
    return f"{path}?{urlencode(query)}" if query else path


def _value_of(parameter: Any, value: str, query: dict[str, str]) -> str | None:
    choice: str | None = parameter["choices"].get(value)
    if parameter["rule"] == "choice":
        return choice
    if parameter["rule"] == "number":
        return str(min(int(value), parameter["maximum"])) if value.isdigit() and int(value) else None
    if parameter["rule"] == "word":
        folded: str | None = parameter["choices"].get(value.lower())
        return folded
    if parameter["rule"] == "sign":
        key = query.get(parameter["v2"])
        return None if choice is None or key is None else choice + key.removeprefix("-")
    return value


def body_of(name: str, given: dict[str, Any]) -> dict[str, Any]:
    """The body of v2 for one of v1, without what is an action there."""
    translated: dict[str, Any] = {}
    for member in BODIES[name]:
        if member["v1"] in given and member["v2"]:
            *outer, last = member["v2"].split(".")
            place = translated
            for step in outer:
                place = place.setdefault(step, {})
            value = given[member["v1"]]
            place[last] = [value] if member["rule"] == "list_of_one" else value
    return translated


def differences(route: Any, v1: Any, v2: Any) -> list[str]:
    """What v2 tells otherwise than v1, after the declared mapping; also when there is nothing to compare."""
    found = []
    for answer in route["answers"]:
        olds, news = list(_at(v1, answer["v1"])), list(_at(v2, answer["v2"]))
        if "*" in answer["v1"]:  # the order of comments is another one, and that is said
            olds, news = (sorted(rows, key=lambda row: row["id"]) for rows in (olds, news))
        if not olds or len(olds) != len(news):
            found.append(f"{answer['shape']}: {len(olds)} in v1, {len(news)} in v2")
        for old, new in zip(olds, news, strict=False):
            for member in SHAPES[answer["shape"]]:
                found += _difference(member, old, new, v2)
    return found


def _difference(member: Any, old: Any, new: Any, v2: Any) -> Iterator[str]:
    if member["rule"] in UNTOLD:
        return
    before = next(_at(old, "/" + member["v1"].replace(".", "/")))
    after = next(_at(new, "/" + member["v2"].replace(".", "/")), None)
    if (expected := _told(member["rule"], before)) != (actual := _told_in_v2(member["rule"], after, v2)):
        yield f"{member['v1']}: {expected!r} in v1, {actual!r} in v2"


def _told(rule: str, value: Any) -> Any:
    if rule == "lower_case":
        return value.lower()
    if rule == "empty_for_null":
        return value or ""
    return sorted(value) if rule.endswith("_names") else value


def _told_in_v2(rule: str, value: Any, whole: Any) -> Any:
    if rule == "state":
        return "published" if value == "scheduled" else value
    if rule in ("tag_names", "category_names"):
        kind = {"tag_names": "tags", "category_names": "categories"}[rule]
        return sorted(row["name"] for row in whole["included"][kind] if row["id"] in value)
    return value


def _at(value: Any, pointer: str) -> Iterator[Any]:
    """The values at a JSON pointer in which `*` is every item."""
    step, _, rest = pointer.removeprefix("/").partition("/")
    if not step:
        yield value
    elif step == "*":
        for item in value:
            yield from _at(item, rest)
    elif step in value:
        yield from _at(value[step], rest)


def written(value: Any) -> bytes:
    """Fails on what isn't plain data."""
    return json.dumps(value).encode()
