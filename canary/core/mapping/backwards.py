"""Translates a read of v2 to v1 if the declared data, which leads from v1 to v2, leads back.

The call of v1 must become a call of v2 that says everything that was asked. Cursors, selections of fields and all else
that v2 alone understands have no translation.
"""

from urllib.parse import parse_qsl, urlencode

from canary.core.mapping.declared import Declared, Json
from canary.core.mapping.requests import Equivalent, asked_of, counted, equivalent


def original(
    declared: Declared, path: str, query: str, *, has_credentials: bool, user_id: str | None = None
) -> tuple[str, str] | None:
    """Return path (decoded) and query of the GET of v1 whose equivalent is this GET of v2; None without one.

    `path` is decoded and below v2's base, `query` as sent.
    """
    asked = asked_of(query)
    if len([field for field in query.split("&") if field]) > len(asked):  # v1 reads the last of a repeated name alone
        return None
    for row, values in declared.find_calls(path):
        told = _told_to_v1(row, asked)
        if told is None:
            continue
        source = row["path"].format(**values), urlencode(told)
        found = equivalent(declared, "GET", *source, has_credentials=has_credentials, user_id=user_id)
        if found is not None and found.route is row and _says(counted(declared, found), asked):
            return source
    return None


def _told_to_v1(row: Json, asked: dict[str, str]) -> dict[str, str] | None:
    """Return v1's query; None if a parameter has no counterpart. Values that v2 always gets here need none."""
    fixed = {**row["call"]["query"], **row["call"]["query_of_users"], "count": "exact"}
    told = {}
    for name, value in asked.items():
        found = next(((one["v1"], text) for one in row["parameters"] if (text := _back(one, name, value))), None)
        if found:
            told[found[0]] = found[1]
        elif fixed.get(name) != value:
            return None
    return told


def _back(parameter: Json, name: str, value: str) -> str | None:
    if parameter["v2"] != name:
        return None
    match parameter["rule"]:
        case "choice" | "word":
            return next((of_v1 for of_v1, of_v2 in parameter["choices"].items() if of_v2 == value), None)
        case "same" | "number" | "slug":
            return value
    return None


def _says(found: Equivalent, asked: dict[str, str]) -> bool:
    """Return whether v2 is asked for all that the request asked for, and is declared to answer the same."""
    told = dict(parse_qsl(found.target.partition("?")[2], keep_blank_values=True))
    return not found.doubts and found.page == 1 and all(told.get(name) == value for name, value in asked.items())
