"""Addresses of the old site: which path to redirect from, and which slug they end in."""

from urllib.parse import unquote, urlsplit

_PAGE_SUFFIXES = (".html", ".htm", ".php", ".md")


def old_path_of(address: str) -> str:
    """Return the path of a URL or path, with its query and one leading slash; empty for the front page and nonsense."""
    try:
        parts = urlsplit(address.strip())
    except ValueError:
        return ""
    path = parts.path if parts.path.startswith("/") else f"/{parts.path}"
    if parts.query:
        path = f"{path}?{parts.query}"
    return "" if path == "/" else path


def last_segment(address: str) -> str:
    """Return the last part of the path that names something, decoded and without `.html`."""
    path = old_path_of(address).partition("?")[0]
    for segment in reversed(path.split("/")):
        name = unquote(segment)
        for suffix in _PAGE_SUFFIXES:
            name = name.removesuffix(suffix)
        if name and name != "index":
            return name
    return ""
