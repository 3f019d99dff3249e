"""The guide from v1 to v2 for its page, made from the data that `CANARY["SUCCESSORS"]` names.

It knows nothing of v1 except the form of that data: plain dictionaries, each key of which is read below.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from typing import Any, Final
from urllib.parse import urlencode

import orjson
from django.conf import settings
from django.utils.html import escape
from django.utils.safestring import SafeString

type Json = Mapping[str, Any]

V1: Final = "/api/v1"
V2: Final = "/api/v2"


def successors_name() -> str | None:
    """Return the dotted name of the data; None when v1 is gone."""
    conf: dict[str, Any] = settings.CANARY
    name: str | None = conf.get("SUCCESSORS")
    return name


def guide_of(name: str, document: Json) -> dict[str, Any]:
    """Return the context of the template. `document` is that of v2, whose page has an article for every operation."""
    data = import_module(name)
    operations = dict(_operations(document))
    return {
        "routes": [_route(route, data, operations) for route in data.ROUTES],
        "differences": [{key: _marked(text) for key, text in row.items()} for row in data.DIFFERENCES],
        "errors": [{key: _marked(text) for key, text in row.items()} for row in data.ERRORS],
        "shapes": [
            {"name": name, **_members(members, data.RULES), "new": data.V2_ONLY.get(name, ())}
            for name, members in data.SHAPES.items()
        ],
        "bodies": [{"name": name, **_members(members, data.RULES)} for name, members in data.BODIES.items()],
        "examples": [_example(example) for example in data.EXAMPLES],
    }


def template_key(path: str) -> str:
    """Return the path without its parameters' names: v1 and v2 call them differently."""
    return re.sub(r"{\w+}", "{}", path)


def _operations(document: Json) -> Iterator[tuple[tuple[str, str], str]]:
    for path, item in document["paths"].items():
        for verb, operation in item.items():
            if verb != "parameters":
                yield (verb.upper(), template_key(path)), operation["operationId"]


def _route(route: Json, data: Any, operations: Mapping[tuple[str, str], str]) -> dict[str, Any]:
    before, after = route["statuses"]
    return {
        "id": "-".join(re.findall(r"[\w.]+", f"{route['method']} {route['path']}".lower())),
        "verb": route["method"],
        "path": f"{V1}{route['path']}",
        "call": route["call"] and _request(route["call"], operations),
        "gap": _marked(route["gap"]),
        "then": [_step(step, operations) for step in route["then"]],
        "parameters": [_row(parameter, data.RULES) for parameter in route["parameters"]],
        "body": route["body"],
        "answers": [
            {"shape": answer["shape"], "v1": _place(answer["v1"]), "v2": _place(answer["v2"])}
            for answer in route["answers"]
        ],
        "status": {"v1": before, "v2": after},
        "notes": [_marked(note) for note in route["notes"]],
    }


def _request(call: Json, operations: Mapping[tuple[str, str], str]) -> dict[str, Any]:
    query, more = (urlencode(call.get(name, {}), safe=",{}") for name in ("query", "query_of_users"))
    return {
        "verb": call["method"],
        "path": f"{V2}{call['path']}",
        "query": f"?{query}" if query else "",
        "query_of_users": more,
        "operation": operations.get((call["method"], template_key(call["path"]))),
    }


def _step(step: Json, operations: Mapping[tuple[str, str], str]) -> dict[str, Any]:
    body = ", ".join(f"`{name}` {value}" for name, value in step["body"].items())
    return {"when": _marked(step["when"]), "body": _marked(body), **_request(step, operations)}


def _members(members: Sequence[Json], rules: Mapping[str, str]) -> dict[str, Any]:
    """Return the rows of changed members; unchanged ones are only named."""
    changed = [member for member in members if member["rule"] != "same" or member["v1"] != member["v2"]]
    return {
        "rows": [_row(member, rules) for member in changed],
        "same": [member["v1"] for member in members if member not in changed],
    }


def _row(member: Json, rules: Mapping[str, str]) -> dict[str, Any]:
    return {"v1": member["v1"], "v2": member["v2"], "what": _marked("; ".join(_said(member, rules)))}


def _said(member: Json, rules: Mapping[str, str]) -> Iterator[str]:
    if member["rule"] != "same" or not member["note"]:
        yield rules[member["rule"]]
    if member["note"]:
        yield member["note"]
    choices = member.get("choices", {})
    if member["rule"] in ("choice", "word"):
        yield ", ".join(f"`{old}`" if old == new else f"`{old}` is `{new}`" for old, new in choices.items())


def _place(pointer: str) -> SafeString:
    """Return a JSON pointer with `*` for every item as people write it: `data.items[]`."""
    path = pointer.replace("/*", "[]").replace("/", ".").removeprefix(".")
    return _marked(f"`{path}`") if path else SafeString("the whole body")


def _example(example: Json) -> dict[str, Any]:
    sides = [{"name": name, **_exchange(example[name])} for name in ("v1", "v2")]
    return {"title": example["title"], "about": _marked(example["about"]), "sides": sides}


def _exchange(exchange: Json) -> dict[str, Any]:
    body = exchange["body"]
    return {
        "request": exchange["request"],
        "body": _written(body) if body is not None else "",
        "status": exchange["status"],
        "answer": _written(exchange["answer"]),
    }


def _written(value: Any) -> str:
    return orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()


def _marked(text: str) -> SafeString:
    """Escape text, and mark text in backticks as code."""
    return SafeString(re.sub("`([^`]+)`", _code, escape(text)))


def _code(found: re.Match[str]) -> str:
    """Keep short code on one line: the rest of a broken `-created_at` would mean something else."""
    kind = ' class="whole"' if len(found[1]) <= 30 else ""
    return f"<code{kind}>{found[1]}</code>"
