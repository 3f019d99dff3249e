"""Find what breaks clients of an older OpenAPI document: things that were removed, narrowed or are newly required.

Additions pass: paths, verbs, optional parameters and members, statuses of refusals, values of vocabularies.
"""

from collections.abc import Iterator
from typing import Any, Final

from api_v2.openapi.schemas import look_up
from scripts.openapi.narrowing import Documents, compare_schemas

type Json = dict[str, Any]

_VERBS: Final = ("get", "post", "put", "patch", "delete")


def breaking_changes(old: Json, new: Json) -> list[str]:
    """Return a sentence for each break; none when every client of `old` goes on working with `new`."""
    documents = Documents(old, new)
    return list(dict.fromkeys([*_components(old, new), *_paths(documents)]))


def _components(old: Json, new: Json) -> Iterator[str]:
    """Compare components by name: generated clients have a class for each schema's name."""
    for kind in ("schemas", "securitySchemes"):
        for name in old["components"][kind].keys() - new["components"][kind].keys():
            yield f"component {kind}/{name} is gone"


def _paths(documents: Documents) -> Iterator[str]:
    for path, item in documents.old["paths"].items():
        now = documents.new["paths"].get(path)
        if now is None:
            yield f"{path} is gone"
            continue
        for verb in _VERBS:
            if verb not in item:
                continue
            where = f"{verb.upper()} {path}"
            if verb not in now:
                yield f"{where} is gone"
            else:
                yield from _operation(documents, where, (item, item[verb]), (now, now[verb]))


def _operation(documents: Documents, where: str, old: tuple[Json, Json], new: tuple[Json, Json]) -> Iterator[str]:
    (old_item, was), (new_item, is_now) = old, new
    if was["operationId"] != is_now["operationId"]:
        yield f"{where}: its operationId is {is_now['operationId']}, was {was['operationId']}"
    yield from _parameters(
        documents, where, _named(documents.old, old_item, was), _named(documents.new, new_item, is_now)
    )
    yield from _body(documents, where, was.get("requestBody"), is_now.get("requestBody"))
    yield from _responses(documents, where, was["responses"], is_now["responses"])
    for way in was["security"]:
        if is_now["security"] and not any(set(other) <= set(way) for other in is_now["security"]):
            yield f"{where}: {' with '.join(way) or 'no credential'} is not enough any more"
    if not was["security"] and is_now["security"] and {} not in is_now["security"]:
        yield f"{where}: a credential is needed now"


def _named(document: Json, item: Json, operation: Json) -> dict[tuple[str, str], Json]:
    found = [look_up(document, one) for one in (*item.get("parameters", []), *operation.get("parameters", []))]
    return {(one["in"], one["name"]): one for one in found}


def _parameters(documents: Documents, where: str, old: dict[Any, Json], new: dict[Any, Json]) -> Iterator[str]:
    for key, parameter in old.items():
        place = f"{where}: parameter {key[1]!r}"
        if key not in new:
            yield f"{place} is gone"
            continue
        if new[key].get("required") and not parameter.get("required"):
            yield f"{place} is required now"
        yield from compare_schemas(documents, place, parameter["schema"], new[key]["schema"], is_request=True)
    for key in new.keys() - old.keys():
        if new[key].get("required"):
            yield f"{where}: parameter {key[1]!r} is new and required"


def _body(documents: Documents, where: str, old: Json | None, new: Json | None) -> Iterator[str]:
    if old is None:
        if new is not None and new["required"]:
            yield f"{where}: a body is required now"
        return
    if new is None:
        yield f"{where}: its body is gone"
        return
    if new["required"] and not old["required"]:
        yield f"{where}: a body is required now"
    for media_type, content in old["content"].items():
        if media_type not in new["content"]:
            yield f"{where}: bodies of {media_type} are not taken any more"
        else:
            schema = new["content"][media_type]["schema"]
            yield from compare_schemas(documents, f"{where}: body", content["schema"], schema, is_request=True)


def _responses(documents: Documents, where: str, old: Json, new: Json) -> Iterator[str]:
    for status, response in old.items():
        if status not in new:
            yield f"{where}: status {status} is gone"
            continue
        place, was, is_now = f"{where}: {status}", look_up(documents.old, response), look_up(documents.new, new[status])
        for name in was.get("headers", {}).keys() - is_now.get("headers", {}).keys():
            yield f"{place}: header {name} is gone"
        for media_type, content in was.get("content", {}).items():
            if media_type not in is_now.get("content", {}):
                yield f"{place}: {media_type} is gone"
            else:
                schema = is_now["content"][media_type]["schema"]
                yield from compare_schemas(documents, place, content["schema"], schema, is_request=False)
    for status in new.keys() - old.keys():
        if int(status) < 400:
            yield f"{where}: status {status} is new and no refusal"
