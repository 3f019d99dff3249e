"""Every route there is, read from the URLconfs themselves."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.urls import URLPattern, URLResolver, get_resolver

# Where a URLconf is reached: the longest prefix of a route that is one of these is its mount.
MOUNTS = {
    **{urlconf: (f"api/v{version}", "api") for version, urlconf in settings.CANARY["ARMS"].items()},
    settings.ROOT_URLCONF: ("",),
}


@dataclass(frozen=True)
class Route:
    urlconf: str
    mount: str
    pattern: str
    """What stands after the mount, in the words of the URLconf."""
    view: Any

    def __str__(self) -> str:
        return f"{self.urlconf}: {self.mount}{self.pattern}"


def all_routes() -> list[Route]:
    return [_route(urlconf, *found) for urlconf in MOUNTS for found in _walk(get_resolver(urlconf).url_patterns, "")]


def _route(urlconf: str, pattern: str, view: Any) -> Route:
    mounts = [mount for mount in MOUNTS[urlconf] if pattern == mount or pattern.startswith(f"{mount}/")]
    mount = mounts[0] if mounts else ""
    return Route(urlconf, mount, pattern.removeprefix(mount), view)


def _walk(patterns: Iterable[URLPattern | URLResolver], prefix: str) -> Iterator[tuple[str, Any]]:
    for found in patterns:
        pattern = prefix + str(found.pattern)
        if isinstance(found, URLResolver):
            yield from _walk(found.url_patterns, pattern)
        else:
            yield pattern, found.callback
