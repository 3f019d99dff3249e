"""Paths in answers: links to resources stay on the base that the client used, page links are pinned."""

from urllib.parse import quote

from django.http import HttpRequest

PINNED = "/api/v2"
ENTRANCE = "/api"


def base_of(request: HttpRequest) -> str:
    """Return `/api/v2` or `/api`, by which the client came."""
    path = request.path_info
    return PINNED if path == PINNED or path.startswith(f"{PINNED}/") else ENTRANCE


def resource_path(request: HttpRequest) -> str:
    """Return the percent-encoded path below the base: the same for the pinned URL and for the entrance."""
    return quote(request.path_info[len(base_of(request)) :])
