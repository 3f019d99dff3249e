"""Texts are rendered and analysed before a lock is taken: it takes seconds, and SQLite has one writer at a time."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cached_property, wraps
from typing import Any, Final

from django.db import connection
from django.utils.translation import gettext_noop

from cms import limits
from cms.choices import ContentFormat
from cms.costs.turns import Busy
from cms.models import Post
from cms.search.documents import SOURCE_FIELDS, analyse_content
from cms.services.checks import check_language, check_text
from cms.text.cost import rendering_s
from cms.text.rendering import plain_text, render_html
from cms.text.turns import ORDINARY_S, text_turn

TRIES: Final = 3
"""As often a change begins in all, while others change the text in the moment between its preparation and its lock."""

type Source = tuple[str, str, str]
"""Content, its format and its language."""


@dataclass(frozen=True)
class PreparedText:
    """The content of a post with everything that is derived from it alone."""

    content: str
    content_format: str
    language: str
    html: str

    @cached_property
    def text(self) -> str:
        """Return the words as a reader sees them."""
        return plain_text(self.html)

    @cached_property
    def keys(self) -> str:
        """Return the words as the search index holds them."""
        return analyse_content(self.text, self.language)

    def is_of(self, content: str, content_format: str, language: str) -> bool:
        return (self.content_format, self.language, self.content) == (content_format, language, content)


class TextChanged(Busy):
    """A dear text would have to be rendered under a lock: it is another one than that which was prepared."""

    def __init__(self, source: Source) -> None:
        super().__init__(gettext_noop("long texts are changed"))
        self.source = source


_prepared: Final = ContextVar[tuple[PreparedText, ...]]("prepared", default=())
_door: Final = ContextVar[int | None]("door", default=None)
"""How many transactions there are around the service that may begin again; None outside of such a service."""
_NEW: Final = Post()


def beginning_again[**P, R](service: Callable[P, R]) -> Callable[P, R]:
    """Let a service begin again when TextChanged ends its transaction: then the text is prepared without a lock.

    It is around all transactions of the service. Only the outermost of several does so. The last
    TextChanged is raised, and answered as Busy is.
    """

    @wraps(service)
    def perform(*args: P.args, **kwargs: P.kwargs) -> R:
        if _door.get() is not None:
            return service(*args, **kwargs)
        token = _door.set(_transactions())
        try:
            with ExitStack() as texts:
                for _ in range(TRIES - 1):
                    try:
                        return service(*args, **kwargs)
                    except TextChanged as changed:
                        texts.enter_context(_kept(_render(changed.source)))
                return service(*args, **kwargs)
        finally:
            _door.reset(token)

    return perform


@contextmanager
def prepared(fields: Mapping[str, Any], post: Post | None = None) -> Iterator[None]:
    """Prepare the text of a post that is about to be written: `prepared_text` gives it inside this block.

    `fields` may be a client's own, without `post` those of a new one. A text that no post may have is left alone: the
    service that writes it refuses it. Long texts wait for their turn, and raise Busy.
    """
    source = _source(fields, post or _NEW)
    if not (SOURCE_FIELDS & fields.keys() and _is_writable(*source)) or _find(source):
        yield
        return
    is_rendered = post is not None and source[:2] == (post.content, post.content_format)
    with _kept(_render(source, post.content_html if post and is_rendered else None)):
        yield


def prepared_text(post: Post) -> PreparedText:
    """Return this post's text, as prepared or else rendered now. Raises TextChanged for a dear one under a lock."""
    source = post.content, post.content_format, post.language
    return _find(source) or _render(source)


def prepared_html() -> str:
    """Return the HTML of the text that was prepared last, if one was."""
    kept = _prepared.get()
    return kept[-1].html if kept else ""


def prepared_keys(post: Post) -> str | None:
    """Return the content's words for the index, if they were prepared. Raises TextChanged as `prepared_text`."""
    source = post.content, post.content_format, post.language
    if found := _find(source):
        return found.keys
    _refuse_under_lock(source)
    return None


def _find(source: Source) -> PreparedText | None:
    return next((text for text in _prepared.get() if text.is_of(*source)), None)


def _render(source: Source, html: str | None = None) -> PreparedText:
    """Render and analyse a text in its turn, unless its `html` is known: then it is analysed."""
    work_s = _refuse_under_lock(source)
    with text_turn(work_s):
        text = PreparedText(*source, render_html(*source[:2]) if html is None else html)
        text.keys  # noqa: B018  now, not when it is asked for
    return text


def _refuse_under_lock(source: Source) -> float:
    """Return the seconds that a text may take. Raises TextChanged where others would wait for them at a lock."""
    work_s = rendering_s(*source[:2])
    if work_s > ORDINARY_S and is_under_lock():
        raise TextChanged(source)
    return work_s


def is_under_lock() -> bool:
    """Return whether a service that may begin again has opened a transaction."""
    door = _door.get()
    return door is not None and _transactions() > door


def _transactions() -> int:
    return len(connection.atomic_blocks)


@contextmanager
def _kept(text: PreparedText) -> Iterator[None]:
    token = _prepared.set((*_prepared.get(), text))
    try:
        yield
    finally:
        _prepared.reset(token)


def _source(fields: Mapping[str, Any], post: Post) -> tuple[Any, Any, Any]:
    content, content_format = fields.get("content", post.content), fields.get("content_format", post.content_format)
    return content, content_format, fields.get("language", post.language)


def _is_writable(content: Any, content_format: Any, language: Any) -> bool:
    if not all(isinstance(value, str) for value in (content, content_format, language)):
        return False
    is_refused = check_text("content", content, *limits.CONTENT) or check_language("language", language)
    return not is_refused and content_format in ContentFormat.values
