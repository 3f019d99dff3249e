"""From what an editor wrote to what a reader gets: sanitised HTML, plain text, excerpt, reading time."""

import html
import math
import re

from cms import limits
from cms.choices import ContentFormat
from cms.text.apart import sanitised_html_apart
from cms.text.cost import is_short
from cms.text.parsing import sanitised_html

WORDS_PER_MINUTE = 238  # silent reading of English non-fiction: Brysbaert 2019, doi:10.1016/j.jml.2019.104047
CHARACTERS_PER_WORD = 6  # for scripts without spaces, and the share of a word in running English text

# As the sanitiser writes them: values stand between double quotes, and may have angle brackets.
_TAG = re.compile(r"""<[^>"]*(?:"[^"]*"[^>"]*)*(?:>|"[^"]*\Z|\Z)""")
_BLOCK_END = re.compile(
    r"</(?:p|h[1-6]|li|td|th|tr|div|blockquote|pre|figure|figcaption|dt|dd)>|<br\s*/?>|<hr\s*/?>", re.I
)

_BACK_TO_FOOTNOTE = re.compile(r'<a href="#fnref[^"]*"[^>]*>[^<]*</a>')


def render_html(content: str, content_format: str) -> str:
    """Return HTML that is safe to show: no script, style, frame, form or handler survives.

    A text that would take too much, or become too long or too deep, is shown as it was written. Raises Busy.
    """
    is_markdown = content_format == ContentFormat.MARKDOWN
    sanitised = sanitised_html if is_short(content, content_format) else sanitised_html_apart
    shown = sanitised(content, is_markdown=is_markdown)
    return _as_written(content) if shown is None else shown


def _as_written(text: str) -> str:
    """Return the text as the sanitiser would write it, which takes as long for many entities as for much markup."""
    return f"<pre>{html.escape(text, quote=False)}</pre>"


def plain_text(content_html: str) -> str:
    """Return the words of sanitised HTML, blanks collapsed. It may be cut off anywhere."""
    words = _BACK_TO_FOOTNOTE.sub("", content_html)
    return " ".join(html.unescape(_TAG.sub("", _BLOCK_END.sub(" ", words))).split())


def derive_excerpt(text: str) -> str:
    """Return the beginning of `text`, cut at a word where it has words, at most 500 characters."""
    if len(text) <= limits.EXCERPT_MAX:
        return text
    cut = text[: limits.EXCERPT_MAX - 1]
    at_word = cut.rsplit(" ", 1)[0]
    return (at_word if len(at_word) > limits.EXCERPT_MAX // 2 else cut).rstrip() + "…"


def reading_time_min(text: str) -> int:
    """Return whole minutes, at least 1."""
    words = max(text.count(" ") + 1, len(text) / CHARACTERS_PER_WORD)
    return max(1, math.ceil(words / WORDS_PER_MINUTE))
