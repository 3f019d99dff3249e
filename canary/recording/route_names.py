"""The name of a route in all observations: its verb and template, the same for both versions of one thing."""

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any, Final, NamedTuple

from django.urls import URLResolver, get_resolver

from canary.conf import canary_conf
from canary.core.mapping import Declared
from canary.core.values import STABLE
from canary.retiring.successors import below_base, declared_successors, mapping_for
from canary.state.store import current_snapshot

VERBS: Final = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_CONVERTER: Final = re.compile(r"<(?:[^:<>]+:)?([^<>]+)>")
_PLACE: Final = re.compile(r"\{[^{}]*\}")
# The rest of a pattern that was not a plain path, such as a version's catch-all, does not match.
_PLAIN: Final = re.compile(r"(?:/[\w.{}:-]+)*", re.ASCII)


class Name(NamedTuple):
    shared: str
    """The name of v2's successor where there is one, so that both versions' numbers stand side by side."""
    own: str
    """In the version's own words; empty for routes that the version doesn't have."""
    is_common: bool = False
    """Whether both versions declare it: then the other one could have answered the same request."""


UNKNOWN: Final = Name("(unknown)", "")
REFUSED: Final = "(refused)"


def name_of(api_version: int, method: str, template: str | None) -> Name:
    """Return the name. `template` is the text of Django's `resolver_match.route`; None when nothing was resolved."""
    if template is None:
        return UNKNOWN
    conf = canary_conf()
    wiring = (conf.entrance, mapping_for(current_snapshot().names), *conf.arms.values())
    return _named(wiring, api_version, method, template)


def name_of_path(method: str, path: str) -> Name:
    """Return the name of a call, in v1's words, that was refused before anything was resolved."""
    declared = declared_successors()
    found = declared.find(_verb(method), below_base(path)) if declared else None
    return _of_v1(_verb(method), found[0]["path"], declared) if found and declared else UNKNOWN


# Bounded by itself: templates are those of the URLconfs, verbs those of VERBS. The size only guards against surprises.
@lru_cache(maxsize=4_096)
def _named(wiring: tuple[str, ...], api_version: int, method: str, template: str) -> Name:
    """Return the name. `wiring` holds the settings that it depends on, as a part of the cache's key."""
    below = _below_entrance(template, wiring[0])
    if below is None:
        return UNKNOWN
    declared, verb = declared_successors(), _verb(method)
    if declared and api_version == STABLE:
        return _of_v1(verb, below, declared)
    if declared is None:
        name = _name(verb, below)
        return Name(name, name, all(_shape(below) in _shapes_of(arm, wiring[0]) for arm in wiring[2:]))
    calls = _calls_of_successors(declared)
    name = _name(verb, {_shape(path): path for _, path in calls}.get(_shape(below), below))
    return Name(name, name, any(_name(*call) == name for call in calls))


def _below_entrance(template: str, entrance: str) -> str | None:
    """Return `/posts/{id}` for `api/v1/posts/<uuid:id>`; None for other patterns, and for paths elsewhere."""
    path = _CONVERTER.sub(r"{\1}", f"/{template}")
    below = below_base(path)
    return below if path.startswith(entrance) and _PLAIN.fullmatch(below) else None


def _shape(path: str) -> str:
    """Return the path without the names of its places, which versions may call differently."""
    return _PLACE.sub("{}", path)


def _of_v1(verb: str, path: str, declared: Declared) -> Name:
    found = declared.find(verb, path)
    if found is None:
        return Name(_name(verb, path), "")
    row = found[0]
    own = _name(verb, row["path"])
    call = row["call"]
    if call is None:
        return Name(own, own)
    return Name(_name(verb if verb == "OPTIONS" else call["method"], call["path"]), own, verb != "OPTIONS")


def _calls_of_successors(declared: Declared) -> list[tuple[str, str]]:
    """Return verb and path of each call of v2 that a call of v1 leads to."""
    calls = [row["call"] for rows in declared.routes.values() for _, row in rows]
    return sorted({(call["method"], call["path"]) for call in calls if call})


@lru_cache(maxsize=8)
def _shapes_of(urlconf: str, entrance: str) -> frozenset[str]:
    """Return the shapes of all paths that a version's URLconf has below the entrance."""
    below = (_below_entrance(template, entrance) for template in _templates(get_resolver(urlconf).url_patterns))
    return frozenset(_shape(path) for path in below if path is not None)


def _templates(patterns: Iterable[Any], prefix: str = "") -> Iterator[str]:
    """Yield templates as `resolver_match.route` has them."""
    for pattern in patterns:
        template = f"{prefix}{pattern.pattern}"
        if isinstance(pattern, URLResolver):
            yield from _templates(pattern.url_patterns, template)
        else:
            yield template


def _verb(method: str) -> str:
    return "GET" if method == "HEAD" else method if method in VERBS else "OTHER"


def _name(verb: str, path: str) -> str:
    return f"{verb} {path or '/'}"[:120]
