"""Compare two schemas: does a request accept less, does a response send something else?"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from api_v2.openapi.schemas import look_up

type Json = dict[str, Any]

# By keyword, whether the new limit admits fewer values; None stands for a missing limit.
_LIMITS: Final[dict[str, Callable[[float, float], bool]]] = {
    **dict.fromkeys(("minimum", "minLength", "minItems", "minProperties"), lambda old, new: new > old),
    **dict.fromkeys(("maximum", "maxLength", "maxItems", "maxProperties"), lambda old, new: new < old),
}
_NO_LIMIT: Final = {"min": float("-inf"), "max": float("inf")}


@dataclass
class Documents:
    old: Json
    new: Json
    compared: set[tuple[str, str, bool]] = field(default_factory=set)
    """References that were followed already, because schemas may contain themselves."""


@dataclass(frozen=True)
class Pair:
    """Two schemas, in which all references at their tops are looked up, and where they stand."""

    documents: Documents
    place: str
    old: Json
    new: Json
    is_request: bool


def compare_schemas(documents: Documents, place: str, old: Json, new: Json, *, is_request: bool) -> Iterator[str]:
    references = (old.get("$ref", ""), new.get("$ref", ""), is_request)
    if references[0]:
        if references in documents.compared:
            return
        documents.compared.add(references)
        place = f"{place} ({references[0].rpartition('/')[2]})"
    pair = Pair(documents, place, look_up(documents.old, old), look_up(documents.new, new), is_request)
    for compare in (_types, _values, _format, _limits, _members, _parts):
        yield from compare(pair)


def _types(pair: Pair) -> Iterator[str]:
    old, new = _types_of(pair.old), _types_of(pair.new)
    is_broken = _is_less(new, old) if pair.is_request else _is_less(old, new)
    if is_broken:
        yield f"{pair.place}: its type is {_listed(new)}, was {_listed(old)}"


def _types_of(schema: Json) -> set[str]:
    """Empty where there is none, which is any."""
    types = schema.get("type", [])
    found = {types} if isinstance(types, str) else set(types)
    return found | {"integer"} if "number" in found else found


def _is_less(one: set[str], other: set[str]) -> bool:
    """Return whether `one` lacks something of `other`, where the empty set stands for everything."""
    return bool(one) and (not other or not other <= one)


def _listed(types: set[str]) -> str:
    return " or ".join(sorted(types)) or "any"


def _values(pair: Pair) -> Iterator[str]:
    old, new = pair.old.get("enum"), pair.new.get("enum")
    if old is None and new is not None and pair.is_request:
        yield f"{pair.place}: only {', '.join(map(str, new))} are taken now"
    if old is not None and new is not None:
        for value in old:
            if value not in new:
                yield f"{pair.place}: value {value!r} is gone"
    if old is not None and new is None and not pair.is_request:
        yield f"{pair.place}: its values are not listed any more"
    if "x-values" in pair.old:
        new_words = pair.new.get("x-values", {"enum": []})
        yield from compare_schemas(
            pair.documents, pair.place, pair.old["x-values"], new_words, is_request=pair.is_request
        )


def _format(pair: Pair) -> Iterator[str]:
    if pair.old.get("format") != pair.new.get("format") and ("format" in pair.new or not pair.is_request):
        yield f"{pair.place}: its format is {pair.new.get('format')}, was {pair.old.get('format')}"
    if not pair.is_request:
        return
    is_of_words = "x-values" in pair.old and "x-values" in pair.new  # the pattern follows from the values
    if "pattern" in pair.new and pair.old.get("pattern") != pair.new["pattern"] and not is_of_words:
        yield f"{pair.place}: its pattern is {pair.new['pattern']}, was {pair.old.get('pattern')}"
    if pair.old.get("default") != pair.new.get("default"):
        yield f"{pair.place}: its default is {pair.new.get('default')}, was {pair.old.get('default')}"


def _limits(pair: Pair) -> Iterator[str]:
    if not pair.is_request:
        return
    for keyword, is_narrower in _LIMITS.items():
        without = _NO_LIMIT[keyword[:3]]
        old, new = pair.old.get(keyword, without), pair.new.get(keyword, without)
        if is_narrower(old, new):
            yield f"{pair.place}: its {keyword} is {new}, was {'none' if old == without else old}"


def _members(pair: Pair) -> Iterator[str]:
    old, new = pair.old.get("properties", {}), pair.new.get("properties", {})
    old_required, new_required = set(pair.old.get("required", [])), set(pair.new.get("required", []))
    for name, schema in old.items():
        if name not in new:
            yield f"{pair.place}: member {name!r} is gone"
        else:
            place = f"{pair.place}.{name}"
            yield from compare_schemas(pair.documents, place, schema, new[name], is_request=pair.is_request)
    if pair.is_request:
        for name in sorted(new_required - old_required):
            yield f"{pair.place}: member {name!r} is required now"
        if pair.new.get("additionalProperties") is False and pair.old.get("additionalProperties") is not False:
            yield f"{pair.place}: other members are refused now"
    else:
        for name in sorted((old_required - new_required) & new.keys()):
            yield f"{pair.place}: member {name!r} may be missing now"


def _parts(pair: Pair) -> Iterator[str]:
    if "items" in pair.old and "items" in pair.new:
        place = f"{pair.place}[]"
        items = (pair.old["items"], pair.new["items"])
        yield from compare_schemas(pair.documents, place, *items, is_request=pair.is_request)
    old = {json.dumps(schema, sort_keys=True): schema for schema in pair.old.get("anyOf", [])}
    new = {json.dumps(schema, sort_keys=True): schema for schema in pair.new.get("anyOf", [])}
    for key in old.keys() & new.keys():
        yield from compare_schemas(pair.documents, pair.place, old[key], new[key], is_request=pair.is_request)
    if old and (old.keys() - new.keys() if pair.is_request else new.keys() - old.keys()):
        yield f"{pair.place}: what it may be is {_written(pair.new)}, was {_written(pair.old)}"
    if not old and new:
        yield f"{pair.place}: what it may be is {_written(pair.new)}, was one thing alone"


def _written(schema: Json) -> str:
    return " or ".join(json.dumps(part) for part in schema.get("anyOf", [])) or "one thing alone"
