"""A request to v1, told in v2's words by the declared data."""

import re
from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import parse_qsl, quote, urlencode

from canary.core.mapping.declared import Declared, Json

COUNTED: Final = "count=exact"
"""What makes v2 tell the members whose rule is `counted`."""
USER: Final = "{user}"
"""The value of a parameter that stands for the id of the user who asks."""
_UUID: Final = re.compile(r"[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Equivalent:
    """What to ask v2 instead; for a call without equivalent `method` and `target` are empty and `route["gap"]` says why."""

    route: Json
    method: str
    target: str
    """Path and query, encoded, below v2's base: `/posts?limit=3`."""
    page: int = 1
    """Which page of v2's list holds what v1 answers: it is reached by following `page.next`."""
    doubts: tuple[str, ...] = ()
    """Parameters for whose values v2 may tell other rows, or none, as is declared."""

    @property
    def template(self) -> str:
        """Verb and path of v1 with names for values: `GET /posts/{uuid}`."""
        return f"{self.route['method']} {self.route['path']}"


def equivalent(
    declared: Declared,
    method: str,
    path: str,
    query: str,
    *,
    has_credentials: bool,
    user_id: str | None = None,
) -> Equivalent | None:
    """None for what v1 doesn't have. `path` is decoded and below v1's base (`""` for the base itself), `query` is as sent.

    HEAD and OPTIONS stay what they are. `user_id` is that of the user behind the credentials, when it is known.
    Never raises, whatever it is given.
    """
    found = declared.find(method, path)
    if found is None:
        return None
    route, values = found
    call = route["call"]
    if call is None:
        return Equivalent(route, "", "")
    asked = _asked(query)
    told, doubts = _translate(route, asked, has_credentials=has_credentials, user_id=user_id)
    target = call["path"].format(**{name: quote(value, safe="") for name, value in values.items()})
    return Equivalent(
        route=route,
        method=method if method in ("HEAD", "OPTIONS") else call["method"],
        target=f"{target}?{urlencode(told, safe=',')}" if told else target,
        page=_page(route, asked),
        doubts=doubts,
    )


def counted(declared: Declared, found: Equivalent) -> Equivalent:
    """The same, with v2 asked to count a list whose length v1 tells: it costs a query, and clients rarely need it."""
    rules = (member["rule"] for answer in found.route["answers"] for member in declared.shapes[answer["shape"]])
    if "counted" not in rules:
        return found
    return replace(found, target=f"{found.target}{'&' if '?' in found.target else '?'}{COUNTED}")


def declared_query(route: Json, query: str) -> str:
    """Of v1's query what the declared parameters say: whatever else a client has added is nobody's business."""
    names = {parameter["v1"] for parameter in route["parameters"]}
    return urlencode({name: value for name, value in _asked(query).items() if name in names}, safe=",")


def _asked(query: str) -> dict[str, str]:
    """Of a parameter that is repeated the last one, as v1 reads it. WSGI hands bytes over as Latin-1, and they are UTF-8."""
    try:
        text = query.encode("latin-1").decode(errors="replace")
        return dict(parse_qsl(text, keep_blank_values=True, errors="replace", max_num_fields=1_000))
    except ValueError:  # no text that WSGI hands over, or more fields than v1 reads
        return {}


def _translate(
    route: Json, asked: dict[str, str], *, has_credentials: bool, user_id: str | None
) -> tuple[dict[str, str], tuple[str, ...]]:
    told, doubts = dict(route["call"]["query"]), []
    for name, value in route["call"]["query_of_users"].items() if has_credentials else ():
        if value != USER or user_id is not None:
            told[name] = value if value != USER else str(user_id)
        else:
            doubts.append(name)
    for parameter in route["parameters"]:
        value = asked.get(parameter["v1"], "")
        if parameter["is_for_writers"] and not has_credentials:
            continue
        if _is_doubtful(parameter, value):
            doubts.append(parameter["v1"])
        translated = _value_of(parameter, value, told)
        if translated is not None:
            told[parameter["v2"]] = translated
    return told, tuple(doubts)


def _is_doubtful(parameter: Json, value: str) -> bool:
    """Whether v2 may tell something else for this value, as the data says."""
    if parameter["length_max"] is not None and not value.strip():
        return True
    if not value:
        return False
    if "\0" in value or (parameter["length_max"] is not None and len(value) > parameter["length_max"]):
        return True
    if parameter["rule"] == "slug":
        return value != value.lower() or "," in value or " " in value or _UUID.fullmatch(value) is not None
    if parameter["rule"] == "from_page":
        return parameter["v1"] != "page" and _whole(value) is not None
    return parameter["rule"] == "dropped" or bool(parameter["is_for_writers"])


def _value_of(parameter: Json, value: str, told: dict[str, str]) -> str | None:
    """v2's text; None when v2 isn't told. v1 takes an empty value as none, and so is one that v2 would refuse."""
    if parameter["v2"] is None or not value or "\0" in value:
        return None
    choice: str | None = parameter["choices"].get(value.lower() if parameter["rule"] == "word" else value)
    match parameter["rule"]:
        case "choice" | "word":
            return choice
        case "number":
            number = _whole(value, parameter["maximum"])
            return None if number is None else str(number)
        case "sign":
            key = told.get(parameter["v2"])
            return None if choice is None or key is None else choice + key.removeprefix("-")
        case _:
            return value


def _page(route: Json, asked: dict[str, str]) -> int:
    if any(parameter["v1"] == "page" for parameter in route["parameters"]):
        return _whole(asked.get("page", "")) or 1
    return 1


def _whole(value: str, maximum: int = 2**53) -> int | None:
    """The positive whole number that `value` is, at most `maximum`; None when it is none."""
    digits = value.lstrip("0")
    if not (value.isascii() and value.isdigit() and digits):
        return None
    return maximum if len(digits) > 16 else min(int(digits), maximum)  # int() refuses very long texts
