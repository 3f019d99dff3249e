"""Sitemaps (sitemaps.org): an address a post, written as the rows come, and the index of the parts of a large one."""

from collections.abc import Iterable, Iterator
from functools import partial
from typing import Final
from xml.sax.saxutils import escape

MEDIA_TYPE: Final = "application/xml"
_NAMESPACE: Final = "http://www.sitemaps.org/schemas/sitemap/0.9"

type Place = tuple[str, str | None]
"""An absolute address, and when what stands there was last changed."""


def _written(root: str, element: str, places: Iterable[Place]) -> Iterator[bytes]:
    yield f'<?xml version="1.0" encoding="utf-8"?>\n<{root} xmlns="{_NAMESPACE}">\n'.encode()
    for address, changed_at in places:
        changed = f"<lastmod>{changed_at}</lastmod>" if changed_at else ""
        yield f"<{element}><loc>{escape(address)}</loc>{changed}</{element}>\n".encode()
    yield f"</{root}>\n".encode()


write_urls: Final = partial(_written, "urlset", "url")
write_index: Final = partial(_written, "sitemapindex", "sitemap")
