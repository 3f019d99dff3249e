"""Posts as an Atom feed (RFC 4287), in pages that lead to one another (RFC 5005 section 3)."""

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

from api_v2.pagination import Page

ATOM: Final = "http://www.w3.org/2005/Atom"
MEDIA_TYPE: Final = "application/atom+xml"
FIELDS: Final = (
    *("id", "slug", "title", "excerpt", "content_html", "language"),
    *("author", "co_authors", "tags", "categories", "published_at", "updated_at"),
)
INCLUDE: Final = ("author", "tags", "categories")
# Atom wants an instant even of a feed without entries; one that stays keeps its validator the same.
_NEVER: Final = "1970-01-01T00:00:00.000000Z"
_LANGUAGE_OF_XML: Final = "{http://www.w3.org/XML/1998/namespace}lang"
# Characters that XML 1.0 cannot write (section 2.2).
_UNWRITABLE: Final = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_CONTENT: Final = "\uffff"
"""Stands for a content while the rest is written. No other text has it: it is an unwritable one."""

type Json = Mapping[str, Any]
type Named = Mapping[str, Json]


@dataclass(frozen=True)
class FeedAddresses:
    """Absolute addresses. `base` is the API's, without a slash at its end; `feed` is the same for all pages."""

    base: str
    feed: str
    here: str


def updated_at(posts: Iterable[Json]) -> str:
    """Return the last of their changes; becoming public is one, also when it was scheduled long before."""
    return max((_changed_at(post) for post in posts), default=_NEVER)


def write_feed(posts: Sequence[Json], included: Mapping[str, Iterable[Json]], page: Page, at: FeedAddresses) -> bytes:
    """Return the feed. `posts` have FIELDS, `included` the objects of INCLUDE."""
    names = {kind: {str(row["id"]): row for row in rows} for kind, rows in included.items()}
    feed = ET.Element("feed", {"xmlns": ATOM})
    _text(feed, "id", at.feed)
    _text(feed, "title", "Tandem")
    _text(feed, "updated", updated_at(posts))
    _text(feed, "generator", "Tandem")
    _link(feed, "self", at.here, MEDIA_TYPE)
    _link(feed, "alternate", f"{at.base}/posts", "application/json")
    origin = at.base.removesuffix("/api/v2")
    for relation, path in (("next", page.next), ("previous", page.previous)):
        if path:
            _link(feed, relation, f"{origin}{path}", MEDIA_TYPE)
    for post in posts:
        feed.append(_entry(post, names, at.base))
    ET.indent(feed)
    begin, *others = ET.tostring(feed, encoding="utf-8", xml_declaration=True).split(_CONTENT.encode())
    contents = zip((post["content_html"] for post in posts), others, strict=True)
    return b"".join([begin, *(piece for html, after in contents for piece in (_escaped(html), after))])


def _entry(post: Json, names: Mapping[str, Named], base: str) -> ET.Element:
    entry = ET.Element("entry", {_LANGUAGE_OF_XML: post["language"]})
    _text(entry, "id", f"urn:uuid:{post['id']}")
    _text(entry, "title", post["title"])
    _text(entry, "published", post["published_at"])
    _text(entry, "updated", _changed_at(post))
    _link(entry, "alternate", f"{base}/posts/{quote(post['slug'])}", "application/json")
    for user_id in (post["author"], *post["co_authors"]):
        if user := names["authors"].get(str(user_id)):
            _text(ET.SubElement(entry, "author"), "name", user["display_name"] or user["username"])
    for kind in ("tags", "categories"):
        for term_id in post[kind]:
            if term := names[kind].get(str(term_id)):
                scheme = {"scheme": f"{base}/{kind}", "term": term["slug"], "label": _writable(term["name"])}
                ET.SubElement(entry, "category", scheme)
    if post["excerpt"]:
        _text(entry, "summary", post["excerpt"])
    ET.SubElement(entry, "content", {"type": "html"}).text = _CONTENT
    return entry


def _escaped(html: str) -> bytes:
    """Return a long text as ElementTree writes it, by copies of its bytes: an emoji makes texts four times as long."""
    text = _writable(html) if _UNWRITABLE.search(html) else html
    return text.encode().replace(b"&", b"&amp;").replace(b"<", b"&lt;").replace(b">", b"&gt;")


def _changed_at(post: Json) -> str:
    """Return the last change: instants are equally long texts in UTC, so the greater text is the later instant."""
    updated_at, published_at = str(post["updated_at"]), str(post["published_at"])
    return max(updated_at, published_at)


def _text(parent: ET.Element, name: str, text: str, **attributes: str) -> None:
    ET.SubElement(parent, name, attributes).text = _writable(text)


def _link(parent: ET.Element, relation: str, address: str, media_type: str) -> None:
    ET.SubElement(parent, "link", {"rel": relation, "href": address, "type": media_type})


def _writable(text: str) -> str:
    return _UNWRITABLE.sub("\ufffd", text)
