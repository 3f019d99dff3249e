"""Headers that the canary writes on every response, and the address that one of them names."""

import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import quote_from_bytes, unquote_to_bytes

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.encoding import repercent_broken_unicode

ADDRESS_MAX: Final = 8_177
"""No response names a longer address: with `GET  HTTP/1.1` it would not fit into a request line of 8,190 bytes."""
# Characters allowed unescaped in a path and in a query (RFC 3986 sections 3.3 and 3.4); a query comes escaped already.
_IN_PATH: Final = "/:@!$&'()*+,;=-._~"
_IN_QUERY: Final = f"{_IN_PATH}?%"
_PLAIN_PATH: Final = re.compile(r"[A-Za-z0-9/:@!$&'()*+,;=_~.-]*")
_PLAIN: Final = r"[A-Za-z0-9/:@!$&'()*+,;=_~.?-]*"
_PLAIN_QUERY: Final = re.compile(rf"{_PLAIN}(?:%[0-9A-Fa-f]{{2}}{_PLAIN})*")
_LONE_PERCENT: Final = re.compile(r"%(?![0-9A-Fa-f]{2})")
_DOT_SEGMENT: Final = re.compile(r"/\.\.?(?=/|\Z)")


def put(response: HttpResponseBase, key: str, header: tuple[str, str]) -> None:
    """Set a header to visible ASCII, as `response.headers[name] = value` does; `key` is its name in lower case.

    Past its checks, which cost half a microsecond each: on seven headers as much as deciding.
    """
    response.headers._store[key] = header


def put_kept(response: HttpResponseBase, headers: Mapping[str, tuple[str, str]]) -> None:
    """Set headers that are the same on many answers: by name in lower case, as the response keeps them."""
    response.headers._store.update(headers)


def header_of(response: HttpResponseBase, name: str) -> str:
    """Return what stands in a header, empty without it; `name` in lower case.

    `response.headers.get` takes a third of a microsecond to find that nothing is there.
    """
    store: dict[str, tuple[str, str]] = response.headers._store
    found = store.get(name)
    return found[1] if found else ""


def sent_path(request: HttpRequest) -> str:
    """Return the path as the client sent it, escaped once; also bytes that are not UTF-8, if the server passes them."""
    path = request.path_info
    return path if _PLAIN_PATH.fullmatch(path) else quote_from_bytes(_bytes_of(request), _IN_PATH)


def sent_query(request: HttpRequest) -> str:
    """Return `?limit=3`, or nothing for an empty query; bytes that can't stand in an address are escaped."""
    query: str = request.META.get("QUERY_STRING", "")
    if not query:
        return ""
    # WSGI hands bytes over as Latin-1.
    if not _PLAIN_QUERY.fullmatch(query):
        query = _LONE_PERCENT.sub("%25", quote_from_bytes(query.encode("latin-1", "replace"), _IN_QUERY))
    return f"?{query}"


def has_dot_segment(path: str) -> bool:
    """Return whether a step of the path leads readers up or nowhere (RFC 3986 section 5.2.4)."""
    return "/." in path and _DOT_SEGMENT.search(path) is not None


def _bytes_of(request: HttpRequest) -> bytes:
    """Return the path's bytes as the client sent them.

    Django writes a byte that is not UTF-8 as `%FF`, and these three characters as well. gunicorn keeps the line it got.
    """
    path = request.path_info
    raw = unquote_to_bytes(request.META.get("RAW_URI", "").partition("?")[0])
    is_told = repercent_broken_unicode(raw).decode() == path
    return raw if is_told else path.encode(errors="replace")
