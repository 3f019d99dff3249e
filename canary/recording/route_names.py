"""What a route is called in everything that is seen: its verb and template, the same for both versions of one thing."""

import re
from functools import lru_cache
from typing import Final, NamedTuple

from django.conf import settings

from canary.conf import canary_conf
from canary.core.mapping import Declared
from canary.core.values import V1
from canary.retiring.successors import below_base, declared_successors

VERBS: Final = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_CONVERTER: Final = re.compile(r"<(?:[^:<>]+:)?([^<>]+)>")
_PLACE: Final = re.compile(r"\{[^{}]*\}")
# What is left when a pattern was no plain path, as a version's catch-all isn't.
_PLAIN: Final = re.compile(r"(?:/[\w.{}:-]+)*", re.ASCII)


class Name(NamedTuple):
    shared: str
    """Of v2's successor where there is one, so that both versions' numbers stand side by side."""
    own: str
    """In the version's own words; empty for what that version doesn't have."""


UNKNOWN: Final = Name("(unknown)", "")
REFUSED: Final = "(refused)"


def name_of(api_version: int, method: str, template: str | None) -> Name:
    """`template` is the text of Django's `resolver_match.route`; None when nothing was resolved."""
    if template is None:
        return UNKNOWN
    return _named((canary_conf().entrance, settings.CANARY.get("SUCCESSORS")), api_version, method, template)


def name_of_path(method: str, path: str) -> Name:
    """Of a call of v1 that was refused before anything was resolved."""
    declared = declared_successors()
    found = declared.find(_verb(method), below_base(path)) if declared else None
    return _of_v1(_verb(method), found[0]["path"], declared) if found and declared else UNKNOWN


# Bounded by itself: templates are those of the URLconfs, verbs those of VERBS. The size only guards against surprises.
@lru_cache(maxsize=4_096)
def _named(wiring: tuple[str, str | None], api_version: int, method: str, template: str) -> Name:
    """`wiring` is what the settings say of it: a part of what the answer is kept under."""
    path = _CONVERTER.sub(r"{\1}", f"/{template}")
    if not path.startswith(wiring[0]) or not _PLAIN.fullmatch(below := below_base(path)):
        return UNKNOWN
    declared, verb = declared_successors(), _verb(method)
    if declared and api_version == V1:
        return _of_v1(verb, below, declared)
    known = _paths_of_successors(declared) if declared else {}
    name = _name(verb, known.get(_PLACE.sub("{}", below), below))
    return Name(name, name)


def _of_v1(verb: str, path: str, declared: Declared) -> Name:
    found = declared.find(verb, path)
    if found is None:
        return Name(_name(verb, path), "")
    row = found[0]
    own = _name(verb, row["path"])
    call = row["call"]
    if call is None:
        return Name(own, own)
    return Name(_name(verb if verb == "OPTIONS" else call["method"], call["path"]), own)


@lru_cache(maxsize=4)
def _paths_by_shape(rows: tuple[str, ...]) -> dict[str, str]:
    return {_PLACE.sub("{}", path): path for path in rows}


def _paths_of_successors(declared: Declared) -> dict[str, str]:
    calls = [row["call"] for rows in declared.routes.values() for _, row in rows]
    return _paths_by_shape(tuple(sorted({call["path"] for call in calls if call})))


def _verb(method: str) -> str:
    return "GET" if method == "HEAD" else method if method in VERBS else "OTHER"


def _name(verb: str, path: str) -> str:
    return f"{verb} {path or '/'}"[:120]
