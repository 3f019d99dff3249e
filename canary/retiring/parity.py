"""Check that every call of v1 has its way to v2: compare v1's URLconf with the declared data."""

from collections.abc import Iterable, Iterator

from django.urls import URLPattern, URLResolver, get_resolver
from django.urls.resolvers import RoutePattern

from canary.conf import canary_conf
from canary.core.mapping import Declared
from canary.retiring.successors import below_base, declared_successors

VERBS = ("get", "post", "put", "patch", "delete")


def unmapped_calls() -> tuple[str, ...]:
    """Return calls of v1 with neither an equivalent nor a documented gap, as `GET /posts/<str:uuid>`."""
    arm = canary_conf().arms.get(canary_conf().names.stable)
    if arm is None:
        return ()
    declared = declared_successors()
    calls = {
        (verb.upper(), below_base(f"/{route}"))
        for route, pattern in _patterns(get_resolver(arm).url_patterns)
        for verb in _verbs(pattern)
    }
    missing = (
        f"{verb} {path or '/'}" for verb, path in calls if declared is None or not _is_told(declared, verb, path)
    )
    return tuple(sorted(missing))


def _is_told(declared: Declared, verb: str, path: str) -> bool:
    found = declared.find(verb, path)
    return found is not None and bool(found[0]["call"] or found[0]["gap"])


def _patterns(patterns: Iterable[URLPattern | URLResolver], prefix: str = "") -> Iterator[tuple[str, URLPattern]]:
    """Yield patterns, each with its whole route; without catch-alls, which are regular expressions."""
    for pattern in patterns:
        if not isinstance(pattern.pattern, RoutePattern):
            continue
        route = f"{prefix}{pattern.pattern}"
        if isinstance(pattern, URLResolver):
            yield from _patterns(pattern.url_patterns, route)
        else:
            yield route, pattern


def _verbs(pattern: URLPattern) -> Iterable[str]:
    view = getattr(pattern.callback, "cls", None) or getattr(pattern.callback, "view_class", None)
    return [verb for verb in VERBS if hasattr(view, verb)] if view else ("get",)
