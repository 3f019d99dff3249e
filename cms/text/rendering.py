"""From what an editor wrote to what a reader gets: sanitised HTML, plain text, excerpt, reading time."""

import html
import math
import re
from typing import Final

import nh3

from cms import limits
from cms.choices import ContentFormat
from cms.text.cost import DEPTH_MAX, cells_in, is_dear, with_line_feeds
from cms.text.markdown import markdown_to_html

WORDS_PER_MINUTE = 238  # silent reading of English non-fiction: Brysbaert 2019, doi:10.1016/j.jml.2019.104047
LINES_AND_CELLS_MAX = 50_000  # some 20 µs each; a text of the greatest length has twenty characters a line then
GROWTH_MAX = 10  # characters of HTML for one of Markdown; a cell without a word is as long
GROWTH_FREE = 20_000  # characters that don't count: a short text may be a wide table
HTML_MAX = 5 * limits.CONTENT[1] + GROWTH_FREE  # as much as text that is shown as it was written
NOTES_MAX = 5_000  # marks of footnotes; each makes a way there and a way back
CHARACTERS_PER_WORD = 6  # for scripts without spaces, and the share of a word in running English text

_ATTRIBUTES = {
    # Without `cite`, whose scheme nobody checks.
    **{tag: attributes - {"cite"} for tag, attributes in nh3.ALLOWED_ATTRIBUTES.items()},
    "*": {"id", "lang", "dir", "title"},
    "code": {"class"},
    "pre": {"class"},
    "div": {"class"},
    "span": {"class"},
    "figure": {"class"},
}
# Their text is code or markup, not something to read.
_DROPPED_WITH_CONTENT = {"script", "style", "iframe", "object", "embed", "noscript", "template", "textarea", "select"}
# As the sanitiser writes them: values stand between double quotes, and may have angle brackets.
_TAG = re.compile(r"""<[^>"]*(?:"[^"]*"[^>"]*)*(?:>|"[^"]*\Z|\Z)""")
_BLOCK_END = re.compile(
    r"</(?:p|h[1-6]|li|td|th|tr|div|blockquote|pre|figure|figcaption|dt|dd)>|<br\s*/?>|<hr\s*/?>", re.I
)

_QUOTES: Final = ">" * (DEPTH_MAX + 1)
_WITHOUT_LISTS: Final = dict.fromkeys(map(ord, " \t-+*.)0123456789"))
"""Takes out what may stand between the marks of quotes in quotes."""
# As cmark writes them. Readers can't tick a box, and a number stands in brackets, as a text without markup needs it.
_TASK = re.compile(r'<input type="checkbox" (checked="" )?disabled="" />')
_UNDONE, _DONE = "☐", "☑"
_FOOTNOTE = re.compile(r"data-footnote-ref>(\d+)</a>")
_AGAIN = re.compile(r'↩<sup class="footnote-ref">\d+</sup></a>')
_BACK_TO_FOOTNOTE = re.compile(r'<a href="#fnref[^"]*"[^>]*>[^<]*</a>')
_HAS_PARAGRAPHS = re.compile(r"<p[\s>]|<pre[\s>]", re.IGNORECASE)
_BLANK_LINES = re.compile(r"\r?\n[ \t]*\r?\n")
_HAS_BLOCK = re.compile(
    r"</?(?:address|article|aside|blockquote|dd|details|div|dl|dt|figcaption|figure|footer|form|h[1-6]|header|hr|li|"
    r"main|nav|ol|section|table|tbody|td|tfoot|th|thead|tr|ul|script|style)\b|\A<!--[^>]*-->\Z",
    re.IGNORECASE,
)


def render_html(content: str, content_format: str) -> str:
    """Return HTML that is safe to show: no script, style, frame, form or handler survives."""
    if content_format != ContentFormat.MARKDOWN:
        source = _with_paragraphs(content)
    else:
        found = _html_of_markdown(with_line_feeds(content))
        if found is None:
            return _as_written(content)
        source = found
    if is_dear(source):
        return _as_written(content)
    cleaned = nh3.clean(
        source,
        attributes=_ATTRIBUTES,
        clean_content_tags=_DROPPED_WITH_CONTENT,
        url_schemes={"http", "https", "mailto", "tel"},
        link_rel="noopener noreferrer",
    )
    return cleaned if len(cleaned) <= HTML_MAX else _as_written(content)


def _as_written(text: str) -> str:
    """Return the text as the sanitiser would write it, which takes as long for many entities as for much markup."""
    return f"<pre>{html.escape(text, quote=False)}</pre>"


def _html_of_markdown(content: str) -> str | None:
    """Return the HTML; None where it would be too much for the parser or for what comes after it."""
    if content.count("\n") + cells_in(content) > LINES_AND_CELLS_MAX or content.count("[^") > NOTES_MAX:
        return None
    if _QUOTES in content.translate(_WITHOUT_LISTS):
        return None
    source = markdown_to_html(content)
    if len(source) > GROWTH_MAX * len(content) + GROWTH_FREE:
        return None
    source = _TASK.sub(lambda box: _DONE if box[1] else _UNDONE, source)
    return _AGAIN.sub("↩</a>", _FOOTNOTE.sub(r"data-footnote-ref>[\1]</a>", source))


def _with_paragraphs(content: str) -> str:
    """Return HTML as editors type it: without marked paragraphs, blank lines separate them, as in WordPress."""
    if _HAS_PARAGRAPHS.search(content):
        return content
    blocks = [block.strip() for block in _BLANK_LINES.split(content)]
    if len(blocks) < 2:
        return content
    return "\n\n".join(block if _HAS_BLOCK.search(block) else f"<p>{block}</p>" for block in blocks if block)


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
