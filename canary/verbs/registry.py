"""Collect all verbs: those of each module of this package that declares `VERBS`."""

import pkgutil
from functools import cache
from importlib import import_module

from canary import verbs
from canary.verbs.declaring import Verb

Words = tuple[str, ...]


@cache
def all_verbs() -> dict[Words, Verb]:
    """Return all verbs by their words."""
    modules = [import_module(f"{verbs.__name__}.{found.name}") for found in pkgutil.iter_modules(verbs.__path__)]
    return {verb.words: verb for module in modules for verb in getattr(module, "VERBS", ())}


def find_verb(words: Words) -> Verb | None:
    """Return the verb that is offered over HTTP by these words."""
    verb = all_verbs().get(words)
    return None if verb is None or verb.is_local else verb


def verbs_below(words: Words, *, is_change: bool | None = None) -> list[Verb]:
    """Return verbs with these words and more: `allow add` and `allow remove` are the changes below `allow`."""
    depth = len(words)
    offered = [(known, verb) for known, verb in sorted(all_verbs().items()) if not verb.is_local]
    below = [verb for known, verb in offered if len(known) > depth and known[:depth] == words]
    return [verb for verb in below if is_change in (None, verb.is_change)]
