"""Texts are rendered and analysed before a lock is taken: it takes seconds, and SQLite has one writer at a time."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from cms import limits
from cms.choices import ContentFormat
from cms.models import Post
from cms.search.documents import SOURCE_FIELDS, analyse_content
from cms.services.checks import check_language, check_text
from cms.text.rendering import plain_text, render_html
from cms.text.turns import text_turn


@dataclass(frozen=True)
class PreparedText:
    """The content of a post with everything that is derived from it alone."""

    content: str
    content_format: str
    language: str
    html: str

    @cached_property
    def text(self) -> str:
        """The words as a reader sees them."""
        return plain_text(self.html)

    @cached_property
    def keys(self) -> str:
        """The words as the search index holds them."""
        return analyse_content(self.text, self.language)

    def is_of(self, content: str, content_format: str, language: str) -> bool:
        return (self.content_format, self.language, self.content) == (content_format, language, content)


_prepared: Final = ContextVar[PreparedText | None]("prepared", default=None)
_NEW: Final = Post()


@contextmanager
def prepared(fields: Mapping[str, Any], post: Post | None = None) -> Iterator[None]:
    """Prepare the text of a post that is about to be written: `prepared_text` gives it inside this block.

    `fields` may be a client's own, without `post` those of a new one. A text that no post may have is left alone: the
    service that writes it refuses it. Long texts wait for their turn, and raise Busy.
    """
    content, content_format, language = source = _source(fields, post or _NEW)
    kept = _prepared.get()
    if not (SOURCE_FIELDS & fields.keys() and _is_writable(*source)) or (kept and kept.is_of(*source)):
        yield
        return
    is_rendered = post is not None and (content, content_format) == (post.content, post.content_format)
    with text_turn(content):
        html = post.content_html if post and is_rendered else render_html(content, content_format)
        text = PreparedText(content, content_format, language, html)
        text.keys  # noqa: B018  now, not when it is asked for
    token = _prepared.set(text)
    try:
        yield
    finally:
        _prepared.reset(token)


def prepared_text(post: Post) -> PreparedText:
    """The text of this post, as it was prepared or else rendered now."""
    source = post.content, post.content_format, post.language
    kept = _prepared.get()
    return kept if kept and kept.is_of(*source) else PreparedText(*source, render_html(*source[:2]))


def prepared_html() -> str:
    """The HTML of the text that was prepared, if one was."""
    kept = _prepared.get()
    return kept.html if kept else ""


def prepared_keys(post: Post) -> str | None:
    """The words of this post's content for the index, if they were prepared."""
    kept = _prepared.get()
    return kept.keys if kept and kept.is_of(post.content, post.content_format, post.language) else None


def _source(fields: Mapping[str, Any], post: Post) -> tuple[Any, Any, Any]:
    content, content_format = fields.get("content", post.content), fields.get("content_format", post.content_format)
    return content, content_format, fields.get("language", post.language)


def _is_writable(content: Any, content_format: Any, language: Any) -> bool:
    if not all(isinstance(value, str) for value in (content, content_format, language)):
        return False
    is_refused = check_text("content", content, *limits.CONTENT) or check_language("language", language)
    return not is_refused and content_format in ContentFormat.values
