"""The declared mapping from v1 to v2 that the settings name, and the path of a request below the entrance."""

from functools import lru_cache
from importlib import import_module

from django.http import HttpRequest

from canary.conf import canary_conf
from canary.core.mapping import Declared, Equivalent, Lead, Leads, equivalent
from canary.core.names import Names
from canary.state.store import current_snapshot


def mapping_for(names: Names) -> str:
    """Return the module's name; empty when v1 and its mapping were deleted, and between two journeys.

    Then the settings name the mapping of another journey than the one in force, whose names these are.
    """
    conf = canary_conf()
    return conf.successors if names == conf.names else ""


def declared_successors() -> Declared | None:
    """Return the data; None when there is none any more, or not yet."""
    name = mapping_for(current_snapshot().names)
    return _declared(name) if name else None


def equivalent_of(request: HttpRequest, *, has_credentials: bool) -> Equivalent | None:
    """Return v2's equivalent of a request to v1, pinned or by the entrance; None for an unknown one or without data."""
    declared = declared_successors()
    if declared is None:
        return None
    identity = canary_conf().identify(request) if has_credentials else None
    return equivalent(
        declared,
        str(request.method),
        below_base(request.path_info),
        request.META.get("QUERY_STRING", ""),
        has_credentials=has_credentials,
        user_id=identity[1] if identity and identity[0] == "user" else None,
    )


def lead_of(request: HttpRequest, mapping: str, *, has_credentials: bool) -> Lead | None:
    """Return v2's address for the request's address in v1, None where v2 has none, or without data."""
    if not mapping:
        return None
    query, below = request.META.get("QUERY_STRING", ""), below_base(request.path_info)
    return _leads(mapping).find(str(request.method), below, query, has_credentials=has_credentials)


def guide_below(base: str, names: Names) -> str:
    """Return the address of the guide to v2, or of v2's documentation once the mapping is deleted; empty without."""
    return address_below(base, guide_place(mapping_for(names)))


def guide_place(mapping: str) -> str:
    """Return the guide as the settings name it, or the documentation where there is no mapping."""
    conf = canary_conf()
    return conf.guide if mapping else conf.docs


def address_below(base: str, place: str) -> str:
    return f"{base}{place}" if place.startswith("/") else place


def below_base(path: str) -> str:
    """Return the path without the entrance and the version: `/posts` of `/api/v1/posts` and of `/api/posts`."""
    conf = canary_conf()
    rest = path.removeprefix(conf.entrance)
    version = conf.segment.match(rest) if rest.startswith("/v") else None
    return rest[version.end() :] if version else rest


@lru_cache(maxsize=4)
def _declared(name: str) -> Declared:
    return Declared.of(import_module(name))


@lru_cache(maxsize=4)
def _leads(name: str) -> Leads:
    return Leads(_declared(name))
