"""A request as it was before a version looked at it, so that another version can answer it as if it were the first."""

from typing import Any, NamedTuple

from django.http import HttpRequest


class Before(NamedTuple):
    attributes: dict[str, Any]
    meta: dict[str, Any]


def remember(request: HttpRequest) -> Before:
    return Before(request.__dict__.copy(), request.META.copy())


def rewind(request: HttpRequest, before: Before) -> None:
    """Remove what was found out about the request since: its user, session, route, URLconf and parsed parts.

    `request.failed_run` keeps the removed attributes, for code that counts each request once, such as a rate limit.
    """
    failed_run = request.__dict__.copy()
    _put_back(request.__dict__, before.attributes)
    _put_back(request.META, before.meta)
    request.failed_run = failed_run  # type: ignore[attr-defined]


def was_body_read(request: HttpRequest) -> bool:
    """Return whether something of the body is gone from the server's stream, where nobody can read it again."""
    return bool(request._read_started)  # type: ignore[attr-defined]


def _put_back(values: dict[str, Any], before: dict[str, Any]) -> None:
    """Put it back in place, and never empty meanwhile: another thread may be looking at a request that hangs."""
    values.update(before)
    for name in values.keys() - before.keys():
        del values[name]
