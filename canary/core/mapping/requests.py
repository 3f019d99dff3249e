"""Translate a request to v1 into one to v2 by the declared data."""

import re
from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import parse_qsl, quote, quote_plus, urlencode

from canary.core.mapping.declared import Declared, Json

COUNTED: Final = "count=exact"
"""The parameter that makes v2 send the members whose rule is `counted`."""
USER: Final = "{user}"
"""The value of a parameter that stands for the id of the user who asks."""
DOT_SEGMENTS: Final = frozenset({".", ".."})
"""Values that no address can hold: every reader takes them for a way up, escaped or not (RFC 3986 section 5.2.4)."""
FIELDS_MAX: Final = 1_000
"""The most fields of a query: v1 reads no more, and treats a longer query as empty."""
_PLAIN: Final = re.compile(r"[A-Za-z0-9_.~,-]*")
_UUID: Final = re.compile(r"[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Equivalent:
    """The request to v2; without an equivalent `method` and `target` are empty and `route["gap"]` has the reason."""

    route: Json
    method: str
    target: str
    """Path and query, encoded, below v2's base: `/posts?limit=3`."""
    page: int = 1
    """The page of v2's list that holds the rows of v1's response; clients reach it by following `page.next`."""
    doubts: tuple[str, ...] = ()
    """Parameters whose values may give other rows in v2, or none, as declared."""
    pages_left_out: tuple[str, ...] = ()
    """Parameters that asked v1 for a later page: v2 takes no page number, so the target is the first page."""

    @property
    def template(self) -> str:
        """Return the verb and path of v1 with names for values: `GET /posts/{uuid}`."""
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
    """Return the equivalent in v2; None for a request that v1 doesn't have. Never raises, for any input.

    `path` is decoded and below v1's base (`""` for the base itself), `query` is as sent. An address with a dot segment
    names nothing in v2 either. HEAD and OPTIONS keep their method. `user_id` is that of the user behind the
    credentials, when it is known.
    """
    found = declared.find(method, path)
    if found is None or not DOT_SEGMENTS.isdisjoint(found[1].values()):
        return None
    route, values = found
    call = route["call"]
    if call is None:
        return Equivalent(route, "", "")
    asked = asked_of(query)
    told = translate(route, asked, has_credentials=has_credentials, user_id=user_id)
    target = call["path"].format(**{name: quote(value, safe="") for name, value in values.items()})
    return Equivalent(
        route=route,
        method=method if method in ("HEAD", "OPTIONS") else call["method"],
        target=f"{target}?{encode_query(told)}" if told else target,
        page=_page(route, asked),
        doubts=_doubts(route, asked, has_credentials=has_credentials, user_id=user_id),
        pages_left_out=pages_left_out(route, asked),
    )


def counted(declared: Declared, found: Equivalent) -> Equivalent:
    """Return the same, but ask v2 to count a list if v1 does: that costs a query, and clients rarely need it."""
    rules = (member["rule"] for answer in found.route["answers"] for member in declared.shapes[answer["shape"]])
    if "counted" not in rules:
        return found
    return replace(found, target=f"{found.target}{'&' if '?' in found.target else '?'}{COUNTED}")


def as_asked(found: Equivalent, query: str, *, has_credentials: bool) -> str:
    """Return the target without the parameters that v2 always gets for such a call, as a client of v2 would send it."""
    route = {**found.route, "call": {**found.route["call"], "query": {}, "query_of_users": {}}}
    told = translate(route, asked_of(query), has_credentials=has_credentials)
    path = found.target.partition("?")[0]
    return f"{path}?{encode_query(told)}" if told else path


def declared_query(route: Json, query: str) -> str:
    """Return the declared parameters of v1's query, without any others that a client has added."""
    names = {parameter["v1"] for parameter in route["parameters"]}
    return urlencode({name: value for name, value in asked_of(query).items() if name in names}, safe=",")


def asked_of(query: str) -> dict[str, str]:
    """Return the parameters of a query as v1 reads it: the last one of a repeated name counts.

    WSGI passes bytes as Latin-1, and they are UTF-8.
    """
    if query.isascii() and "%" not in query and "+" not in query:  # as parse_qsl does, in a quarter of the time
        fields = [field.partition("=") for field in query.split("&") if field]
        return {} if query.count("&") >= FIELDS_MAX else {name: value for name, _, value in fields}
    try:
        text = query.encode("latin-1").decode(errors="replace")
        return dict(parse_qsl(text, keep_blank_values=True, errors="replace", max_num_fields=FIELDS_MAX))
    except ValueError:  # not a text that WSGI passes, or more fields than v1 reads
        return {}


def translate(
    route: Json, asked: dict[str, str], *, has_credentials: bool, user_id: str | None = None
) -> dict[str, str]:
    """Return the query of v2 for the parameters sent to v1. `route` is one with a call."""
    told: dict[str, str] = dict(route["call"]["query"])
    if has_credentials:
        for name, value in route["call"]["query_of_users"].items():
            if value != USER or user_id is not None:
                told[name] = value if value != USER else str(user_id)
    if not asked:
        return told
    for parameter in route["parameters"]:
        value = asked.get(parameter["v1"])
        if not value or (parameter["is_for_writers"] and not has_credentials):
            continue
        translated = _value_of(parameter, value, told)
        if translated is not None:
            told[parameter["v2"]] = translated
    return told


def encode_query(told: dict[str, str]) -> str:
    """Return the text of a query; commas stay, because they stand between the values of a list."""
    return "&".join([f"{_encoded(name)}={_encoded(value)}" for name, value in told.items()])


def pages_left_out(route: Json, asked: dict[str, str]) -> tuple[str, ...]:
    """Return the parameters of v1 that asked for a later page than the first."""
    return tuple(
        parameter["v1"]
        for parameter in route["parameters"]
        if parameter["rule"] == "from_page" and (_whole(asked.get(parameter["v1"], "")) or 0) >= _second(parameter)
    )


def _second(parameter: Json) -> int:
    """Return the least value after the first page: pages count from 1, skipped rows from 0."""
    return 2 if parameter["v1"] == "page" else 1


def _encoded(text: str) -> str:
    return text if _PLAIN.fullmatch(text) else quote_plus(text, safe=",", errors="replace")


def _doubts(route: Json, asked: dict[str, str], *, has_credentials: bool, user_id: str | None) -> tuple[str, ...]:
    doubts = []
    if has_credentials and user_id is None:
        doubts += [name for name, value in route["call"]["query_of_users"].items() if value == USER]
    for parameter in route["parameters"]:
        if parameter["is_for_writers"] and not has_credentials:
            continue
        if _is_doubtful(parameter, asked.get(parameter["v1"], "")):
            doubts.append(parameter["v1"])
    return tuple(doubts)


def _is_doubtful(parameter: Json, value: str) -> bool:
    """Return whether v2 may answer differently for this value, as the data declares."""
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
    """Return v2's text, or None to leave it out, as for values that v1 ignores or v2 would refuse."""
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
    """Return the positive whole number that `value` is, at most `maximum`; None for any other text."""
    digits = value.lstrip("0")
    if not (value.isascii() and value.isdigit() and digits):
        return None
    return maximum if len(digits) > 16 else min(int(digits), maximum)  # int() refuses very long texts
