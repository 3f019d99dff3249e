"""Translate the body of a request to v1 into the one that v2 takes, by the declared data."""

from typing import Any

from canary.core.mapping.bodies import at, converted
from canary.core.mapping.declared import Declared, Json


class NoEquivalentError(ValueError):
    """One call of v2 does not do all that the request asks of v1. The text is a sentence with the reason."""


def sent(declared: Declared, route: Json, body: Any) -> Any:
    """Return the body for v2, as JSON; the same body where `route` declares none. Raises NoEquivalentError.

    Members that are not declared are left out, because v1 ignores them and v2 may refuse them.
    """
    for step in route["then"]:
        if step["method"] != "GET" and step["when"].startswith("for "):
            raise NoEquivalentError(f"v2 needs {step['method']} {step['path']} too.")
    if route["body"] is None or not isinstance(body, dict):
        return body
    told: dict[str, Any] = {}
    for member in declared.bodies[route["body"]]:
        for value in at(body, f"/{member['v1'].replace('.', '/')}"):
            if member["rule"] == "action":
                raise NoEquivalentError(f"v2 has a call of its own for {member['v1']}.")
            if member["v2"] is not None:
                _put(told, member["v2"], _value(declared, member["rule"], value))
    return told


def _value(declared: Declared, rule: str, value: Any) -> Any:
    if rule == "list_of_one" and rule not in declared.conversions:
        return [value] if value else []
    return converted(declared.conversions, rule, value)


def _put(told: dict[str, Any], name: str, value: Any) -> None:
    *outer, last = name.split(".")
    for step in outer:
        told = told.setdefault(step, {})
    told[last] = value
