"""Text out of mobiledoc, the form in which Ghost's editor kept it from 1.0 to 5: only where nothing is lost by it.

A document is read when it consists of Markdown cards, HTML cards and plain paragraphs. Format: mobiledoc 0.3,
https://github.com/bustle/mobiledoc-kit/blob/master/MOBILEDOC.md
"""

import html
import json
from typing import Any, Final

from cms.choices import ContentFormat
from cms.importers.json_stream import is_crowded

_MARKUP_SECTION: Final = 1
_CARD_SECTION: Final = 10
_PLAIN_TAGS: Final = frozenset({"p", "h1", "h2", "h3", "h4", "h5", "h6", "blockquote"})
_CARDS: Final = {"markdown": "markdown", "card-markdown": "markdown", "html": "html"}


def content_of_mobiledoc(text: str) -> tuple[str, ContentFormat] | None:
    """Return the content and its format; None when a part of it needs Ghost to be understood."""
    if is_crowded(text):
        return None
    try:
        document = json.loads(text)
        parts = [_part(section, document["cards"], document["markups"]) for section in document["sections"]]
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return None
    found = [part for part in parts if part is not None]
    if not found or len(found) < len(parts):
        return None
    # HTML may stand in Markdown, and not the other way round.
    has_markdown = any(name == "markdown" for name, _ in found)
    content = "\n\n".join(content for _, content in found)
    return content, ContentFormat.MARKDOWN if has_markdown else ContentFormat.HTML


def _part(section: list[Any], cards: list[Any], markups: list[Any]) -> tuple[str, str] | None:
    if section[0] == _CARD_SECTION:
        name, payload = cards[section[1]]
        kind = _CARDS.get(name)
        content = payload.get(kind) if kind else None
        return (kind, content) if kind and isinstance(content, str) else None
    if section[0] != _MARKUP_SECTION or section[1] not in _PLAIN_TAGS:
        return None
    texts = []
    for kind, opened, closed, text in section[2]:
        if kind != 0 or opened or closed or not isinstance(text, str):
            return None
        texts.append(html.escape(text, quote=False))
    return "html", f"<{section[1]}>{''.join(texts)}</{section[1]}>"
