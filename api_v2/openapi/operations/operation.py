"""Descriptions of operations: all that neither their routes nor their views declare."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from api_v2.json_schema import Schema, ref
from api_v2.openapi.resources import whole_or_part


@dataclass(frozen=True)
class Operation:
    id: str
    """The name that generated clients call it by."""
    summary: str
    answer: Schema | None = None
    """The schema of its body, None where there is none or it isn't JSON."""
    status: int = 200
    also: Mapping[int, str] = field(default_factory=dict)
    """Other answers that are no refusals and have no body, each with a sentence."""
    body: str | None = None
    """The name of the schema of its request."""
    is_body_optional: bool = False
    needs_user: bool = False
    fields_of: str | None = None
    """The resource whose members `fields` names."""
    query: Mapping[str, str] = field(default_factory=dict)
    """By parameter, which of its meanings in `parameters.py` it has here; its own name otherwise."""
    problems: tuple[str, ...] = ()
    """Codes beyond those that follow from what it takes."""
    is_conditional: bool = True
    """Whether a GET has an ETag and answers 304, and a change takes If-Match."""


type Operations = Mapping[str, Mapping[str, Operation]]
"""By path below the base and verb."""


def listing(id: str, summary: str, name: str, *, item: str | None = None, **more: object) -> Operation:
    """GET of a list whose items are `item`s, by their whole or the members named."""
    fields_of = item or name.removesuffix("List")
    return Operation(id, summary, ref(name), fields_of=fields_of, **more)  # type: ignore[arg-type]


def getting(id: str, summary: str, name: str, **more: object) -> Operation:
    return Operation(id, summary, whole_or_part(name), fields_of=name, **more)  # type: ignore[arg-type]


def creating(id: str, summary: str, name: str, body: str, **more: object) -> Operation:
    values = {"needs_user": True, **more}
    return Operation(id, summary, ref(name), 201, body=body, **values)  # type: ignore[arg-type]


def changing(id: str, summary: str, name: str, body: str, *problems: str) -> Operation:
    return Operation(id, summary, ref(name), body=body, needs_user=True, problems=problems)


def deleting(id: str, summary: str, *problems: str) -> Operation:
    return Operation(id, summary, status=204, needs_user=True, problems=problems)


def acting(id: str, summary: str, name: str, *problems: str, body: str = "Nothing", status: int = 200) -> Operation:
    """POST to an action; one that says all by its path takes no body, or an empty object."""
    is_bare = body in ("Nothing", "Publication")
    return Operation(
        id, summary, ref(name), status, body=body, is_body_optional=is_bare, needs_user=True, problems=problems
    )
