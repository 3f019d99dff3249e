"""Read the options of a verb from a request to the control API: every option is known and has its type."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from django.http import HttpRequest, QueryDict

from canary.requests.problems import Problem
from canary.verbs.declaring import EXPECTED_VERSION, Option

BODY_MAX: Final = 64 * 1024
JSON: Final = "application/json"
NAME_SHOWN: Final = 100
BOOLEANS: Final = {"true": True, "1": True, "false": False, "0": False}


Errors = dict[str, tuple[str, str]]
"""A stable code and a sentence, by the name of the invalid member."""


class Number(str):
    """A JSON number as it was written: a share must not be rounded on the way."""

    __slots__ = ()


def read_body(request: HttpRequest) -> dict[str, Any]:
    """Return the members of the JSON object in the body, none without a body. Raises the problems 400, 413 and 415."""
    length = request.META.get("CONTENT_LENGTH") or "0"
    if (length.isdigit() and int(length) > BODY_MAX) or len(request.body) > BODY_MAX:
        raise Problem(413, "body-too-large", f"A body has at most {BODY_MAX} bytes.")
    if not request.body:
        return {}
    if request.content_type != JSON:
        raise Problem(415, "unsupported-media-type", f"A body's Content-Type is {JSON}.", headers={"Accept": JSON})
    try:
        members = json.loads(
            request.body, parse_int=Number, parse_float=Number, parse_constant=_refuse, object_pairs_hook=_once
        )
    except (ValueError, RecursionError) as error:
        raise Problem(400, "malformed-json", "The body is not valid JSON with each member once.") from error
    if not isinstance(members, dict):
        raise Problem(400, "malformed-json", "The body is not a JSON object.")
    return members


def read_query(query: QueryDict) -> dict[str, Any]:
    """Return the query parameters, each of which may stand once."""
    repeated = [name for name, values in query.lists() if len(values) > 1]
    if repeated:
        raise _invalid_query({name: ("repeated", f"{name[:NAME_SHOWN]!r} stands here twice.") for name in repeated})
    return {name: query[name] for name in query}


def options_from_body(members: Mapping[str, Any], options: Sequence[Option], *, needs_version: bool) -> dict[str, Any]:
    """Return the options. Raises the problem 422 with every invalid member.

    `needs_version`: nobody changes a rollout without having read it.
    """
    values, errors = _read(members, options, _from_json)
    if needs_version and values.get(EXPECTED_VERSION.name) is None and EXPECTED_VERSION.name not in errors:
        errors[EXPECTED_VERSION.name] = ("required", "expected_version is required: the version that status told.")
    if errors:
        raise _invalid_body(errors)
    return values


def options_from_query(parameters: Mapping[str, str], options: Sequence[Option]) -> dict[str, Any]:
    """Return the options. Raises the problem 400 with every invalid parameter."""
    values, errors = _read(parameters, options, _from_text)
    if errors:
        raise _invalid_query(errors)
    return values


def invalid_action(allowed: Sequence[str], *, is_query: bool) -> Problem:
    """Return the problem for a path that names only the first words of verbs."""
    problem = _invalid_query if is_query else _invalid_body
    return problem(
        {"action": ("invalid", f"action is one of {', '.join(allowed)}." if allowed else "There is no action.")}
    )


def _invalid_body(errors: Errors) -> Problem:
    items = [
        {"pointer": f"/{name.replace('~', '~0').replace('/', '~1')}", "code": code, "message": message}  # RFC 6901
        for name, (code, message) in errors.items()
    ]
    return Problem(422, "invalid-input", items[0]["message"], errors=items)


def _invalid_query(errors: Errors) -> Problem:
    items = [{"parameter": name, "code": code, "message": message} for name, (code, message) in errors.items()]
    return Problem(400, "invalid-parameter", items[0]["message"], errors=items)


def _read(
    given: Mapping[str, Any], options: Sequence[Option], read: Callable[[Option, Any], Any]
) -> tuple[dict[str, Any], Errors]:
    known = {option.name: option for option in options}
    allowed = ", ".join(sorted(known)) or "none"
    errors: Errors = {
        name: ("unknown", f"{name[:NAME_SHOWN]!r} is not known here; allowed: {allowed}.")
        for name in given
        if name not in known
    }
    values: dict[str, Any] = {}
    for name, option in known.items():
        if given.get(name) is None:  # null says the same as leaving it out
            values[name] = False if option.is_flag else option.default
            if option.is_required:
                errors[name] = ("required", f"{name} is required: {option.help}.")
            continue
        try:
            values[name] = read(option, given[name])
        except ValueError as error:
            errors[name] = ("invalid", str(error))
    return values, errors


def _from_json(option: Option, value: Any) -> Any:
    if option.parse is None:
        if not isinstance(value, bool):
            raise ValueError(f"{option.name} is true or false.")
        return value
    if isinstance(value, list) and option.is_list and all(isinstance(one, str) for one in value):
        value = ",".join(value)
    if not isinstance(value, str) or (isinstance(value, Number) and not option.is_number):
        raise ValueError(f"{option.name} is {'a number' if option.is_number else 'a text'}: {option.help}.")
    return option.parse(str(value))


def _from_text(option: Option, value: str) -> Any:
    if option.parse is not None:
        return option.parse(value)
    if value.lower() not in BOOLEANS:
        raise ValueError(f"{option.name} is true or false.")
    return BOOLEANS[value.lower()]


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        raise ValueError("a member stands there twice")
    return members
